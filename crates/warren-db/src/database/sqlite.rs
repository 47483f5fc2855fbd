//! SQLite: one writer connection, several read-only ones, one server per data directory.

use std::{
    fs::OpenOptions,
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sea_orm::{
    ConnectOptions, DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};
use tokio::sync::{Mutex, MutexGuard};

use super::{
    DirectoryLock, Location, OpenError, Tx,
    clock::Clock,
    publish_all,
    reader::{Reader, Readers},
    transaction::Transaction,
};
use crate::{
    error::{self, DbError},
    migration,
    pubsub::PubSub,
};

const DATABASE_FILE: &str = "warren.db";
const READERS_MAX: u32 = 8;
/// How long a query waits for a free connection before it fails as busy.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

/// An open data directory.
pub(super) struct Sqlite {
    writer: DatabaseConnection,
    turns: Turns,
    /// Set when the writer connection may not be where its driver believes it to be. It is replaced before it is used
    /// again: SQLite ends a transaction by itself when the disk is full, and the driver would go on inside it.
    is_doubtful: Arc<AtomicBool>,
    readers: DatabaseConnection,
    reader: Reader,
    newer: Option<String>,
    /// Held for the life of the handle: a second server on the same directory is refused.
    _lock: DirectoryLock,
}

/// The queue for the one writer connection: served in order, but whoever goes first waits for at most two others.
#[derive(Default)]
struct Turns {
    /// Held by the one ordinary writer that stands before `turn`; the others wait here.
    next: Mutex<()>,
    turn: Mutex<()>,
}

impl Turns {
    /// Waits for the connection. It is held over awaits on purpose: who holds it owns the connection and the verdict on
    /// its state.
    async fn take(&self, goes_first: bool) -> MutexGuard<'_, ()> {
        if goes_first {
            return self.turn.lock().await;
        }
        let _next = self.next.lock().await;
        self.turn.lock().await
    }
}

impl Sqlite {
    /// Locks the directory, opens or creates the database in it and applies the missing migrations.
    pub(super) async fn open(location: &Location, data_dir: &Path) -> Result<Self, OpenError> {
        let lock = DirectoryLock::take(data_dir)?;
        let path = data_dir.join(DATABASE_FILE);
        private_file(&path).map_err(|source| OpenError::Directory { path: data_dir.to_owned(), source })?;
        let open = |source| OpenError::Open { location: location.clone(), source };
        let is_doubtful = Arc::new(AtomicBool::new(false));
        let writer = connect_writer(&path, is_doubtful.clone()).await.map_err(open)?;
        let newer = migration::run(&writer).await;
        let newer = newer.map_err(|error| OpenError::of_migrating(location, error))?;
        error::learn_index_names(&writer).await.map_err(open)?;
        let readers = connect_readers(&path).await.map_err(open)?;
        let reader = Reader(Readers::Sqlite(readers.clone()));
        Ok(Self { writer, turns: Turns::default(), is_doubtful, readers, reader, newer, _lock: lock })
    }

    pub(super) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Begins a transaction for reading.
    pub(super) async fn snapshot(&self) -> Result<DatabaseTransaction, DbErr> {
        self.readers.begin().await
    }

    pub(super) fn newer(&self) -> Option<&str> {
        self.newer.as_deref()
    }

    /// Runs one immediate transaction; the engine has no other kind of writer, so nothing needs a guard. Its hints go out
    /// after the commit.
    pub(super) async fn transact<T, E, F>(
        &self,
        goes_first: bool,
        pubsub: &Arc<dyn PubSub>,
        work: F,
    ) -> Result<T, E>
    where
        F: AsyncFnOnce(&Tx) -> Result<T, E>,
        E: From<DbError>,
    {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let _turn = self.turns.take(goes_first).await;
        let doubt = Doubt::new(&self.is_doubtful);
        let transaction = self.writer.begin_with_options(options).await.map_err(DbError::from)?;
        let tx = Tx::new(Transaction::sqlite(transaction), Clock::Own);
        let outcome = work(&tx).await;
        let (transaction, hints, has_failed) = tx.into_parts();
        match outcome {
            Ok(value) => {
                transaction.commit().await.map_err(DbError::from)?;
                doubt.settle();
                publish_all(&**pubsub, hints);
                Ok(value)
            }
            Err(error) => {
                match transaction.rollback().await {
                    Ok(()) if !has_failed => doubt.settle(),
                    Ok(()) => {}
                    Err(rollback) => tracing::warn!(error = %rollback, "rollback failed"),
                }
                Err(error)
            }
        }
    }

    pub(super) async fn close(&self) -> Result<(), DbError> {
        self.readers.close_by_ref().await?;
        self.writer.close_by_ref().await?;
        Ok(())
    }
}

/// Makes an empty file for its owner alone, which SQLite then fills; its log files take over the mode.
fn private_file(path: &Path) -> io::Result<()> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path).map(drop)
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

#[cfg(test)]
mod tests;
