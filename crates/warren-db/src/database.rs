//! The database handle: one writer, several read-only readers, one server per data directory.
//!
//! Must not know any table; migrations and queries do.

use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult,
    QueryResult, SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};
use serde_json::Value;
use thiserror::Error;

use crate::{
    error::DbError,
    migration::{self, MigrateError},
    pubsub::{InProcess, PubSub, Subscription},
};

const DATABASE_FILE: &str = "warren.db";
const LOCK_FILE: &str = "warren.lock";
const READERS_MAX: u32 = 8;
/// How long a query waits for a free connection before it fails as busy.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

/// Why the database of a data directory cannot be opened.
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
    #[error(
        "the database in {path} was written by a newer Warren (it has {migration}); start that version or a newer one"
    )]
    TooNew { path: PathBuf, migration: String },
    #[error("cannot open the database {path}")]
    Open { path: PathBuf, source: DbErr },
    #[error("cannot bring the database {path} up to date")]
    Migrate { path: PathBuf, source: DbErr },
}

/// A handle to the open database; clones share it.
#[derive(Clone)]
pub struct Database {
    shared: Arc<Shared>,
}

struct Shared {
    writer: DatabaseConnection,
    /// The queue for the one writer connection. It is held over awaits on purpose: who holds it owns the connection
    /// and the verdict on its state.
    turn: tokio::sync::Mutex<()>,
    /// Set when the writer connection may not be where its driver believes it to be. It is replaced before it is used
    /// again: SQLite ends a transaction by itself when the disk is full, and the driver would go on inside it.
    is_doubtful: Arc<AtomicBool>,
    readers: DatabaseConnection,
    pubsub: Arc<dyn PubSub>,
    /// Held for the life of the handle: a second server on the same directory is refused.
    _lock: File,
}

impl Database {
    /// Opens or creates the SQLite database of a data directory and applies the missing migrations.
    ///
    /// # Errors
    /// Fails when another server holds the directory, when the database is newer than this program, and on disk errors.
    pub async fn open(data_dir: &Path) -> Result<Self, OpenError> {
        private_directory(data_dir)
            .map_err(|source| OpenError::Directory { path: data_dir.to_owned(), source })?;
        let lock = lock(data_dir)?;
        let path = data_dir.join(DATABASE_FILE);
        private_file(&path).map_err(|source| OpenError::Directory { path: data_dir.to_owned(), source })?;
        let open = |source| OpenError::Open { path: path.clone(), source };
        let is_doubtful = Arc::new(AtomicBool::new(false));
        let writer = connect_writer(&path, is_doubtful.clone()).await.map_err(open)?;
        migration::run(&writer).await.map_err(|error| match error {
            MigrateError::TooNew { migration } => OpenError::TooNew { path: path.clone(), migration },
            MigrateError::Failed(source) => OpenError::Migrate { path: path.clone(), source },
        })?;
        let readers = connect_readers(&path).await.map_err(open)?;
        let pubsub = Arc::new(InProcess::default());
        let turn = tokio::sync::Mutex::default();
        Ok(Self { shared: Arc::new(Shared { writer, turn, is_doubtful, readers, pubsub, _lock: lock }) })
    }

    /// A read-only connection pool; the database itself refuses writes through it.
    pub fn reader(&self) -> &DatabaseConnection {
        &self.shared.readers
    }

    /// Runs one write transaction: `db.write(async |tx| { … }).await`. An error rolls everything back.
    ///
    /// The transaction takes the write lock at its beginning, so what it reads cannot change before it commits. Hints
    /// given to [`Tx::notify`] go out after the commit. Do not await anything but queries inside.
    ///
    /// # Errors
    /// Returns the closure's error, or [`DbError`] when the transaction cannot begin or commit.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&Tx) -> Result<T, E>,
        E: From<DbError>,
    {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let _turn = self.shared.turn.lock().await;
        let doubt = Doubt::new(&self.shared.is_doubtful);
        let transaction = self.shared.writer.begin_with_options(options).await.map_err(DbError::from)?;
        let tx = Tx { transaction, hints: Mutex::default(), has_failed: AtomicBool::new(false) };
        let outcome = work(&tx).await;
        let Tx { transaction, hints, has_failed } = tx;
        let value = match outcome {
            Ok(value) => value,
            Err(error) => {
                match transaction.rollback().await {
                    Ok(()) if !has_failed.into_inner() => doubt.settle(),
                    Ok(()) => {}
                    Err(rollback) => tracing::warn!(error = %rollback, "rollback failed"),
                }
                return Err(error);
            }
        };
        transaction.commit().await.map_err(DbError::from)?;
        doubt.settle();
        for (channel, hint) in hints.into_inner().unwrap_or_else(PoisonError::into_inner) {
            self.shared.pubsub.publish(&channel, hint);
        }
        Ok(value)
    }

