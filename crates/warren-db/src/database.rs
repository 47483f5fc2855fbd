//! The database handle: where it is, reading, writing in transactions, hints after the commit.
//!
//! Must not know what is in a table; migrations and queries do. What differs between the engines is in [`sqlite`] and
//! [`postgres`].

mod clock;
mod directory;
mod either;
mod location;
mod postgres;
mod reader;
mod sqlite;
mod transaction;
mod values;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement};
use serde_json::Value;
use tokio::time::Instant;
use uuid::Uuid;
use warren_vocab::{AgentId, ChatId, JobId, UserId, WorkspaceId};

use self::{clock::Clock, postgres::Postgres, sqlite::Sqlite, values::storable};
pub use directory::DirectoryLock;
pub use location::{Location, LocationError, OpenError};
pub(crate) use postgres::Pool as PostgresPool;
pub use reader::Reader;
pub use transaction::Transaction;

use crate::{
    error::{DbError, DbResult},
    pubsub::{InProcess, PubSub, Subscription},
    query,
};

/// How a server uses PostgreSQL. SQLite ignores all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenOptions {
    /// The most connections for reading and writing, at least 2. A few more carry hints, signs of life and parts of answers.
    pub connections: u32,
    /// Whether servers tell each other at once of what they change, by NOTIFY and LISTEN. One that does not looks every few
    /// seconds instead, and the others look for what it changed.
    pub notifies: bool,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { connections: 20, notifies: true }
    }
}

/// A handle to the open database; clones share it.
#[derive(Clone)]
pub struct Database {
    shared: Arc<Shared>,
}

struct Shared {
    location: Location,
    engine: Engine,
    pubsub: Arc<dyn PubSub>,
}

enum Engine {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

/// Connections of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    pub n_open: u32,
    pub n_idle: usize,
}

/// The rows that guard all that a transaction of [`Database::write_guarded`] reads and writes. One table is guarded by
/// the rows of one other, or by its own, everywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    table: &'static str,
    ids: Vec<Uuid>,
    goes_first: bool,
}

impl Guard {
    /// A chat, which guards its messages, queue, parts and tool calls.
    pub fn chat(id: ChatId) -> Self {
        Self::chats([id])
    }

    /// Several chats.
    pub fn chats(ids: impl IntoIterator<Item = ChatId>) -> Self {
        Self::of("chats", ids.into_iter().map(ChatId::as_uuid).collect())
    }

    /// A job, which guards its log.
    pub fn job(id: JobId) -> Self {
        Self::of("provisioner_jobs", vec![id.as_uuid()])
    }

    /// An agent, which guards its boots, connections, scripts, metadata and log.
    pub fn agent(id: AgentId) -> Self {
        Self::agents([id])
    }

    /// Several agents.
    pub fn agents(ids: impl IntoIterator<Item = AgentId>) -> Self {
        Self::of("workspace_agents", ids.into_iter().map(|id| id.as_uuid()).collect())
    }

    /// A workspace alone, without what belongs to it.
    pub fn workspace(id: WorkspaceId) -> Self {
        Self::of("workspaces", vec![id.as_uuid()])
    }

    /// An account alone, without what belongs to it, and the money that its chats set aside.
    pub fn user(id: UserId) -> Self {
        Self::of("users", vec![id.as_uuid()])
    }

    /// Puts the transaction before others that wait for SQLite's one writer, for short ones that somebody watches. With
    /// PostgreSQL nobody stands in a queue.
    #[must_use]
    pub fn first(self) -> Self {
        Self { goes_first: true, ..self }
    }

    fn of(table: &'static str, ids: Vec<Uuid>) -> Self {
        Self { table, ids, goes_first: false }
    }
}

impl Database {
    /// Opens or creates the database and applies the missing migrations.
    ///
    /// One process at a time may have a data directory open; a PostgreSQL database may be open in many.
    ///
    /// # Errors
    /// Fails when another server holds the directory, when the database is newer than this program, when PostgreSQL
    /// cannot be reached, and on disk errors.
    pub async fn open(location: &Location) -> Result<Self, OpenError> {
        Self::open_with(location, OpenOptions::default()).await
    }

