//! One line of an agent's log; ids grow over the whole deployment.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workspace_agent_logs")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub agent_id: Uuid,
    pub log_source_id: Uuid,
    pub created_at: DateTimeUtc,
    #[sea_orm(column_type = "Text")]
    pub level: String,
    #[sea_orm(column_type = "Text")]
    pub output: String,
}

impl ActiveModelBehavior for ActiveModel {}
