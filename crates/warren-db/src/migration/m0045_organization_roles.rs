//! Roles that organizations make for themselves, and what organizations give their members.

use sea_orm_migration::{prelude::*, schema::*};

use super::{execute_all, references};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

/// A name is taken once per organization, whatever its case.
const INDEXES: &[&str] =
    &["CREATE UNIQUE INDEX custom_roles_name ON custom_roles (organization_id, lower(name))"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let default_roles = r#"["organization-workspace-access"]"#;
        for column in [
            json_binary("default_org_member_roles").default(default_roles).to_owned(),
            text("shareable_workspace_owners").default("everyone").to_owned(),
        ] {
            let table = Table::alter().table("organizations").add_column(column).to_owned();
            manager.alter_table(table).await?;
        }
        manager
            .create_table(
                Table::create()
                    .table("custom_roles")
                    .col(pk_uuid("id"))
                    .col(uuid("organization_id"))
                    .col(text("name"))
                    .col(text("display_name"))
                    .col(json_binary("organization_permissions"))
                    .col(json_binary("member_permissions"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .foreign_key(
                        references("custom_roles", "organization_id", "organizations")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        execute_all(manager, INDEXES).await
    }
}