    /// Opens the database as [`Self::open`] does, with options.
    ///
    /// # Errors
    /// Fails as [`Self::open`] does.
    pub async fn open_with(location: &Location, options: OpenOptions) -> Result<Self, OpenError> {
        let (engine, pubsub): (_, Arc<dyn PubSub>) = match location {
            Location::Sqlite { data_dir } => {
                (Engine::Sqlite(Sqlite::open(location, data_dir).await?), Arc::new(InProcess::default()))
            }
            Location::Postgres { url } => {
                let (postgres, hints) = Postgres::open(location, url, options).await?;
                (Engine::Postgres(postgres), hints)
            }
        };
        let database = Self { shared: Arc::new(Shared { location: location.clone(), engine, pubsub }) };
        if let Some(migration) = database.newer() {
            tracing::warn!(
                migration,
                "a newer Warren has changed the database; this one can go on until it is updated"
            );
        }
        Ok(database)
    }

    /// Where the database is.
    pub fn location(&self) -> &Location {
        &self.shared.location
    }

    /// Whether no other server can have this database open.
    pub fn is_exclusive(&self) -> bool {
        match self.shared.engine {
            Engine::Sqlite(_) => true,
            Engine::Postgres(_) => false,
        }
    }

    /// The newest migration of a newer program, when one has changed this database in a way that this program can run with.
    pub fn newer(&self) -> Option<&str> {
        match &self.shared.engine {
            Engine::Sqlite(sqlite) => sqlite.newer(),
            Engine::Postgres(postgres) => postgres.newer(),
        }
    }

    /// Connections for reading; the database itself refuses writes through them.
    pub fn reader(&self) -> &Reader {
        match &self.shared.engine {
            Engine::Sqlite(sqlite) => sqlite.reader(),
            Engine::Postgres(postgres) => postgres.reader(),
        }
    }

