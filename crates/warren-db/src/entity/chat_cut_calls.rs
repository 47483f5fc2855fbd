//! What calls of models used that ended without an answer in the history, one row a call.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "chat_cut_calls")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub chat_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub history_version: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub generation_attempt: i64,
    pub model_config_id: Option<Uuid>,
    pub input_tokens: Option<i64>,
    pub output_tokens: Option<i64>,
    pub cache_creation_tokens: Option<i64>,
    pub cache_read_tokens: Option<i64>,
    /// Millionths of a dollar; none when no price was known.
    pub total_cost_micros: Option<i64>,
    /// The provider did not come to say what the whole call used.
    pub is_estimated: bool,
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
