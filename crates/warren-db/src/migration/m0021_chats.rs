//! Chats: the row with versions and lease, history, queue, saved parts, the tool ledger, and what bounds their cost.

use sea_orm_migration::{prelude::*, schema::*};

use super::{execute_all, references};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

/// Indexes that need an expression or a condition, in the SQL that both databases share.
const INDEXES: &[&str] = &[
    "CREATE INDEX chats_owner ON chats (owner_id, updated_at)",
    "CREATE INDEX chats_workspace ON chats (workspace_id)",
    "CREATE INDEX chats_archived ON chats (updated_at) WHERE archived",
    "CREATE INDEX chats_root ON chats (root_chat_id)",
    "CREATE INDEX chat_messages_cost ON chat_messages (created_at) WHERE total_cost_micros IS NOT NULL",
    "CREATE INDEX chat_reservations_owner ON chat_reservations (owner_id)",
    "CREATE INDEX chats_busy ON chats (updated_at) WHERE status IN ('running', 'interrupting', 'requires_action')",
    "CREATE INDEX chat_messages_chat ON chat_messages (chat_id, id)",
    "CREATE INDEX chat_messages_revision ON chat_messages (chat_id, revision)",
    "CREATE INDEX chat_queued_messages_chat ON chat_queued_messages (chat_id, position, id)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(chats()).await?;
        manager.create_table(messages()).await?;
        manager.create_table(queued_messages()).await?;
        manager.create_table(parts()).await?;
        manager.create_table(tool_calls()).await?;
        manager.create_table(reservations()).await?;
        manager.create_table(requests()).await?;
        manager.create_table(spend_limits()).await?;
        execute_all(manager, INDEXES).await?;
        Ok(())
    }
}

