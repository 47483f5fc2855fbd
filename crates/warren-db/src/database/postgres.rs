//! PostgreSQL: a pool that writes, a pool that cannot, any number of servers.
//!
//! Writers are serial across all servers unless they name the row that guards them, see `docs/adr/0005`.

mod pool;
mod session;
mod shield;
mod transaction;

use std::{sync::Arc, time::Duration};

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbErr, RuntimeErr, SqlxPostgresConnector,
    sea_query::{Alias, Expr, ExprTrait, LockType, Order, Query},
};
use sqlx::{
    Executor, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::{
    sync::RwLock,
    time::{Instant, sleep, timeout},
};
use warren_rt::Tasks;

pub(crate) use self::pool::Pool;
pub(super) use self::transaction::Transaction;

use super::{
    Guard, Location, OpenError, OpenOptions, Tx,
    clock::{Clock, RemoteClock},
    publish_all,
    reader::{Reader, Readers},
};
use crate::{
    error::DbError,
    migration,
    pubsub::{Alone, ListenNotify, PubSub},
    query,
};
use shield::shielded;

/// One connection sends hints, one says that the server lives, one writes what people watch; the others are for when those hang
/// on a dead network.
const APART_MAX: u32 = 6;
/// How long the last hints may take to go out.
const STOP_DEADLINE: Duration = Duration::from_secs(2);
/// How long a server that starts waits for PostgreSQL to take connections.
const START_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a server that starts waits for another one that migrates before it says so, and before it gives up.
const MIGRATION_SILENCE: Duration = Duration::from_secs(1);
const MIGRATION_LOCK_MAX: Duration = Duration::from_secs(300);
const MIGRATION_PAUSE: Duration = Duration::from_millis(100);
/// How long all missing migrations together may take.
const MIGRATION_MAX: Duration = Duration::from_secs(3600);

/// Advisory lock keys: "warren" in ASCII and a number. They must never change: servers of several versions may meet.
const MIGRATION_LOCK: i64 = 0x7761_7272_656e_0001;
const WRITE_LOCK: i64 = 0x7761_7272_656e_0002;

/// What every connection is set to. Serial writers must see what was committed before they got the lock, hence READ
/// COMMITTED. PostgreSQL gives up every statement before this side stops waiting for it.
///
/// A server that stands still in the middle of a transaction keeps all others out for as long as the transaction may rest:
/// its locks are gone before it is taken for dead (`query::replicas::PATIENCE`). One that lives rests for milliseconds; if it
/// is starved for as long as this, its signs of life have gaps too, and its writers get [`DbError::Unavailable`] with nothing
/// stored.
const SESSION: &str = "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED; \
     SET TIME ZONE 'UTC'; SET lock_timeout = '10s'; SET statement_timeout = '12s'; \
     SET idle_in_transaction_session_timeout = '2s'";
/// What the connection that migrates is set to. PostgreSQL shall notice soon when its server has vanished, and neither wait nor
/// keep others waiting for long; the work itself takes as long as it takes.
const MIGRATING: &str = "SET TIME ZONE 'UTC'; SET lock_timeout = '30s'; \
     SET idle_in_transaction_session_timeout = '60s'; SET tcp_keepalives_idle = 10; \
     SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3; SET tcp_user_timeout = '25s'";
/// What connections for reading are set to on top: a transaction sees one moment, as it does in SQLite. It keeps nobody out.
const READ_ONLY: &str = "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; \
     SET idle_in_transaction_session_timeout = '10s'";

/// An open PostgreSQL database.
pub(super) struct Postgres {
    writers: Pool,
    readers: Pool,
    reader: Reader,
    /// Carries hints, signs of life and what people watch, so that these never wait for a writer.
    apart: Pool,
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
        wanted: OpenOptions,
    ) -> Result<(Self, Arc<dyn PubSub>), OpenError> {
        let options = connect_options(url)?;
        let newer = migrate(location, &options).await?;
        let n_writers = Ord::max(wanted.connections / 2, 1);
        let n_readers = Ord::max(wanted.connections.saturating_sub(n_writers), 1);
        let writers = Pool::new(options.clone(), &[SESSION], n_writers);
        let readers = Pool::new(options.clone(), &[SESSION, READ_ONLY], n_readers);
        let apart = Pool::new(options.clone(), &[SESSION], APART_MAX);
        let tasks = Tasks::new();
        let clock = hear_first(&readers).await;
        let clock = clock.map_err(|source| OpenError::Open { location: location.clone(), source })?;
        let pubsub: Arc<dyn PubSub> = if wanted.notifies {
            Arc::new(ListenNotify::start(options, apart.clone(), &tasks).await)
        } else {
            Arc::new(Alone::start(&tasks))
        };
        let (reader, turn) = (Reader(Readers::Postgres(readers.clone())), RwLock::default());
        Ok((Self { writers, readers, reader, apart, tasks, newer, clock, turn }, pubsub))
    }

    pub(super) fn reader(&self) -> &Reader {
        &self.reader
    }

    pub(super) fn newer(&self) -> Option<&str> {
        self.newer.as_deref()
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Begins a transaction for reading.
    pub(super) async fn snapshot(&self) -> Result<Transaction, DbError> {
        Ok(Transaction::begin(&self.readers, &self.tasks, None).await?)
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
        let transaction = Transaction::begin(&self.writers, &self.tasks, Some(write_lock(&guard)));
        let transaction = transaction.await.map_err(DbError::from)?;
        if let Some(guard) = guard {
            lock_rows(&transaction, guard).await?;
        }
        self.finish(transaction, pubsub, work).await
    }

    /// Runs one transaction that waits for no other.
    pub(super) async fn transact_apart<T, E, F>(&self, pubsub: &Arc<dyn PubSub>, work: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&Tx) -> Result<T, E>,
        E: From<DbError>,
    {
        let transaction = Transaction::begin(&self.apart, &self.tasks, None).await.map_err(DbError::from)?;
        self.finish(transaction, pubsub, work).await
    }

    /// Does the work in a transaction and commits it, or rolls back what has failed.
    async fn finish<T, E, F>(
        &self,
        transaction: Transaction,
        pubsub: &Arc<dyn PubSub>,
        work: F,
    ) -> Result<T, E>
    where
        F: AsyncFnOnce(&Tx) -> Result<T, E>,
        E: From<DbError>,
    {
        let tx = Tx::new(super::Transaction::postgres(transaction), self.clock.clone());
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
                if let Err(rollback) = transaction.rollback().await {
                    tracing::warn!(error = %rollback, "rollback failed");
                }
                Err(error)
            }
        }
    }

    pub(super) async fn close(&self) -> Result<(), DbError> {
        self.tasks.stop(STOP_DEADLINE).await;
        self.apart.close().await;
        self.readers.close().await;
        self.writers.close().await;
        Ok(())
    }
}

