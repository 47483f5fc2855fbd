//! A server process of this deployment and when it was heard of last.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "replicas")]
pub struct Model {
    /// Made anew with every start.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub hostname: String,
    /// The URL at which the other servers reach this one; empty for none.
    #[sea_orm(column_type = "Text")]
    pub relay_address: String,
    #[sea_orm(column_type = "Text")]
    pub version: String,
    pub region_id: i32,
    /// What does not work, in sentences; empty when everything does.
    #[sea_orm(column_type = "Text")]
    pub error: String,
    /// In microseconds.
    pub database_latency: i32,
    pub started_at: DateTimeUtc,
    pub heard_at: DateTimeUtc,
    /// Since when it says without a gap that it lives, by the clock of the database.
    pub steady_since: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
