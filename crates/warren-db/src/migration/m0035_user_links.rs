//! What ties accounts to sign-in providers, and which keys seal the database's secrets.

use sea_orm_migration::{prelude::*, schema::*};

use super::{execute_all, references, text_pk};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

/// Two accounts cannot be the same person at a provider; links that do not know their person yet have an empty id.
const INDEXES: &[&str] = &[
    "CREATE UNIQUE INDEX user_links_linked_id ON user_links (login_type, linked_id) WHERE linked_id <> ''",
    "CREATE UNIQUE INDEX sealing_keys_ordinal ON sealing_keys (ordinal)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("user_links")
                    .col(uuid("user_id"))
                    .col(text("login_type"))
                    .col(text("linked_id"))
                    .col(blob("sealed_access_token"))
                    .col(blob("sealed_refresh_token"))
                    .col(timestamp_with_time_zone_null("expires_at"))
                    .col(timestamp_with_time_zone_null("refresh_lease_until"))
                    .col(json_binary("claims"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .primary_key(Index::create().col("user_id").col("login_type"))
                    .foreign_key(
                        references("user_links", "user_id", "users").on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("sealing_keys")
                    .col(text_pk("id"))
                    .col(big_integer("ordinal"))
                    .col(blob("canary"))
                    .col(timestamp_with_time_zone("created_at"))
                    .to_owned(),
            )
            .await?;
        execute_all(manager, INDEXES).await
    }
}
