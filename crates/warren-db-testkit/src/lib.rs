//! Databases for tests: a fresh one for each test, on the engine that the test run chose.
//!
//! With `WARREN_TEST_POSTGRES_URL` (the URL of an administrator of a private PostgreSQL server) each test gets a clone of
//! a migrated template database, which is dropped at the end. Without it each test gets an SQLite file in a temporary
//! directory. Must not know any table. Panics instead of returning errors: a test without a database has failed.

#![allow(clippy::unwrap_used, reason = "for tests only")]

mod postgres;
mod way;

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use warren_db::{Database, Location, OpenError, OpenOptions};

pub use way::Way;

/// The environment variable with the URL of PostgreSQL for tests.
pub const POSTGRES_URL_VARIABLE: &str = "WARREN_TEST_POSTGRES_URL";

/// An open database of one test, removed when dropped.
pub struct TestDatabase {
    database: Database,
    place: TestPlace,
}

/// The place of a database of one test, removed when dropped. Nothing is open.
pub struct TestPlace {
    location: Location,
    directory: TempDir,
    /// Dropped after the handles above are.
    _clone: Option<postgres::Clone>,
}

impl TestDatabase {
    /// Makes a migrated database.
    ///
    /// # Panics
    /// When the database cannot be made.
    pub async fn new() -> Self {
        let place = TestPlace::new().await;
        Self { database: place.open().await, place }
    }

    /// The handle; clones share it.
    pub fn database(&self) -> Database {
        self.database.clone()
    }

    /// Where it is.
    pub fn location(&self) -> &Location {
        &self.place.location
    }

    /// A directory of this test: the data directory of SQLite, an empty one with PostgreSQL.
    pub fn directory(&self) -> &Path {
        self.place.directory()
    }

    /// Puts the clock of the database so many minutes before that of this machine, for connections that are made from now
    /// on: to them, every server's own clock is wrong. Does nothing on SQLite, which has none.
    ///
    /// # Panics
    /// When PostgreSQL refuses.
    pub async fn skew_clock(&self, minutes: i64) {
        if let Location::Postgres { url } = &self.place.location {
            postgres::skew_clock(url, minutes).await;
        }
    }

    /// A way to the database whose connections can go silent; `None` on SQLite.
    ///
    /// # Panics
    /// Without a free port.
    pub async fn way(&self) -> Option<Way> {
        self.some_way(false).await
    }

    /// A way to the database on which LISTEN is refused, as through a pooler that shares connections; `None` on SQLite.
    ///
    /// # Panics
    /// Without a free port.
    pub async fn deaf_way(&self) -> Option<Way> {
        self.some_way(true).await
    }

    async fn some_way(&self, is_deaf: bool) -> Option<Way> {
        match &self.place.location {
            Location::Sqlite { .. } => None,
            Location::Postgres { url } => Some(Way::to(url, is_deaf).await),
        }
    }

    /// Opens the database as another server would; `None` on SQLite, which allows one.
    ///
    /// # Panics
    /// When PostgreSQL refuses.
    pub async fn second_handle(&self) -> Option<Database> {
        self.second_handle_with(OpenOptions::default()).await
    }

    /// Opens the database as another server with other options would; `None` on SQLite, which allows one.
    ///
    /// # Panics
    /// When PostgreSQL refuses.
    pub async fn second_handle_with(&self, options: OpenOptions) -> Option<Database> {
        let location = &self.place.location;
        match location {
            Location::Sqlite { .. } => None,
            Location::Postgres { .. } => Some(Database::open_with(location, options).await.unwrap()),
        }
    }

    /// Closes the handle and opens the database again, as the next start of a server does. Waits until all clones of
    /// the handle are gone.
    ///
    /// # Panics
    /// When the database cannot be opened.
    pub async fn reopen(self) -> Self {
        let Self { database, place } = self;
        database.close().await.unwrap();
        drop(database);
        loop {
            match Database::open(&place.location).await {
                Ok(database) => return Self { database, place },
                // The directory's lock goes with the last task that holds the database.
                Err(OpenError::InUse { .. }) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}: {error:?}"),
            }
        }
    }

    /// Closes the handle and keeps the place.
    ///
    /// # Panics
    /// When the database cannot be closed.
    pub async fn into_place(self) -> TestPlace {
        self.database.close().await.unwrap();
        self.place
    }
}

impl TestPlace {
    /// Makes room for a database: an empty directory, or a migrated database of PostgreSQL.
    ///
    /// # Panics
    /// When there is no room.
    pub async fn new() -> Self {
        match std::env::var(POSTGRES_URL_VARIABLE) {
            Ok(url) if !url.is_empty() => Self::postgres(&url).await,
            Ok(_) | Err(_) => Self::sqlite(),
        }
    }

    /// Makes room for a database on SQLite, whatever the test run chose.
    ///
    /// # Panics
    /// Without a temporary directory.
    pub fn sqlite() -> Self {
        let directory = directory();
        Self { location: Location::sqlite(directory.path().join("data")), directory, _clone: None }
    }

    async fn postgres(url: &str) -> Self {
        let clone = postgres::Clone::new(url).await;
        Self { location: Location::postgres(clone.url()), directory: directory(), _clone: Some(clone) }
    }

    /// Where it is.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// A data directory of this test: with PostgreSQL it holds no database.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The data directory for a server on this database.
    pub fn data_dir(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// The URL to start a server with, for `--postgres-url`; `None` on SQLite.
    pub fn postgres_url(&self) -> Option<&str> {
        match &self.location {
            Location::Sqlite { .. } => None,
            Location::Postgres { url } => Some(url),
        }
    }

    /// Opens the database.
    ///
    /// # Panics
    /// When it cannot be opened.
    pub async fn open(&self) -> Database {
        Database::open(&self.location).await.unwrap_or_else(|error| panic!("{error}: {error:?}"))
    }
}

/// Whether this test run uses PostgreSQL.
pub fn is_postgres() -> bool {
    std::env::var(POSTGRES_URL_VARIABLE).is_ok_and(|url| !url.is_empty())
}

fn directory() -> TempDir {
    tempfile::Builder::new().prefix("warren-db-").tempdir().unwrap()
}
