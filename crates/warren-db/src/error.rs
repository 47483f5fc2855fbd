//! Database errors by what a caller can do about them.

use sea_orm::{DbErr, SqlErr};
use thiserror::Error;

/// The result of a query.
pub type DbResult<T> = Result<T, DbError>;

/// Why a query or transaction failed.
#[derive(Debug, Error)]
pub enum DbError {
    /// The row that a query must find does not exist.
    #[error("{what} not found")]
    NotFound { what: &'static str },
    /// A unique index refused the row. `constraint` is the index name, or `table.column[, table.column]` for a plain
    /// unique column on SQLite.
    #[error("a row with the same {constraint} exists")]
    Unique { constraint: String },
    /// A referenced row does not exist, or a row is still referenced.
    #[error("a referenced row is missing or still in use")]
    ForeignKey,
    /// No connection became free in time; trying again may succeed.
    #[error("the database is busy")]
    Busy,
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
                Self::Unique { constraint: constraint_of(&text) }
            }
            Some(SqlErr::ForeignKeyConstraintViolation(_)) => Self::ForeignKey,
            // `SqlErr` is open to new variants.
            Some(_) | None => match error {
                DbErr::ConnectionAcquire(_) => Self::Busy,
                other => Self::Other(other),
            },
        }
    }
}

/// SQLite says `UNIQUE constraint failed: index 'x'` or `…: table.column`; PostgreSQL quotes the name with `"`.
fn constraint_of(text: &str) -> String {
    if let Some(name) = text.split('"').nth(1) {
        return name.to_owned();
    }
    let tail = text.rsplit_once("failed: ").map_or(text, |(_, tail)| tail);
    tail.strip_prefix("index ").unwrap_or(tail).trim_matches('\'').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraint_names_are_read_from_both_dialects() {
        assert_eq!(
            constraint_of("UNIQUE constraint failed: index 'workspaces_owner_name'"),
            "workspaces_owner_name"
        );
        assert_eq!(constraint_of("UNIQUE constraint failed: users.email"), "users.email");
        let postgres = "duplicate key value violates unique constraint \"workspaces_owner_name\"";
        assert_eq!(constraint_of(postgres), "workspaces_owner_name");
    }
}
