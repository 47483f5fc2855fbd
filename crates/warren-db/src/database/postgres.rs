//! PostgreSQL: a pool that writes, a pool that cannot, any number of servers.
//!
//! Writers are serial across all servers unless they name the row that guards them, see `docs/adr/0005`.

mod shield;

use std::{sync::Arc, time::Duration};

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, RuntimeErr,
    SqlxPostgresConnector, Statement, TransactionTrait,
    sea_query::{Alias, Expr, ExprTrait, LockType, Order, Query},
};
use sqlx::{
    Connection, Executor, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::{
    sync::RwLock,
    time::{Instant, timeout},
};
use warren_rt::Tasks;

use super::{
    Guard, Location, OpenError, Tx,
    clock::{Clock, RemoteClock},
    publish_all,
};
use crate::{
    error::DbError,
    migration,
    pubsub::{ListenNotify, PubSub},
    query,
};
use shield::shielded;

/// One connection listens, one sends hints, one says that the server lives, one writes what people watch; the others are
/// for when those hang on a dead network.
const APART_MAX: u32 = 6;
/// How long a query waits for a free connection before it fails as busy.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the last hints may take to go out.
const STOP_DEADLINE: Duration = Duration::from_secs(2);
/// How long a server that starts waits for PostgreSQL to take connections.
const START_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection that lay idle for longer is tried before it is used: the server may have gone away meanwhile.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);
/// How long it has for that. On a dead network nothing ever fails.
const PING_TIMEOUT: Duration = Duration::from_secs(2);
/// Connections above the minimum close after this long without work.
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// Advisory lock keys: "warren" in ASCII and a number. They must never change: servers of several versions may meet.
const MIGRATION_LOCK: i64 = 0x7761_7272_656e_0001;
const WRITE_LOCK: i64 = 0x7761_7272_656e_0002;

/// What every connection is set to. Serial writers must see what was committed before they got the lock, hence READ
/// COMMITTED; a server that stops in the middle of a transaction must not keep the others out for long, and certainly not
/// for as long as their leases last.
const SESSION: &str = "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED; \
     SET TIME ZONE 'UTC'; SET lock_timeout = '30s'; SET idle_in_transaction_session_timeout = '5s'";
/// What connections for reading are set to on top: a transaction sees one moment, as it does in SQLite.
const READ_ONLY: &str =
    "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY";

/// An open PostgreSQL database.
pub(super) struct Postgres {
    writers: DatabaseConnection,
    readers: DatabaseConnection,
    /// Carries hints, signs of life and what people watch, so that these never wait for a writer.
    apart: PgPool,
    tasks: Tasks,
    newer: Option<String>,
    clock: Clock,
    /// The queue of this process for the write lock, so that waiting writers hold no connections: serial writers take
    /// it alone, guarded ones together. It is held over awaits on purpose.
    turn: RwLock<()>,
}

impl Postgres {
    /// Connects and applies the missing migrations; servers that start together do so one after the other.
    pub(super) async fn open(
        location: &Location,
        url: &str,
        connections: u32,
    ) -> Result<(Self, ListenNotify), OpenError> {
        let options = connect_options(url)?;
        let newer = migrate(location, &options).await?;
        let open = |source| OpenError::Open { location: location.clone(), source: connection_error(source) };
        let n_writers = Ord::max(connections / 2, 1);
        let n_readers = Ord::max(connections.saturating_sub(n_writers), 1);
        let writers = pool(n_writers, false).connect_with(options.clone()).await.map_err(open)?;
        let readers = pool(n_readers, true).connect_with(options.clone()).await.map_err(open)?;
        let apart = pool(APART_MAX, false).connect_with(options).await.map_err(open)?;
        let tasks = Tasks::new();
        let pubsub = ListenNotify::start(apart.clone(), &tasks).await;
        let (writers, readers, turn) = (wrap(writers), wrap(readers), RwLock::default());
        let clock = hear_first(&readers).await;
        let clock = clock.map_err(|source| OpenError::Open { location: location.clone(), source })?;
        Ok((Self { writers, readers, apart, tasks, newer, clock, turn }, pubsub))
    }

    pub(super) fn reader(&self) -> &DatabaseConnection {
        &self.readers
    }

