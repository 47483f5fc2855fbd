//! Counters of generated keys. They are copied, not derived from the rows: a key of a deleted row must not come again.

use sea_orm::{ConnectionTrait, DbBackend, Statement, Value};

use super::CopyError;
use crate::{DbError, Tx, database::Transaction};

/// Copies the counter of a table whose keys are generated.
pub(super) async fn copy(
    source: &Transaction,
    target: &Tx,
    table: &'static str,
    is_generated: bool,
) -> Result<(), CopyError> {
    if !is_generated {
        return Ok(());
    }
    match last(source, table).await? {
        Some(last) => set(target, table, last).await,
        None => Ok(()),
    }
}

/// The last key that was given; `None` when none was.
async fn last(source: &impl ConnectionTrait, table: &str) -> Result<Option<i64>, CopyError> {
    let statement = match source.get_database_backend() {
        DbBackend::Sqlite => with_values(
            DbBackend::Sqlite,
            "SELECT seq AS last FROM sqlite_sequence WHERE name = ?",
            [table.into()],
        ),
        DbBackend::Postgres => with_values(
            DbBackend::Postgres,
            "SELECT pg_sequence_last_value(pg_get_serial_sequence($1, 'id')::regclass) AS last",
            [table.into()],
        ),
        _ => return Err(unknown_engine()),
    };
    let row = source.query_one_raw(statement).await?;
    Ok(row.map(|row| row.try_get::<Option<i64>>("", "last")).transpose()?.flatten())
}

async fn set(target: &Tx, table: &str, last: i64) -> Result<(), CopyError> {
    match target.get_database_backend() {
        DbBackend::Sqlite => {
            let delete = "DELETE FROM sqlite_sequence WHERE name = ?";
            target.execute_raw(with_values(DbBackend::Sqlite, delete, [table.into()])).await?;
            let insert = "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)";
            target.execute_raw(with_values(DbBackend::Sqlite, insert, [table.into(), last.into()])).await?;
        }
        DbBackend::Postgres => {
            let set = "SELECT setval(pg_get_serial_sequence($1, 'id')::regclass, $2)";
            target.query_one_raw(with_values(DbBackend::Postgres, set, [table.into(), last.into()])).await?;
        }
        _ => return Err(unknown_engine()),
    }
    Ok(())
}

fn with_values<const N: usize>(backend: DbBackend, sql: &str, values: [Value; N]) -> Statement {
    Statement::from_sql_and_values(backend, sql, values)
}

fn unknown_engine() -> CopyError {
    CopyError::Db(DbError::Corrupt { what: "kind of database" })
}
