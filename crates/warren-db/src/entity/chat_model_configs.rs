//! A model that chats may use. At most one that is not deleted is the default.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "chat_model_configs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub ai_provider_id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub model: String,
    #[sea_orm(column_type = "Text")]
    pub display_name: String,
    pub enabled: bool,
    pub is_default: bool,
    pub deleted: bool,
    /// Tokens.
    pub context_limit: i64,
    /// Percent of the context limit.
    pub compression_threshold: i32,
    /// How the model is called; an object.
    #[sea_orm(column_type = "JsonBinary")]
    pub options: Json,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
