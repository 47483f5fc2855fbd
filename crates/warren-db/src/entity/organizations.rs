//! An organization; one is the default and is made by the first migration.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "organizations")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    #[sea_orm(column_type = "Text")]
    pub display_name: String,
    #[sea_orm(column_type = "Text")]
    pub description: String,
    #[sea_orm(column_type = "Text")]
    pub icon: String,
    pub is_default: bool,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub deleted: bool,
    /// Names of roles that every member holds without being given them.
    #[sea_orm(column_type = "JsonBinary")]
    pub default_org_member_roles: Json,
    /// Whose workspaces may be shared: `none`, `everyone` or `service_accounts`.
    #[sea_orm(column_type = "Text")]
    pub shareable_workspace_owners: String,
}

impl ActiveModelBehavior for ActiveModel {}