fn chats() -> TableCreateStatement {
    Table::create()
        .table("chats")
        .col(pk_uuid("id"))
        .col(uuid("owner_id"))
        .col(uuid("organization_id"))
        .col(uuid_null("workspace_id"))
        .col(uuid_null("build_id"))
        .col(uuid_null("agent_id"))
        .col(uuid_null("parent_chat_id"))
        .col(uuid_null("root_chat_id"))
        .col(text_null("mode"))
        .col(text_null("plan_mode"))
        .col(text("title"))
        .col(text("status"))
        .col(boolean("archived"))
        .col(text("client_type"))
        .col(json_binary("labels"))
        .col(integer("pin_order"))
        .col(big_integer("last_read_message_id"))
        .col(uuid("last_model_config_id"))
        .col(text_null("last_turn_summary"))
        .col(json_binary_null("dynamic_tools"))
        .col(json_binary_null("approval_rules"))
        .col(big_integer("snapshot_version"))
        .col(big_integer("history_version"))
        .col(big_integer("queue_version"))
        .col(big_integer("retry_version"))
        .col(big_integer("generation_attempt"))
        .col(json_binary_null("retry_state"))
        .col(json_binary_null("last_error"))
        .col(timestamp_with_time_zone_null("requires_action_deadline_at"))
        .col(uuid_null("worker_id"))
        .col(uuid_null("runner_id"))
        .col(big_integer("lease_epoch"))
        .col(timestamp_with_time_zone_null("lease_expires_at"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .foreign_key(references("chats", "owner_id", "users").on_delete(ForeignKeyAction::Restrict))
        .foreign_key(
            references("chats", "organization_id", "organizations").on_delete(ForeignKeyAction::Restrict),
        )
        .foreign_key(
            references("chats", "last_model_config_id", "chat_model_configs")
                .on_delete(ForeignKeyAction::Restrict),
        )
        .to_owned()
}

fn messages() -> TableCreateStatement {
    Table::create()
        .table("chat_messages")
        .col(big_pk_auto("id"))
        .col(uuid("chat_id"))
        .col(uuid_null("created_by"))
        .col(uuid_null("model_config_id"))
        .col(timestamp_with_time_zone("created_at"))
        .col(text("role"))
        .col(text("visibility"))
        .col(json_binary("content"))
        .col(big_integer_null("input_tokens"))
        .col(big_integer_null("output_tokens"))
        .col(big_integer_null("total_tokens"))
        .col(big_integer_null("reasoning_tokens"))
        .col(big_integer_null("cache_creation_tokens"))
        .col(big_integer_null("cache_read_tokens"))
        .col(big_integer_null("context_limit"))
        .col(big_integer_null("total_cost_micros"))
        .col(big_integer_null("runtime_ms"))
        .col(boolean("compressed"))
        .col(boolean("deleted"))
        .col(big_integer("revision"))
        .foreign_key(references("chat_messages", "chat_id", "chats").on_delete(ForeignKeyAction::Cascade))
        .to_owned()
}

fn queued_messages() -> TableCreateStatement {
    Table::create()
        .table("chat_queued_messages")
        .col(big_pk_auto("id"))
        .col(uuid("chat_id"))
        .col(uuid("created_by"))
        .col(uuid("model_config_id"))
        .col(json_binary("content"))
        .col(big_integer("position"))
        .col(timestamp_with_time_zone("created_at"))
        .foreign_key(
            references("chat_queued_messages", "chat_id", "chats").on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}

fn parts() -> TableCreateStatement {
    Table::create()
        .table("chat_parts")
        .col(uuid("chat_id"))
        .col(big_integer("history_version"))
        .col(big_integer("generation_attempt"))
        .col(big_integer("first_seq"))
        .col(big_integer("lease_epoch"))
        .col(json_binary("parts"))
        .primary_key(
            Index::create().col("chat_id").col("history_version").col("generation_attempt").col("first_seq"),
        )
        .foreign_key(references("chat_parts", "chat_id", "chats").on_delete(ForeignKeyAction::Cascade))
        .to_owned()
}

fn tool_calls() -> TableCreateStatement {
    Table::create()
        .table("chat_tool_calls")
        .col(uuid("chat_id"))
        .col(big_integer("history_version"))
        .col(text("call_id"))
        .col(integer("ordinal"))
        .col(text("tool_name"))
        .col(text("state"))
        .col(integer("run"))
        .col(json_binary_null("intent"))
        .col(json_binary_null("ask"))
        .col(uuid_null("decided_by"))
        .col(text_null("note"))
        .col(json_binary_null("result"))
        .col(boolean("is_error"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone_null("asked_at"))
        .col(timestamp_with_time_zone_null("decided_at"))
        .col(timestamp_with_time_zone_null("started_at"))
        .col(timestamp_with_time_zone_null("finished_at"))
        .primary_key(Index::create().col("chat_id").col("history_version").col("call_id"))
        .foreign_key(references("chat_tool_calls", "chat_id", "chats").on_delete(ForeignKeyAction::Cascade))
        .to_owned()
}

fn reservations() -> TableCreateStatement {
    Table::create()
        .table("chat_reservations")
        .col(pk_uuid("chat_id"))
        .col(uuid("owner_id"))
        .col(big_integer("lease_epoch"))
        .col(big_integer("micros"))
        .col(timestamp_with_time_zone("created_at"))
        .foreign_key(references("chat_reservations", "chat_id", "chats").on_delete(ForeignKeyAction::Cascade))
        .to_owned()
}

fn requests() -> TableCreateStatement {
    Table::create()
        .table("chat_requests")
        .col(uuid("owner_id"))
        .col(text("idempotency_key"))
        .col(uuid("chat_id"))
        .col(text("digest"))
        .col(big_integer_null("message_id"))
        .col(big_integer_null("queued_message_id"))
        .col(timestamp_with_time_zone("created_at"))
        .primary_key(Index::create().col("owner_id").col("idempotency_key"))
        .foreign_key(references("chat_requests", "owner_id", "users").on_delete(ForeignKeyAction::Cascade))
        .foreign_key(references("chat_requests", "chat_id", "chats").on_delete(ForeignKeyAction::Cascade))
        .to_owned()
}

fn spend_limits() -> TableCreateStatement {
    Table::create()
        .table("user_chat_spend_limits")
        .col(pk_uuid("user_id"))
        .col(big_integer("limit_micros"))
        .col(timestamp_with_time_zone("updated_at"))
        .foreign_key(
            references("user_chat_spend_limits", "user_id", "users").on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}
