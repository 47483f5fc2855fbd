//! Since when a server says without a gap that it lives: only then its silence about others means something.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Servers of the version before do not fill it and are no witnesses.
        let since = timestamp_with_time_zone_null("steady_since");
        manager.alter_table(Table::alter().table("replicas").add_column(since).to_owned()).await
    }
}
