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
    pub input_tokens: Option<i64>,
    pub output_tokens: Option<i64>,
    pub total_tokens: Option<i64>,
    pub reasoning_tokens: Option<i64>,
    pub cache_creation_tokens: Option<i64>,
    pub cache_read_tokens: Option<i64>,
    /// Tokens that the model could hold.
    pub context_limit: Option<i64>,
    /// Millionths of a dollar; none when no price was known.
    pub total_cost_micros: Option<i64>,
    pub runtime_ms: Option<i64>,
    pub compressed: bool,
    pub deleted: bool,
    /// The chat's snapshot version of the last change.
    pub revision: i64,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// A message for everybody, without usage. The database gives it its id.
    pub fn new(chat_id: Uuid, role: &str, content: Json, revision: i64, at: DateTimeUtc) -> Self {
        Self {
            id: 0,
            chat_id,
            created_by: None,
            model_config_id: None,
            created_at: at,
            role: role.to_owned(),
            visibility: String::from("both"),
            content,
            input_tokens: None,
            output_tokens: None,
            total_tokens: None,
            reasoning_tokens: None,
            cache_creation_tokens: None,
            cache_read_tokens: None,
            context_limit: None,
            total_cost_micros: None,
            runtime_ms: None,
            compressed: false,
            deleted: false,
            revision,
        }
    }
}
