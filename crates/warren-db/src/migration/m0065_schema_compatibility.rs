//! Which programs may run on which schema, see the module `compatibility`.

use sea_orm_migration::{prelude::*, schema::*};

use super::text_pk;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("schema_compatibility")
            .col(text_pk("migration"))
            .col(text("compatible_since"))
            .to_owned();
        manager.create_table(table).await
    }
}