/// Asks for the time for the first time.
async fn hear_first(connection: &Pool) -> Result<Clock, DbErr> {
    // The first question makes a connection, which takes longer than an answer says anything for.
    query::clock::read(connection).await?;
    let asked = Instant::now();
    let said = query::clock::read(connection).await?;
    Ok(Clock::Remote(Arc::new(RemoteClock::new(asked, said, Instant::now()))))
}

/// Takes the write lock until the end of the transaction: alone, or shared with whoever names guarding rows.
fn write_lock(guard: &Option<Guard>) -> String {
    let function = if guard.is_some() { "pg_advisory_xact_lock_shared" } else { "pg_advisory_xact_lock" };
    format!("SELECT {function}({WRITE_LOCK})")
}

async fn lock_rows(transaction: &Transaction, guard: Guard) -> Result<(), DbError> {
    let Guard { table, ids, goes_first: _ } = guard;
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
    Ok(())
}

fn connect_options(url: &str) -> Result<PgConnectOptions, OpenError> {
    use sqlx::ConnectOptions;
    let options: PgConnectOptions =
        url.parse().map_err(|source| OpenError::Url { source: connection_error(source) })?;
    Ok(options.application_name("warren").disable_statement_logging())
}

/// Applies the missing migrations, one server at a time.
async fn migrate(location: &Location, options: &PgConnectOptions) -> Result<Option<String>, OpenError> {
    let open = |source| OpenError::Open { location: location.clone(), source: connection_error(source) };
    // One connection, so that all statements of the migrator run in the session that holds the lock.
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(START_TIMEOUT);
    let pool = pool.max_lifetime(None).idle_timeout(None).after_connect(|connection, _| {
        Box::pin(async move { connection.execute(MIGRATING).await.map(drop) })
    });
    let pool = pool.connect_with(options.clone()).await.map_err(open)?;
    lock_migrations(location, &pool).await?;
    let outcome = timeout(MIGRATION_MAX, migration::run(&wrap(pool.clone()))).await;
    // Ends the session and with it the lock.
    let _ = timeout(STOP_DEADLINE, pool.close()).await;
    let stuck = |_| OpenError::MigrationStuck { location: location.clone() };
    outcome.map_err(stuck)?.map_err(|error| OpenError::of_migrating(location, error))
}

/// Waits until no other server migrates, and says so when that takes long.
async fn lock_migrations(location: &Location, pool: &PgPool) -> Result<(), OpenError> {
    let open = |source| OpenError::Open { location: location.clone(), source: connection_error(source) };
    let begun = Instant::now();
    let mut is_told = false;
    loop {
        let asking = sqlx::query_scalar::<_, bool>("SELECT pg_try_advisory_lock($1)").bind(MIGRATION_LOCK);
        let asked = timeout(START_TIMEOUT, asking.fetch_one(pool)).await;
        if asked.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map_err(open)? {
            return Ok(());
        }
        let waited = begun.elapsed();
        if waited > MIGRATION_LOCK_MAX {
            let pid = migrating(pool).await.map_err(open)?;
            return Err(OpenError::OtherMigrates { location: location.clone(), pid });
        }
        if waited > MIGRATION_SILENCE && !is_told {
            is_told = true;
            let pid = migrating(pool).await.map_err(open)?;
            tracing::warn!(
                database.pid = pid,
                "waiting for another server that brings the database up to date"
            );
        }
        sleep(MIGRATION_PAUSE).await;
    }
}

/// The session that migrates, by its process id in PostgreSQL; 0 when it has just ended.
async fn migrating(pool: &PgPool) -> Result<i32, sqlx::Error> {
    let query = sqlx::query_scalar::<_, i32>(
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted \
         AND (classid::bigint << 32 | objid::bigint) = $1 AND objsubid = 1 \
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    );
    let asked = timeout(START_TIMEOUT, query.bind(MIGRATION_LOCK).fetch_optional(pool)).await;
    Ok(asked.unwrap_or(Err(sqlx::Error::PoolTimedOut))?.unwrap_or(0))
}

fn wrap(pool: PgPool) -> DatabaseConnection {
    SqlxPostgresConnector::from_sqlx_postgres_pool(pool)
}

fn connection_error(error: sqlx::Error) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(std::sync::Arc::new(error)))
}
