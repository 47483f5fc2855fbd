//! Fences around chats: what the database itself refuses, whoever writes it.
//!
//! The store decides inside transactions that lock the chat; these triggers hold when something writes past it. They are
//! taken down while a whole deployment is copied, as a copy writes rows that were right at other times.

use sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        raise(manager.get_connection()).await
    }
}

struct Fence {
    name: &'static str,
    table: &'static str,
    event: &'static str,
    /// The SQL, for both engines, of what is refused.
    refused: &'static str,
}

const FENCES: &[Fence] = &[
    // Versions and the number of the lease never go back, and nothing that they stand for changes without them.
    Fence {
        name: "chats_fence",
        table: "chats",
        event: "UPDATE",
        refused: "NEW.snapshot_version < OLD.snapshot_version OR NEW.lease_epoch < OLD.lease_epoch \
             OR NEW.history_version > NEW.snapshot_version OR NEW.queue_version > NEW.snapshot_version \
             OR NEW.retry_version > NEW.snapshot_version \
             OR (NEW.snapshot_version = OLD.snapshot_version AND (NEW.status <> OLD.status \
             OR NEW.archived <> OLD.archived OR NEW.history_version <> OLD.history_version \
             OR NEW.queue_version <> OLD.queue_version OR NEW.retry_version <> OLD.retry_version \
             OR NEW.generation_attempt <> OLD.generation_attempt OR NEW.lease_epoch <> OLD.lease_epoch))",
    },
    // A message belongs to the transition that is being written.
    Fence {
        name: "chat_messages_insert_fence",
        table: "chat_messages",
        event: "INSERT",
        refused: "(SELECT history_version <> snapshot_version OR history_version <> NEW.revision \
             FROM chats WHERE id = NEW.chat_id)",
    },
    Fence {
        name: "chat_messages_update_fence",
        table: "chat_messages",
        event: "UPDATE",
        refused: "NEW.chat_id <> OLD.chat_id OR NEW.id <> OLD.id \
             OR (SELECT history_version <> snapshot_version OR history_version <> NEW.revision \
             FROM chats WHERE id = NEW.chat_id)",
    },
    Fence {
        name: "chat_queued_messages_insert_fence",
        table: "chat_queued_messages",
        event: "INSERT",
        refused: "(SELECT queue_version <> snapshot_version FROM chats WHERE id = NEW.chat_id)",
    },
    Fence {
        name: "chat_queued_messages_update_fence",
        table: "chat_queued_messages",
        event: "UPDATE",
        refused: "NEW.chat_id <> OLD.chat_id \
             OR (SELECT queue_version <> snapshot_version FROM chats WHERE id = NEW.chat_id)",
    },
    Fence {
        name: "chat_queued_messages_delete_fence",
        table: "chat_queued_messages",
        event: "DELETE",
        refused: "(SELECT queue_version <> snapshot_version FROM chats WHERE id = OLD.chat_id)",
    },
    // Parts come from the worker that holds the lease, for the attempt that it has begun.
    Fence {
        name: "chat_parts_fence",
        table: "chat_parts",
        event: "INSERT",
        refused: "NOT EXISTS (SELECT 1 FROM chats WHERE id = NEW.chat_id AND worker_id IS NOT NULL \
             AND lease_epoch = NEW.lease_epoch AND history_version = NEW.history_version \
             AND generation_attempt = NEW.generation_attempt)",
    },
    // A call that has ended stays ended, one that may have run runs again only as a new run, and only what may run starts.
    Fence {
        name: "chat_tool_calls_fence",
        table: "chat_tool_calls",
        event: "UPDATE",
        refused: "NEW.run < OLD.run OR (OLD.state IN ('finished', 'denied') AND NEW.state <> OLD.state) \
             OR (NEW.state = 'started' AND OLD.state NOT IN ('intent', 'approved', 'started')) \
             OR (OLD.state = 'started' AND NEW.state IN ('intent', 'asked', 'approved')) \
             OR (OLD.state = 'unknown' AND NEW.state = 'approved' AND NEW.run = OLD.run)",
    },
];

/// Puts the fences up.
pub(crate) async fn raise(connection: &impl ConnectionTrait) -> Result<(), DbErr> {
    for fence in FENCES {
        for statement in raising(connection.get_database_backend(), fence) {
            connection.execute_unprepared(&statement).await?;
        }
    }
    Ok(())
}

/// Takes the fences down until [`raise`], for a transaction that does both.
pub(crate) async fn lower(connection: &impl ConnectionTrait) -> Result<(), DbErr> {
    for Fence { name, table, .. } in FENCES {
        let statement = match connection.get_database_backend() {
            DbBackend::Postgres => format!("DROP TRIGGER {name} ON {table}; DROP FUNCTION {name}()"),
            _ => format!("DROP TRIGGER {name}"),
        };
        connection.execute_unprepared(&statement).await?;
    }
    Ok(())
}

fn raising(backend: DbBackend, fence: &Fence) -> Vec<String> {
    let Fence { name, table, event, refused } = fence;
    let row = if *event == "DELETE" { "OLD" } else { "NEW" };
    match backend {
        DbBackend::Postgres => vec![
            format!(
                "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 IF {refused} THEN RAISE EXCEPTION '{name}' USING ERRCODE = 'check_violation'; END IF; \
                 RETURN {row}; END $$"
            ),
            format!("CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()"),
        ],
        _ => vec![format!(
            "CREATE TRIGGER {name} BEFORE {event} ON {table} WHEN {refused} \
             BEGIN SELECT RAISE(ABORT, '{name}'); END"
        )],
    }
}
