//! Consecutive parts of an answer that is not committed yet: what viewers have seen survives a crash.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "chat_parts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub chat_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub history_version: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub generation_attempt: i64,
    /// The number of the first part in the row.
    #[sea_orm(primary_key, auto_increment = false)]
    pub first_seq: i64,
    /// The lease under which they came.
    pub lease_epoch: i64,
    /// An array of numbered parts.
    #[sea_orm(column_type = "JsonBinary")]
    pub parts: Json,
}

impl ActiveModelBehavior for ActiveModel {}
