//! A chat: status, versions and the lease of the worker that runs it.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "chats")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub owner_id: Uuid,
    pub organization_id: Uuid,
    pub workspace_id: Option<Uuid>,
    #[sea_orm(column_type = "Text")]
    pub title: String,
    #[sea_orm(column_type = "Text")]
    pub status: String,
    pub archived: bool,
    #[sea_orm(column_type = "Text")]
    pub client_type: String,
    /// An object of strings.
    #[sea_orm(column_type = "JsonBinary")]
    pub labels: Json,
    /// 0 when not pinned.
    pub pin_order: i32,
    /// 0 when nothing was read.
    pub last_read_message_id: i64,
    pub last_model_config_id: Uuid,
    pub snapshot_version: i64,
    pub history_version: i64,
    pub queue_version: i64,
    pub retry_version: i64,
    pub generation_attempt: i64,
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub retry_state: Option<Json>,
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub last_error: Option<Json>,
    pub requires_action_deadline_at: Option<DateTimeUtc>,
    pub worker_id: Option<Uuid>,
    pub runner_id: Option<Uuid>,
    /// Number of the newest lease; grows with every acquisition.
    pub lease_epoch: i64,
    pub lease_expires_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
