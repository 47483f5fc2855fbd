//! Service accounts have no e-mail address, so only addresses that are not empty are unique.

use sea_orm_migration::prelude::*;

use super::execute_all;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const STATEMENTS: &[&str] = &[
    "DROP INDEX users_email",
    "CREATE UNIQUE INDEX users_email ON users (lower(email)) WHERE NOT deleted AND email <> ''",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        execute_all(manager, STATEMENTS).await
    }
}
