//! Entries of the audit log.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_logs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub time: DateTimeUtc,
    pub request_id: Uuid,
    /// Absent when nobody was signed in, and for work that the server does by itself.
    pub user_id: Option<Uuid>,
    pub organization_id: Option<Uuid>,
    #[sea_orm(column_type = "Text", nullable)]
    pub ip: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub user_agent: String,
    #[sea_orm(column_type = "Text")]
    pub resource_type: String,
    pub resource_id: Uuid,
    /// The name of the object when the entry was made.
    #[sea_orm(column_type = "Text")]
    pub resource_target: String,
    #[sea_orm(column_type = "Text")]
    pub resource_icon: String,
    #[sea_orm(column_type = "Text")]
    pub action: String,
    /// `{field: {old?, new?, secret}}`.
    #[sea_orm(column_type = "JsonBinary")]
    pub diff: Json,
    pub status_code: i32,
    /// An object.
    #[sea_orm(column_type = "JsonBinary")]
    pub additional_fields: Json,
}

impl ActiveModelBehavior for ActiveModel {}
