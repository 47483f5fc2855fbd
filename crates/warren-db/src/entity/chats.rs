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
    /// The build and the agent that the tools worked in last.
    pub build_id: Option<Uuid>,
    pub agent_id: Option<Uuid>,
    /// Set in chats that another chat made.
    pub parent_chat_id: Option<Uuid>,
    pub root_chat_id: Option<Uuid>,
    #[sea_orm(column_type = "Text", nullable)]
    pub mode: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub plan_mode: Option<String>,
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
    /// A few words about the last turn.
    #[sea_orm(column_type = "Text", nullable)]
    pub last_turn_summary: Option<String>,
    /// The tools that a client answers; an array.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub dynamic_tools: Option<Json>,
    /// Approval rules that the owner made in this chat; an array.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub approval_rules: Option<Json>,
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

impl Model {
    /// A chat that waits and has no messages, labels or settings.
    pub fn idle(owner_id: Uuid, organization_id: Uuid, model_config_id: Uuid, at: DateTimeUtc) -> Self {
        Self {
            id: Uuid::new_v4(),
            owner_id,
            organization_id,
            workspace_id: None,
            build_id: None,
            agent_id: None,
            parent_chat_id: None,
            root_chat_id: None,
            mode: None,
            plan_mode: None,
            title: String::new(),
            status: String::from("waiting"),
            archived: false,
            client_type: String::from("api"),
            labels: Json::Object(serde_json::Map::new()),
            pin_order: 0,
            last_read_message_id: 0,
            last_model_config_id: model_config_id,
            last_turn_summary: None,
            dynamic_tools: None,
            approval_rules: None,
            snapshot_version: 0,
            history_version: 0,
            queue_version: 0,
            retry_version: 0,
            generation_attempt: 0,
            retry_state: None,
            last_error: None,
            requires_action_deadline_at: None,
            worker_id: None,
            runner_id: None,
            lease_epoch: 0,
            lease_expires_at: None,
            created_at: at,
            updated_at: at,
        }
    }
}
