//! Everything that chats have used: answers in their histories, cut ones too, and calls that were cut off. A view, which
//! nothing is written to.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "chat_usage")]
pub struct Model {
    /// No key: a chat has many rows.
    #[sea_orm(primary_key, auto_increment = false)]
    pub chat_id: Uuid,
    pub created_at: DateTimeUtc,
    pub model_config_id: Option<Uuid>,
    pub input_tokens: Option<i64>,
    pub output_tokens: Option<i64>,
    pub cache_read_tokens: Option<i64>,
    pub cache_creation_tokens: Option<i64>,
    pub runtime_ms: Option<i64>,
    pub total_cost_micros: Option<i64>,
    /// The part of the costs that was estimated.
    pub estimated_cost_micros: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
