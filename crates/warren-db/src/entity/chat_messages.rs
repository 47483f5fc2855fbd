//! A message of a chat's history. Messages that an edit cut off stay, marked as deleted.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "chat_messages")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub chat_id: Uuid,
    pub created_by: Option<Uuid>,
    pub model_config_id: Option<Uuid>,
    pub created_at: DateTimeUtc,
    #[sea_orm(column_type = "Text")]
    pub role: String,
    #[sea_orm(column_type = "Text")]
    pub visibility: String,
    /// An array of parts.
    #[sea_orm(column_type = "JsonBinary")]
    pub content: Json,
    /// An object of token counts.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub usage: Option<Json>,
    pub runtime_ms: Option<i64>,
    pub compressed: bool,
    pub deleted: bool,
    /// The chat's snapshot version of the last change.
    pub revision: i64,
}

impl ActiveModelBehavior for ActiveModel {}
