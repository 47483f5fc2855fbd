//! Two versions on one database: a program runs on a schema that is newer than itself when every migration that it does
//! not know says so, and a migration that older programs cannot bear waits until they are gone.
//!
//! Each program writes down, beside the migrations that it applies, the oldest migration that a program must know to run
//! with each. Older programs read it there. See `docs/adr/0009`.

use std::{collections::BTreeSet, time::Duration};

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement};
use tokio::time::{Instant, sleep};

use super::MigrateError;

/// The migration that makes the table which says who may run with what.
const FIRST: &str = "m0065_schema_compatibility";
/// The migration that makes the table of servers.
const REPLICAS: &str = "m0060_replicas";

/// Migrations that only add what older programs do not mind, each with the oldest migration that a program must know to
/// run with it. Whatever is not here keeps out every program that does not know it.
pub(super) const COMPATIBLE_SINCE: &[(&str, &str)] = &[
    (FIRST, REPLICAS),
    ("m0066_agent_links", REPLICAS),
    ("m0067_chat_cut_calls", REPLICAS),
    ("m0068_steady_replicas", REPLICAS),
];

/// How long a migration waits for servers of older versions to be gone: longer than one that died counts as alive.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(250);
/// A server that was not heard of for so long is gone.
const SILENT: &str = "8 seconds";

/// Decides whether a program that knows `known` may run where `applied` holds more. Gives the newest of what it does not
/// know.
pub(super) async fn tolerate(
    connection: &DatabaseConnection,
    known: &BTreeSet<String>,
    applied: &BTreeSet<String>,
) -> Result<Option<String>, MigrateError> {
    let unknown: Vec<&String> = applied.difference(known).collect();
    let Some(newest) = unknown.last() else { return Ok(None) };
    // Two lines of development have met when each has what the other one lacks.
    let is_older = known.is_subset(applied);
    let compatible =
        if is_older { read(connection).await.map_err(MigrateError::Failed)? } else { Vec::new() };
    let may_run =
        |migration: &str| compatible.iter().any(|(of, since)| of == migration && known.contains(since));
    match unknown.iter().find(|migration| !may_run(migration)) {
        Some(migration) => Err(MigrateError::TooNew { migration: (*migration).clone() }),
        None => Ok(Some((*newest).clone())),
    }
}

/// Waits until no server lives that the missing migrations would break.
pub(super) async fn wait_for_older(
    connection: &DatabaseConnection,
    applied: &BTreeSet<String>,
    missing: &[String],
) -> Result<(), MigrateError> {
    let is_gentle = |migration: &String| {
        let since = COMPATIBLE_SINCE.iter().find(|(of, _)| of == migration);
        since.is_some_and(|(_, since)| applied.contains(*since))
    };
    let Some(breaking) = missing.iter().find(|migration| !is_gentle(migration)) else { return Ok(()) };
    // SQLite has one server at a time, and before there was a table of servers nobody knew of any other.
    if connection.get_database_backend() != DbBackend::Postgres || !applied.contains(REPLICAS) {
        return Ok(());
    }
    let deadline = Instant::now() + PATIENCE;
    while lives(connection).await.map_err(MigrateError::Failed)? {
        if Instant::now() >= deadline {
            return Err(MigrateError::OlderRuns { migration: breaking.clone() });
        }
        sleep(LOOK).await;
    }
    Ok(())
}

/// Writes down for other programs what this one knows of the applied migrations.
pub(super) async fn record(connection: &DatabaseConnection) -> Result<(), DbErr> {
    let recorded = read(connection).await?;
    for (migration, since) in COMPATIBLE_SINCE {
        if recorded.iter().all(|(of, _)| of != migration) {
            let sql = format!(
                "INSERT INTO schema_compatibility (migration, compatible_since) VALUES ('{migration}', '{since}')"
            );
            connection.execute_unprepared(&sql).await?;
        }
    }
    Ok(())
}

async fn read(connection: &DatabaseConnection) -> Result<Vec<(String, String)>, DbErr> {
    let sql = "SELECT migration, compatible_since FROM schema_compatibility";
    let rows = connection.query_all_raw(statement(connection, sql)).await?;
    rows.iter().map(|row| Ok((row.try_get("", "migration")?, row.try_get("", "compatible_since")?))).collect()
}

async fn lives(connection: &DatabaseConnection) -> Result<bool, DbErr> {
    let sql =
        format!("SELECT 1 FROM replicas WHERE heard_at > clock_timestamp() - interval '{SILENT}' LIMIT 1");
    Ok(connection.query_one_raw(statement(connection, &sql)).await?.is_some())
}

fn statement(connection: &DatabaseConnection, sql: &str) -> Statement {
    Statement::from_string(connection.get_database_backend(), sql)
}
