//! Requests that carried an idempotency key, so that one that is sent again gets the first answer.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "chat_requests")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub owner_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub idempotency_key: String,
    pub chat_id: Uuid,
    /// Of the request's route and body.
    #[sea_orm(column_type = "Text")]
    pub digest: String,
    pub message_id: Option<i64>,
    pub queued_message_id: Option<i64>,
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
