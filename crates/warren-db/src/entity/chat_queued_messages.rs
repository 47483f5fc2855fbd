//! A message that waits until its chat is free, in the order of position and id.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "chat_queued_messages")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub chat_id: Uuid,
    pub created_by: Uuid,
    pub model_config_id: Uuid,
    /// An array of parts.
    #[sea_orm(column_type = "JsonBinary")]
    pub content: Json,
    pub position: i64,
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
