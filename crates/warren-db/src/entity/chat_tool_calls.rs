//! The tool ledger: one row per tool call that a committed answer asks for.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "chat_tool_calls")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub chat_id: Uuid,
    /// The history version that committed the call.
    #[sea_orm(primary_key, auto_increment = false)]
    pub history_version: i64,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub call_id: String,
    /// The place among the calls of the answer.
    pub ordinal: i32,
    #[sea_orm(column_type = "Text")]
    pub tool_name: String,
    /// `intent`, `started` or `finished`.
    #[sea_orm(column_type = "Text")]
    pub state: String,
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub result: Option<Json>,
    pub is_error: bool,
    pub created_at: DateTimeUtc,
    pub started_at: Option<DateTimeUtc>,
    pub finished_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