    /// Publishes a hint outside a transaction.
    pub fn publish(&self, channel: &str, hint: Value) {
        self.shared.pubsub.publish(channel, hint);
    }

    /// Subscribes to the hints of a channel.
    pub fn subscribe(&self, channel: &str) -> Subscription {
        self.shared.pubsub.subscribe(channel)
    }

    /// Closes all connections once their work is done, which also folds the write-ahead log into the database.
    ///
    /// # Errors
    /// Fails when a connection cannot be closed.
    pub async fn close(&self) -> Result<(), DbError> {
        self.shared.readers.close_by_ref().await?;
        self.shared.writer.close_by_ref().await?;
        Ok(())
    }
}

/// An open write transaction. Reads through it see its own writes.
pub struct Tx {
    transaction: DatabaseTransaction,
    hints: Mutex<Vec<(String, Value)>>,
    /// Whether a statement failed in another way than by a constraint.
    has_failed: AtomicBool,
}

impl Tx {
    /// Publishes the hint when, and only when, the transaction commits.
    pub fn notify(&self, channel: impl Into<String>, hint: Value) {
        self.hints.lock().unwrap_or_else(PoisonError::into_inner).push((channel.into(), hint));
    }

    fn seen<T>(&self, result: Result<T, DbErr>) -> Result<T, DbErr> {
        if let Err(error) = &result
            && error.sql_err().is_none()
        {
            self.has_failed.store(true, Ordering::Relaxed);
        }
        result
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Tx {
    fn get_database_backend(&self) -> DbBackend {
        self.transaction.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.seen(self.transaction.execute_raw(statement).await)
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.seen(self.transaction.execute_unprepared(sql).await)
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.seen(self.transaction.query_one_raw(statement).await)
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.seen(self.transaction.query_all_raw(statement).await)
    }
}

/// Makes the directory for its owner alone. One that exists keeps its mode: the administrator chose it.
fn private_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes an empty file for its owner alone, which SQLite then fills; its log files take over the mode.
fn private_file(path: &Path) -> io::Result<()> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path).map(drop)
}

fn lock(data_dir: &Path) -> Result<File, OpenError> {
    let path = data_dir.join(LOCK_FILE);
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(|source| OpenError::Lock { path: data_dir.to_owned(), source })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: data_dir.to_owned() }),
        Err(TryLockError::Error(source)) => Err(OpenError::Lock { path: data_dir.to_owned(), source }),
    }
}

/// Declares the writer connection doubtful unless the transaction ended as it should, also when it is dropped half-way.
struct Doubt<'a> {
    is_doubtful: &'a AtomicBool,
}

impl<'a> Doubt<'a> {
    fn new(is_doubtful: &'a AtomicBool) -> Self {
        Self { is_doubtful }
    }

    fn settle(self) {
        std::mem::forget(self);
    }
}

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        self.is_doubtful.store(true, Ordering::Relaxed);
    }
}

async fn connect_writer(path: &Path, is_doubtful: Arc<AtomicBool>) -> Result<DatabaseConnection, DbErr> {
    let mut options = options(path, 1, false);
    // Called with the writer's turn held, before the connection is used again; `false` replaces it.
    options.map_sqlx_sqlite_before_acquire(move |_, _| {
        let is_usable = !is_doubtful.swap(false, Ordering::Relaxed);
        Box::pin(std::future::ready(Ok(is_usable)))
    });
    sea_orm::Database::connect(options).await
}

async fn connect_readers(path: &Path) -> Result<DatabaseConnection, DbErr> {
    sea_orm::Database::connect(options(path, READERS_MAX, true)).await
}

fn options(path: &Path, connections: u32, read_only: bool) -> ConnectOptions {
    let mut options = ConnectOptions::new(format!("sqlite://{}", path.display()));
    options
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .sqlx_logging(false);
    let path = path.to_owned();
    options.map_sqlx_sqlite_opts(move |options| {
        let options = options
            .filename(&path)
            .create_if_missing(true)
            .busy_timeout(Duration::from_secs(10))
            .foreign_keys(true)
            .pragma("journal_mode", "WAL")
            .pragma("synchronous", "FULL")
            .pragma("temp_store", "MEMORY");
        if read_only { options.pragma("query_only", "ON") } else { options }
    });
    options
}
