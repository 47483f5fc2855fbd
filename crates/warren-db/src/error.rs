//! Database errors by what a caller can do about them.

use std::{
    collections::BTreeMap,
    sync::{PoisonError, RwLock},
};

use sea_orm::{ConnectionTrait, DbErr, RuntimeErr, SqlErr, sqlx};
use thiserror::Error;

/// The result of a query.
pub type DbResult<T> = Result<T, DbError>;

/// Why a query or transaction failed.
#[derive(Debug, Error)]
pub enum DbError {
    /// The row that a query must find does not exist.
    #[error("{what} not found")]
    NotFound { what: &'static str },
    /// A unique index refused the row. `constraint` is the name of the index, `table_pkey` for a primary key.
    #[error("a row with the same {constraint} exists")]
    Unique { constraint: String },
    /// A referenced row does not exist, or a row is still referenced.
    #[error("a referenced row is missing or still in use")]
    ForeignKey,
    /// Others held a connection or a lock for too long; trying again may succeed.
    #[error("the database is busy")]
    Busy,
    /// The connection to the database broke or cannot be made; nothing is known about a commit that was under way.
    #[error("the database cannot be reached")]
    Unavailable(#[source] DbErr),
    /// There is no room left for what was to be stored.
    #[error("the disk of the database is full")]
    Full,
    /// A text holds what the database cannot keep or look for: a NUL character.
    #[error("the text holds a character that cannot be stored")]
    Text,
    /// A stored value does not have the expected form.
    #[error("the stored {what} is not valid")]
    Corrupt { what: &'static str },
    #[error("the database failed")]
    Other(#[source] DbErr),
}

impl DbError {
    /// Whether the unique index of this name refused the row.
    pub fn is_unique(&self, index: &str) -> bool {
        matches!(self, Self::Unique { constraint } if constraint == index)
    }
}

impl From<DbErr> for DbError {
    fn from(error: DbErr) -> Self {
        match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(text)) => {
                let named = database_error(&error).and_then(|error| error.constraint());
                Self::Unique { constraint: named.map_or_else(|| index_of(&text), str::to_owned) }
            }
            Some(SqlErr::ForeignKeyConstraintViolation(_)) => Self::ForeignKey,
            // `SqlErr` is open to new variants.
            Some(_) | None => classify(error),
        }
    }
}

fn classify(error: DbErr) -> DbError {
    if let DbErr::ConnectionAcquire(sea_orm::ConnAcquireErr::Timeout) = error {
        return DbError::Busy;
    }
    let (DbErr::Conn(RuntimeErr::SqlxError(cause))
    | DbErr::Exec(RuntimeErr::SqlxError(cause))
    | DbErr::Query(RuntimeErr::SqlxError(cause))) = &error
    else {
        return match error {
            DbErr::ConnectionAcquire(_) => DbError::Unavailable(error),
            DbErr::Type(_) => DbError::Corrupt { what: "value of a column" },
            other => DbError::Other(other),
        };
    };
    match cause.as_ref() {
        sqlx::Error::PoolTimedOut => DbError::Busy,
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
            DbError::Unavailable(error)
        }
        sqlx::Error::Database(cause) => match cause.code().as_deref() {
            Some(code) if is_busy(code) => DbError::Busy,
            // SQLite; PostgreSQL: disk full.
            Some("13" | "53100") => DbError::Full,
            Some(code) if is_unavailable(code) => DbError::Unavailable(error),
            // Character not in repertoire, untranslatable character.
            Some("22021" | "22P05") => DbError::Text,
            Some(_) | None => DbError::Other(error),
        },
        sqlx::Error::ColumnDecode { .. } => DbError::Corrupt { what: "value of a column" },
        // sqlx's errors are open to new variants.
        _ => DbError::Other(error),
    }
}

/// PostgreSQL: serialization failure, deadlock, lock timeout, cancelled by a timeout. SQLite: busy and locked with
/// their extended codes.
fn is_busy(code: &str) -> bool {
    matches!(code, "40001" | "40P01" | "55P03" | "57014" | "5" | "6" | "261" | "262" | "517" | "773")
}

/// PostgreSQL: connection exceptions, shutting down or starting, too many connections, idle in a transaction.
fn is_unavailable(code: &str) -> bool {
    code.starts_with("08") && code.len() == 5
        || matches!(code, "57P01" | "57P02" | "57P03" | "53300" | "25P03")
}

fn database_error(error: &DbErr) -> Option<&dyn sqlx::error::DatabaseError> {
    match error {
        DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause)) => {
            cause.as_database_error()
        }
        _ => None,
    }
}

/// Index names by what SQLite says instead of them: `table.column[, table.column]`. The schema is the same in every
/// database of this program, hence one table for the process.
static INDEX_NAMES: RwLock<BTreeMap<String, String>> = RwLock::new(BTreeMap::new());

/// Reads the names of the unique indexes of an SQLite database, for errors to name them as PostgreSQL does.
pub(crate) async fn learn_index_names(connection: &impl ConnectionTrait) -> Result<(), DbErr> {
    let rows = connection
        .query_all_raw(sea_orm::Statement::from_string(
            connection.get_database_backend(),
            "SELECT m.name AS tab, l.name AS idx, l.origin AS origin, group_concat(m.name || '.' || c.name, ', ') AS cols \
             FROM sqlite_master m, pragma_index_list(m.name) l, pragma_index_info(l.name) c \
             WHERE m.type = 'table' AND l.\"unique\" = 1 GROUP BY m.name, l.name, l.origin",
        ))
        .await?;
    let mut names = INDEX_NAMES.write().unwrap_or_else(PoisonError::into_inner);
    for row in rows {
        let (table, index, origin): (String, String, String) =
            (row.try_get("", "tab")?, row.try_get("", "idx")?, row.try_get("", "origin")?);
        let name = if origin == "pk" { format!("{table}_pkey") } else { index };
        // Columns are null for an index over expressions, which SQLite names itself.
        if let Some(columns) = row.try_get::<Option<String>>("", "cols")? {
            names.insert(columns, name);
        }
    }
    Ok(())
}

/// SQLite says `UNIQUE constraint failed: index 'x'`, or `…: table.column` for plain columns.
fn index_of(text: &str) -> String {
    let tail = text.rsplit_once("failed: ").map_or(text, |(_, tail)| tail);
    if let Some(name) = tail.strip_prefix("index ") {
        return name.trim_matches('\'').to_owned();
    }
    let names = INDEX_NAMES.read().unwrap_or_else(PoisonError::into_inner);
    names.get(tail).cloned().unwrap_or_else(|| key_of(tail))
}

/// A primary key of one column has no index of its own in SQLite when it is the row number.
fn key_of(columns: &str) -> String {
    match columns.split_once('.') {
        Some((table, "id")) => format!("{table}_pkey"),
        Some(_) | None => columns.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_names_are_read_from_sqlite() {
        assert_eq!(
            index_of("UNIQUE constraint failed: index 'workspaces_owner_name'"),
            "workspaces_owner_name"
        );
        assert_eq!(
            index_of("UNIQUE constraint failed: provisioner_job_logs.id"),
            "provisioner_job_logs_pkey"
        );
        INDEX_NAMES.write().unwrap().insert("t.a, t.b".to_owned(), "t_a_b".to_owned());
        assert_eq!(index_of("UNIQUE constraint failed: t.a, t.b"), "t_a_b");
    }
}
