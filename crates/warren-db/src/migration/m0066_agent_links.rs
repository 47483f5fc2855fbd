//! Which server each agent is connected to.

use sea_orm_migration::{prelude::*, schema::*};

use super::references;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let links = Table::create()
            .table("workspace_agent_links")
            .col(pk_uuid("agent_id"))
            .col(uuid_null("replica_id"))
            .col(big_integer("epoch"))
            .col(uuid_null("control_id"))
            .foreign_key(
                references("workspace_agent_links", "agent_id", "workspace_agents")
                    .on_delete(ForeignKeyAction::Cascade),
            )
            .to_owned();
        manager.create_table(links).await
    }
}