    /// The time by which everything is judged that one server writes and another compares, without asking the database:
    /// by PostgreSQL's clock as it was last heard, which is right to within the time of one answer. With SQLite it is the
    /// clock of the process.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock().now()
    }

    /// Asks the database for its time, for [`Self::now`] to go by from here on, and tells how long the answer took. A
    /// server does so all the time.
    ///
    /// # Errors
    /// Fails when the database cannot be reached.
    pub async fn hear_clock(&self) -> DbResult<Duration> {
        let asked = Instant::now();
        let said = query::clock::now(self.reader()).await?;
        let answered = Instant::now();
        self.clock().hear(asked, said, answered);
        Ok(answered - asked)
    }

    /// Begins a transaction for reading, which sees one moment. Roll it back when done.
    ///
    /// # Errors
    /// Fails when no connection becomes free in time or the database cannot be reached.
    pub async fn snapshot(&self) -> Result<Transaction, DbError> {
        match &self.shared.engine {
            Engine::Sqlite(sqlite) => Ok(Transaction::sqlite(sqlite.snapshot().await?)),
            Engine::Postgres(postgres) => Ok(Transaction::postgres(postgres.snapshot().await?)),
        }
    }

    /// How many connections the readers have, and how many of them wait for work.
    pub fn pool(&self) -> Pool {
        self.reader().pool()
    }

    /// Runs one write transaction: `db.write(async |tx| { … }).await`. An error rolls everything back.
    ///
    /// No other write transaction of any server runs beside it, so what it reads cannot change before it commits.
    /// Hints given to [`Tx::notify`] go out after the commit. Do not await anything but queries inside.
    ///
    /// # Errors
    /// Returns the closure's error, or [`DbError`] when the transaction cannot begin or commit.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&Tx) -> Result<T, E>,
        E: From<DbError>,
    {
        self.transact(None, work).await
    }

    /// Runs one write transaction that other guarded ones may run beside, for the writes that are frequent.
    ///
    /// It waits for those that share a guarding row and for those of [`Database::write`]. Everything that it reads in
    /// order to decide, and everything that it writes, must belong to the guarding rows: no other guarded transaction
    /// may write it under another guard.
    ///
    /// # Errors
    /// Returns the closure's error, or [`DbError`] when the transaction cannot begin or commit.
    pub async fn write_guarded<T, E, F>(&self, guard: Guard, work: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&Tx) -> Result<T, E>,
        E: From<DbError>,
    {
        self.transact(Some(guard), work).await
    }

    /// Runs one write transaction that waits for no other writer on PostgreSQL, for what must be written in time also when
    /// all writers stand in a queue: that the server lives, and words that people watch. Either nobody else writes what it
    /// writes, or it locks the rows that guard it and leaves out those that somebody holds.
    ///
    /// # Errors
    /// Returns the closure's error, or [`DbError`] when the transaction cannot begin or commit.
    pub async fn write_apart<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&Tx) -> Result<T, E>,
        E: From<DbError>,
    {
        let pubsub = &self.shared.pubsub;
        match &self.shared.engine {
            Engine::Sqlite(sqlite) => Box::pin(sqlite.transact(true, pubsub, work)).await,
            Engine::Postgres(postgres) => Box::pin(postgres.transact_apart(pubsub, work)).await,
        }
    }

    /// Publishes a hint outside a transaction.
    pub fn publish(&self, channel: &str, hint: Value) {
        self.shared.pubsub.publish(channel, hint);
    }

    /// Subscribes to the hints of a channel.
    pub fn subscribe(&self, channel: &str) -> Subscription {
        self.shared.pubsub.subscribe(channel)
    }

    /// Why no hints of other servers arrive, as a sentence for operators; `None` while they do, and where none are wanted.
    pub fn hint_trouble(&self) -> Option<String> {
        self.shared.pubsub.trouble()
    }

    /// Closes all connections once their work is done; SQLite also folds the write-ahead log into the database.
    ///
    /// # Errors
    /// Fails when a connection cannot be closed.
    pub async fn close(&self) -> Result<(), DbError> {
        match &self.shared.engine {
            Engine::Sqlite(sqlite) => sqlite.close().await,
            Engine::Postgres(postgres) => postgres.close().await,
        }
    }

    fn clock(&self) -> &Clock {
        match &self.shared.engine {
            Engine::Sqlite(_) => &Clock::Own,
            Engine::Postgres(postgres) => postgres.clock(),
        }
    }

    async fn transact<T, E, F>(&self, guard: Option<Guard>, work: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&Tx) -> Result<T, E>,
        E: From<DbError>,
    {
        let pubsub = &self.shared.pubsub;
        match &self.shared.engine {
            Engine::Sqlite(sqlite) => {
                let goes_first = guard.is_some_and(|guard| guard.goes_first);
                Box::pin(sqlite.transact(goes_first, pubsub, work)).await
            }
            Engine::Postgres(postgres) => Box::pin(postgres.transact(guard, pubsub, work)).await,
        }
    }
}

/// Hints to publish after the commit, with their channels.
type Hints = Vec<(String, Value)>;

fn publish_all(pubsub: &dyn PubSub, hints: Hints) {
    for (channel, hint) in hints {
        pubsub.publish(&channel, hint);
    }
}

/// An open write transaction. Reads through it see its own writes.
pub struct Tx {
    transaction: Transaction,
    clock: Clock,
    hints: Mutex<Hints>,
    /// Whether a statement failed in another way than by a constraint.
    has_failed: AtomicBool,
}

impl Tx {
    fn new(transaction: Transaction, clock: Clock) -> Self {
        Self { transaction, clock, hints: Mutex::default(), has_failed: AtomicBool::new(false) }
    }

    /// The time of the database, see [`Database::now`].
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Lets statements take, and the transaction rest, for longer than a server may; for maintenance.
    pub(crate) async fn be_patient(&self) -> Result<(), DbErr> {
        self.transaction.be_patient().await
    }

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

    fn into_parts(self) -> (Transaction, Hints, bool) {
        let hints = self.hints.into_inner().unwrap_or_else(PoisonError::into_inner);
        (self.transaction, hints, self.has_failed.into_inner())
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Tx {
    fn get_database_backend(&self) -> DbBackend {
        self.transaction.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.seen(self.transaction.execute_raw(storable(statement)).await)
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.seen(self.transaction.execute_unprepared(sql).await)
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.seen(self.transaction.query_one_raw(storable(statement)).await)
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.seen(self.transaction.query_all_raw(storable(statement)).await)
    }
}
