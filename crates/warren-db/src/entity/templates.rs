//! A template. Names are unique per organization among templates that are not deleted.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "templates")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub organization_id: Uuid,
    pub created_by: Uuid,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub deleted: bool,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    #[sea_orm(column_type = "Text")]
    pub display_name: String,
    #[sea_orm(column_type = "Text")]
    pub description: String,
    #[sea_orm(column_type = "Text")]
    pub icon: String,
    #[sea_orm(column_type = "Text")]
    pub provisioner: String,
    pub active_version_id: Uuid,
    pub default_ttl_ms: i64,
    pub activity_bump_ms: i64,
    pub failure_ttl_ms: i64,
    pub time_til_dormant_ms: i64,
    pub time_til_dormant_autodelete_ms: i64,
    pub allow_user_autostart: bool,
    pub allow_user_autostop: bool,
    pub allow_user_cancel_workspace_jobs: bool,
    pub require_active_version: bool,
    #[sea_orm(column_type = "Text")]
    pub deprecation_message: String,
    #[sea_orm(column_type = "Text")]
    pub max_port_share_level: String,
    #[sea_orm(column_type = "Text")]
    pub cors_behavior: String,
    pub use_classic_parameter_flow: bool,
}

impl ActiveModelBehavior for ActiveModel {}
