//! A workspace. Names are unique per owner among workspaces that are not deleted, whatever their case.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workspaces")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub owner_id: Uuid,
    pub organization_id: Uuid,
    pub template_id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub deleted: bool,
    #[sea_orm(column_type = "Text", nullable)]
    pub autostart_schedule: Option<String>,
    pub ttl_ms: Option<i64>,
    pub last_used_at: DateTimeUtc,
    pub dormant_at: Option<DateTimeUtc>,
    pub deleting_at: Option<DateTimeUtc>,
    pub next_start_at: Option<DateTimeUtc>,
    #[sea_orm(column_type = "Text")]
    pub automatic_updates: String,
    pub favorite: bool,
}

impl ActiveModelBehavior for ActiveModel {}
