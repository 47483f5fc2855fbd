//! A script that the agent runs, with the outcome of its last run.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workspace_agent_scripts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub agent_id: Uuid,
    pub log_source_id: Uuid,
    pub created_at: DateTimeUtc,
    #[sea_orm(column_type = "Text")]
    pub display_name: String,
    #[sea_orm(column_type = "Text")]
    pub log_path: String,
    #[sea_orm(column_type = "Text")]
    pub script: String,
    #[sea_orm(column_type = "Text")]
    pub cron: String,
    pub timeout_seconds: i32,
    pub start_blocks_login: bool,
    pub run_on_start: bool,
    pub run_on_stop: bool,
    pub display_order: i32,
    pub started_at: Option<DateTimeUtc>,
    pub ended_at: Option<DateTimeUtc>,
    pub exit_code: Option<i32>,
    #[sea_orm(column_type = "Text", nullable)]
    pub status: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
