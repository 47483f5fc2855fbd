//! Model providers, their keys and the models that chats may use.

use sea_orm_migration::{prelude::*, schema::*};

use super::{execute_all, references};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

/// Indexes that need an expression or a condition, in the SQL that both databases share.
const INDEXES: &[&str] = &[
    "CREATE UNIQUE INDEX ai_providers_name ON ai_providers (lower(name)) WHERE NOT deleted",
    "CREATE INDEX ai_provider_keys_provider ON ai_provider_keys (provider_id)",
    "CREATE UNIQUE INDEX chat_model_configs_default ON chat_model_configs (is_default) WHERE is_default AND NOT deleted",
];

fn user_keys() -> TableCreateStatement {
    Table::create()
        .table("user_ai_provider_keys")
        .col(uuid("user_id"))
        .col(uuid("provider_id"))
        .col(blob("sealed"))
        .col(text("masked"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .primary_key(Index::create().col("user_id").col("provider_id"))
        .foreign_key(
            references("user_ai_provider_keys", "user_id", "users").on_delete(ForeignKeyAction::Cascade),
        )
        .foreign_key(
            references("user_ai_provider_keys", "provider_id", "ai_providers")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("ai_providers")
                    .col(pk_uuid("id"))
                    .col(text("type"))
                    .col(text("name"))
                    .col(text("display_name"))
                    .col(text("icon"))
                    .col(boolean("enabled"))
                    .col(boolean("deleted"))
                    .col(text("base_url"))
                    .col(json_binary("settings"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("ai_provider_keys")
                    .col(pk_uuid("id"))
                    .col(uuid("provider_id"))
                    .col(blob("sealed"))
                    .col(text("masked"))
                    .col(timestamp_with_time_zone("created_at"))
                    .foreign_key(
                        references("ai_provider_keys", "provider_id", "ai_providers")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("chat_model_configs")
                    .col(pk_uuid("id"))
                    .col(uuid("ai_provider_id"))
                    .col(text("model"))
                    .col(text("display_name"))
                    .col(boolean("enabled"))
                    .col(boolean("is_default"))
                    .col(boolean("deleted"))
                    .col(big_integer("context_limit"))
                    .col(integer("compression_threshold"))
                    .col(json_binary("options"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .foreign_key(
                        references("chat_model_configs", "ai_provider_id", "ai_providers")
                            .on_delete(ForeignKeyAction::Restrict),
                    )
                    .to_owned(),
            )
            .await?;
        manager.create_table(user_keys()).await?;
        execute_all(manager, INDEXES).await?;
        Ok(())
    }
}
