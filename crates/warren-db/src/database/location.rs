//! Where a database is, and why it cannot be opened.

use std::{fmt, io, path::PathBuf, str::FromStr};

use sea_orm::DbErr;
use thiserror::Error;
use url::Url;

use crate::migration::MigrateError;

/// Where a deployment's rows are. `Display` and `Debug` leave the password out.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// A file in a directory that one server uses.
    Sqlite { data_dir: PathBuf },
    /// A PostgreSQL database that many servers may use; the URL is `postgres://user:password@host:port/name`.
    Postgres { url: String },
}

/// Why a text names no database.
#[derive(Debug, Error)]
pub enum LocationError {
    #[error(
        "the database URL is not valid; write postgres://user:password@host:5432/name or sqlite:///directory"
    )]
    Malformed,
    #[error("`{scheme}` is no known kind of database; use postgres:// or sqlite://")]
    Scheme { scheme: String },
}

/// Why a database cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    #[error("cannot create the data directory {path}; create it or choose another with --data-dir")]
    Directory { path: PathBuf, source: io::Error },
    #[error(
        "another Warren server is using the data directory {path}; stop it or choose another with --data-dir"
    )]
    InUse { path: PathBuf },
    #[error("cannot lock the data directory {path}")]
    Lock { path: PathBuf, source: io::Error },
    #[error("the PostgreSQL URL is not valid; write it as postgres://user:password@host:5432/name")]
    Url { source: DbErr },
    #[error(
        "the database {location} was written by a newer Warren (it has {migration}); start that version or a newer one"
    )]
    TooNew { location: Location, migration: String },
    #[error(
        "servers of an older Warren still use the database {location} and cannot go on after {migration}; stop all of them first"
    )]
    OlderRuns { location: Location, migration: String },
    #[error(
        "another server has been bringing the database {location} up to date for minutes; wait until it is done, or end its \
         session in PostgreSQL (pid {pid}) if that server is gone"
    )]
    OtherMigrates { location: Location, pid: i32 },
    #[error(
        "the database {location} was not brought up to date within an hour; look at what PostgreSQL is doing and start again"
    )]
    MigrationStuck { location: Location },
    #[error("the database {location} cannot be opened; check that it is there and that Warren may use it")]
    Open { location: Location, source: DbErr },
    #[error("cannot bring the database {location} up to date")]
    Migrate { location: Location, source: DbErr },
}

impl OpenError {
    pub(super) fn of_migrating(location: &Location, error: MigrateError) -> Self {
        let location = location.clone();
        match error {
            MigrateError::TooNew { migration } => Self::TooNew { location, migration },
            MigrateError::OlderRuns { migration } => Self::OlderRuns { location, migration },
            MigrateError::Failed(source) => Self::Migrate { location, source },
        }
    }
}

impl Location {
    /// Names the data directory of a server that has no PostgreSQL.
    pub fn sqlite(data_dir: impl Into<PathBuf>) -> Self {
        Self::Sqlite { data_dir: data_dir.into() }
    }

    /// Names a PostgreSQL database.
    pub fn postgres(url: impl Into<String>) -> Self {
        Self::Postgres { url: url.into() }
    }
}

impl FromStr for Location {
    type Err = LocationError;

    /// Reads `postgres://…`, `postgresql://…`, `sqlite:///directory` or the path of a data directory.
    fn from_str(text: &str) -> Result<Self, LocationError> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return if text.is_empty() {
                Err(LocationError::Malformed)
            } else {
                Ok(Self::Sqlite { data_dir: PathBuf::from(text) })
            };
        };
        match scheme {
            "postgres" | "postgresql" if Url::parse(text).is_ok() => {
                Ok(Self::Postgres { url: text.to_owned() })
            }
            "sqlite" if !rest.is_empty() => Ok(Self::Sqlite { data_dir: PathBuf::from(rest) }),
            "postgres" | "postgresql" | "sqlite" => Err(LocationError::Malformed),
            scheme => Err(LocationError::Scheme { scheme: scheme.to_owned() }),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { data_dir } => write!(out, "in {}", data_dir.display()),
            Self::Postgres { url } => out.write_str(&without_password(url)),
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// Passwords stand before the host or in a query parameter; the query is left out as a whole.
fn without_password(url: &str) -> String {
    let Ok(mut url) = Url::parse(url) else { return String::from("postgres://…") };
    url.set_query(None);
    // A URL without a host has no password to remove.
    let _ = url.set_password(None);
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_read_from_urls_and_paths() {
        let read = |text: &str| text.parse::<Location>();
        assert_eq!(
            read("sqlite:///var/lib/warren").unwrap(),
            Location::Sqlite { data_dir: PathBuf::from("/var/lib/warren") }
        );
        assert_eq!(read("data").unwrap(), Location::Sqlite { data_dir: PathBuf::from("data") });
        let url = String::from("postgresql://w@db/warren");
        assert_eq!(read(&url).unwrap(), Location::Postgres { url });
        assert!(matches!(read("mysql://db/x"), Err(LocationError::Scheme { .. })));
        assert!(matches!(read("postgres://w@db:port/x"), Err(LocationError::Malformed)));
        assert!(matches!(read(""), Err(LocationError::Malformed)));
    }

    #[test]
    fn a_printed_location_holds_no_password() {
        for url in [
            "postgres://w:hunter2@db:5432/warren?sslmode=require",
            "postgres:///warren?host=/run&password=hunter2",
        ] {
            let location = Location::Postgres { url: url.to_owned() };
            let printed = format!("{location} {location:?}");
            assert!(!printed.contains("hunter2"), "{printed}");
            assert!(printed.contains("/warren"), "{printed}");
        }
    }
}
