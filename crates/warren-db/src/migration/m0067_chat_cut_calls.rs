//! Calls of models that were cut off and are paid for all the same, and one view of all that chats have used.

use sea_orm_migration::{prelude::*, schema::*};

use super::{execute_all, references};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const STATEMENTS: &[&str] = &[
    "CREATE INDEX chat_cut_calls_cost ON chat_cut_calls (created_at) WHERE total_cost_micros IS NOT NULL",
    "CREATE VIEW chat_usage AS \
     SELECT chat_id, created_at, model_config_id, input_tokens, output_tokens, cache_read_tokens, \
     cache_creation_tokens, runtime_ms, total_cost_micros, CAST(0 AS BIGINT) AS estimated_cost_micros \
     FROM chat_messages \
     WHERE total_cost_micros IS NOT NULL OR input_tokens IS NOT NULL OR output_tokens IS NOT NULL \
     UNION ALL \
     SELECT chat_id, created_at, model_config_id, input_tokens, output_tokens, cache_read_tokens, \
     cache_creation_tokens, NULL, total_cost_micros, \
     CASE WHEN is_estimated THEN total_cost_micros ELSE CAST(0 AS BIGINT) END \
     FROM chat_cut_calls",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Servers of the version before do not fill it; what they set aside is given back as they do it.
        let call = Table::alter().table("chat_reservations").add_column(json_binary_null("call")).to_owned();
        manager.alter_table(call).await?;
        manager.create_table(cut_calls()).await?;
        execute_all(manager, STATEMENTS).await
    }
}

fn cut_calls() -> TableCreateStatement {
    Table::create()
        .table("chat_cut_calls")
        .col(uuid("chat_id"))
        .col(big_integer("history_version"))
        .col(big_integer("generation_attempt"))
        .col(uuid_null("model_config_id"))
        .col(big_integer_null("input_tokens"))
        .col(big_integer_null("output_tokens"))
        .col(big_integer_null("cache_creation_tokens"))
        .col(big_integer_null("cache_read_tokens"))
        .col(big_integer_null("total_cost_micros"))
        .col(boolean("is_estimated"))
        .col(timestamp_with_time_zone("created_at"))
        .primary_key(Index::create().col("chat_id").col("history_version").col("generation_attempt"))
        .foreign_key(references("chat_cut_calls", "chat_id", "chats").on_delete(ForeignKeyAction::Cascade))
        .to_owned()
}
