//! What the server remembers of agent processes between their connections.

use sea_orm_migration::{prelude::*, schema::*};

use super::references;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("workspace_agent_boots")
                    .col(uuid("agent_id"))
                    .col(uuid("boot_id"))
                    .col(big_integer("last_sequence"))
                    .primary_key(Index::create().col("agent_id").col("boot_id"))
                    .foreign_key(
                        references("workspace_agent_boots", "agent_id", "workspace_agents")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("workspace_host_keys")
                    .col(uuid("workspace_id"))
                    .col(text("agent_name"))
                    .col(blob("sealed_seed"))
                    .primary_key(Index::create().col("workspace_id").col("agent_name"))
                    .foreign_key(
                        references("workspace_host_keys", "workspace_id", "workspaces")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await
    }
}
