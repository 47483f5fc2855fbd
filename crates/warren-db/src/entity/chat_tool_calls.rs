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
    /// How far the call is: a word of the ledger.
    #[sea_orm(column_type = "Text")]
    pub state: String,
    /// Which run of the call this is, from 1: a call whose outcome is unknown may be run again when the user says so.
    pub run: i32,
    /// What the tool decided before it started, such as the id of what it makes.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub intent: Option<Json>,
    /// Why the user is asked.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub ask: Option<Json>,
    pub decided_by: Option<Uuid>,
    /// What the user said with the decision.
    #[sea_orm(column_type = "Text", nullable)]
    pub note: Option<String>,
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub result: Option<Json>,
    pub is_error: bool,
    pub created_at: DateTimeUtc,
    pub asked_at: Option<DateTimeUtc>,
    pub decided_at: Option<DateTimeUtc>,
    pub started_at: Option<DateTimeUtc>,
    pub finished_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
