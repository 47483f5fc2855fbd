//! What owners chose for the whole deployment, one row per setting.

use sea_orm_migration::{prelude::*, schema::*};

use super::text_pk;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("deployment_settings")
                    .col(text_pk("key"))
                    .col(json_binary("value"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .to_owned(),
            )
            .await
    }
}