    pub(super) fn newer(&self) -> Option<&str> {
        self.newer.as_deref()
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Begins a transaction for reading.
    pub(super) async fn snapshot(&self) -> Result<DatabaseTransaction, DbError> {
        begin(&self.readers, &self.tasks).await
    }

    /// Runs one transaction: alone, or beside others that hold other guards. What it commits is told to others even when
    /// nobody waits for it any more.
    pub(super) async fn transact<T, E, F>(
        &self,
        guard: Option<Guard>,
        pubsub: &Arc<dyn PubSub>,
        work: F,
    ) -> Result<T, E>
    where
        F: AsyncFnOnce(&Tx) -> Result<T, E>,
        E: From<DbError>,
    {
        let (mut _alone, mut _together) = (None, None);
        match &guard {
            None => _alone = Some(self.turn.write().await),
            Some(_) => _together = Some(self.turn.read().await),
        }
        let transaction = begin(&self.writers, &self.tasks).await?;
        lock(&transaction, guard).await?;
        self.finish(transaction, pubsub, work).await
    }

    /// Runs one transaction that waits for no other.
    pub(super) async fn transact_apart<T, E, F>(&self, pubsub: &Arc<dyn PubSub>, work: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&Tx) -> Result<T, E>,
        E: From<DbError>,
    {
        let transaction = begin(&wrap(self.apart.clone()), &self.tasks).await?;
        self.finish(transaction, pubsub, work).await
    }

    /// Does the work in a transaction and commits it, or rolls back what has failed.
    async fn finish<T, E, F>(
        &self,
        transaction: DatabaseTransaction,
        pubsub: &Arc<dyn PubSub>,
        work: F,
    ) -> Result<T, E>
    where
        F: AsyncFnOnce(&Tx) -> Result<T, E>,
        E: From<DbError>,
    {
        let tx = Tx::new(transaction, self.clock.clone());
        let outcome = work(&tx).await;
        let (transaction, hints, _) = tx.into_parts();
        match outcome {
            Ok(value) => {
                let pubsub = pubsub.clone();
                let commit = async move {
                    transaction.commit().await?;
                    publish_all(&*pubsub, hints);
                    Ok::<_, DbErr>(())
                };
                shielded(commit, &self.tasks).await.map_err(DbError::from)?;
                Ok(value)
            }
            Err(error) => {
                if let Err(rollback) = shielded(transaction.rollback(), &self.tasks).await {
                    tracing::warn!(error = %rollback, "rollback failed");
                }
                Err(error)
            }
        }
    }

    pub(super) async fn close(&self) -> Result<(), DbError> {
        self.tasks.stop(STOP_DEADLINE).await;
        self.apart.close().await;
        self.readers.close_by_ref().await?;
        self.writers.close_by_ref().await?;
        Ok(())
    }
}

/// Asks for the time for the first time.
async fn hear_first(connection: &DatabaseConnection) -> Result<Clock, DbErr> {
    let asked = Instant::now();
    let said = query::clock::read(connection).await?;
    Ok(Clock::Remote(Arc::new(RemoteClock::new(asked, said, Instant::now()))))
}

async fn begin(pool: &DatabaseConnection, tasks: &Tasks) -> Result<DatabaseTransaction, DbError> {
    let pool = pool.clone();
    Ok(shielded(async move { pool.begin().await }, tasks).await?)
}

/// Takes the write lock until the end of the transaction: alone, or shared and then the guarding row.
async fn lock(transaction: &DatabaseTransaction, guard: Option<Guard>) -> Result<(), DbError> {
    let function = if guard.is_some() { "pg_advisory_xact_lock_shared" } else { "pg_advisory_xact_lock" };
    let statement = format!("SELECT {function}({WRITE_LOCK})");
    transaction.execute_raw(Statement::from_string(DbBackend::Postgres, statement)).await?;
    if let Some(Guard { table, ids, goes_first: _ }) = guard {
        let row = Query::select()
            .expr(Expr::value(1))
            .from(Alias::new(table))
            .and_where(Expr::col("id").is_in(ids))
            // In one order everywhere, so that no two transactions wait for each other.
            .order_by("id", Order::Asc)
            // Rows that refer to the guard may still be added beside it.
            .lock(LockType::NoKeyUpdate)
            .to_owned();
        transaction.execute(&row).await?;
    }
    Ok(())
}

fn connect_options(url: &str) -> Result<PgConnectOptions, OpenError> {
    use sqlx::ConnectOptions;
    let options: PgConnectOptions =
        url.parse().map_err(|source| OpenError::Url { source: connection_error(source) })?;
    Ok(options.application_name("warren").disable_statement_logging())
}

fn pool(connections: u32, read_only: bool) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(IDLE_TIMEOUT)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                let is_trusted = meta.idle_for < TRUSTED_IDLE;
                Ok(is_trusted || matches!(timeout(PING_TIMEOUT, connection.ping()).await, Ok(Ok(()))))
            })
        })
        .after_connect(move |connection, _| {
            Box::pin(async move {
                connection.execute(SESSION).await?;
                if read_only {
                    connection.execute(READ_ONLY).await?;
                }
                Ok(())
            })
        })
}

async fn migrate(location: &Location, options: &PgConnectOptions) -> Result<Option<String>, OpenError> {
    let open = |source| OpenError::Open { location: location.clone(), source: connection_error(source) };
    // One connection, so that all statements of the migrator run in the session that holds the lock.
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(START_TIMEOUT);
    let pool = pool.connect_with(options.clone()).await.map_err(open)?;
    let lock = format!("SELECT pg_advisory_lock({MIGRATION_LOCK})");
    pool.execute(sqlx::AssertSqlSafe(lock)).await.map_err(open)?;
    let outcome = migration::run(&wrap(pool.clone())).await;
    // Ends the session and with it the lock.
    pool.close().await;
    outcome.map_err(|error| OpenError::of_migrating(location, error))
}

fn wrap(pool: PgPool) -> DatabaseConnection {
    SqlxPostgresConnector::from_sqlx_postgres_pool(pool)
}

fn connection_error(error: sqlx::Error) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(std::sync::Arc::new(error)))
}
