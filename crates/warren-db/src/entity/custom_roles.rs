//! Roles that organizations make for themselves.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "custom_roles")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub organization_id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    #[sea_orm(column_type = "Text")]
    pub display_name: String,
    /// Permissions on everything in the organization: `[{"negate", "resource_type", "action"}]`.
    #[sea_orm(column_type = "JsonBinary")]
    pub organization_permissions: Json,
    /// Permissions on what a member owns in the organization, in the same form.
    #[sea_orm(column_type = "JsonBinary")]
    pub member_permissions: Json,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
