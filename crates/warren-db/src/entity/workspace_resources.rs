//! A resource that a job's plan or state holds.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workspace_resources")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub job_id: Uuid,
    pub created_at: DateTimeUtc,
    #[sea_orm(column_type = "Text")]
    pub transition: String,
    #[sea_orm(column_type = "Text", column_name = "type")]
    pub type_: String,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    pub hide: bool,
    #[sea_orm(column_type = "Text")]
    pub icon: String,
    pub daily_cost: i32,
    #[sea_orm(column_type = "Text", nullable)]
    pub instance_type: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
