//! An agent of a resource. Only the SHA-256 of its token is kept.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workspace_agents")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub resource_id: Uuid,
    pub parent_id: Option<Uuid>,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    pub token_hash: Vec<u8>,
    #[sea_orm(column_type = "Text", nullable)]
    pub auth_instance_id: Option<String>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub first_connected_at: Option<DateTimeUtc>,
    pub last_connected_at: Option<DateTimeUtc>,
    pub disconnected_at: Option<DateTimeUtc>,
    #[sea_orm(column_type = "Text")]
    pub architecture: String,
    #[sea_orm(column_type = "Text")]
    pub operating_system: String,
    #[sea_orm(column_type = "Text")]
    pub directory: String,
    #[sea_orm(column_type = "Text")]
    pub expanded_directory: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub environment_variables: Json,
    #[sea_orm(column_type = "Text")]
    pub version: String,
    #[sea_orm(column_type = "Text")]
    pub api_version: String,
    pub connection_timeout_seconds: i32,
    #[sea_orm(column_type = "Text")]
    pub troubleshooting_url: String,
    #[sea_orm(column_type = "Text")]
    pub motd_file: String,
    #[sea_orm(column_type = "Text")]
    pub lifecycle_state: String,
    pub started_at: Option<DateTimeUtc>,
    pub ready_at: Option<DateTimeUtc>,
    #[sea_orm(column_type = "JsonBinary")]
    pub display_apps: Json,
    #[sea_orm(column_type = "JsonBinary")]
    pub subsystems: Json,
    pub display_order: i32,
    pub logs_length: i32,
    pub logs_overflowed: bool,
}

impl ActiveModelBehavior for ActiveModel {}
