//! One transition of a workspace; its Terraform state is in `workspace_build_states`.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workspace_builds")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    pub template_version_id: Uuid,
    pub job_id: Uuid,
    pub initiator_id: Uuid,
    pub build_number: i32,
    #[sea_orm(column_type = "Text")]
    pub transition: String,
    #[sea_orm(column_type = "Text")]
    pub reason: String,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub deadline: Option<DateTimeUtc>,
    pub max_deadline: Option<DateTimeUtc>,
    pub daily_cost: i32,
}

impl ActiveModelBehavior for ActiveModel {}
