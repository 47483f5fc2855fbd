//! A metadata item that the agent collects, with its last value.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workspace_agent_metadata")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub agent_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    #[sea_orm(column_type = "Text")]
    pub display_name: String,
    #[sea_orm(column_type = "Text")]
    pub script: String,
    #[sea_orm(column_type = "Text")]
    pub value: String,
    #[sea_orm(column_type = "Text")]
    pub error: String,
    pub timeout_seconds: i64,
    pub interval_seconds: i64,
    pub collected_at: Option<DateTimeUtc>,
    pub display_order: i32,
}

impl ActiveModelBehavior for ActiveModel {}
