//! A transaction on a connection of the pool.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement};
use sqlx::{AssertSqlSafe, Executor};
use tokio::{
    runtime::Handle,
    sync::{Mutex, MutexGuard},
};
use warren_rt::Tasks;

use super::{
    pool::{Lease, Pool},
    session::{exec_error, lease_error},
};

/// What lifts PostgreSQL's own limits for a transaction.
const PATIENT: &str = "SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL statement_timeout = 0; \
     SET LOCAL lock_timeout = 0";
/// How long one of its statements may take then.
const PATIENCE: Duration = Duration::from_secs(6 * 3600);

/// An open transaction. It is rolled back when it is dropped.
pub(in crate::database) struct Transaction {
    /// Absent once it has ended. Held over awaits: whoever holds it asks the one question that may be under way.
    lease: Option<Mutex<Lease>>,
    tasks: Tasks,
}

impl Transaction {
    /// Begins one, and runs a first statement without values in the same step.
    pub(super) async fn begin(pool: &Pool, tasks: &Tasks, first: Option<String>) -> Result<Self, DbErr> {
        let mut lease = pool.lease().await.map_err(lease_error)?;
        let sql = first.map_or_else(|| String::from("BEGIN"), |first| format!("BEGIN; {first}"));
        // From here on it is rolled back, whatever comes.
        lease.set_inside(true);
        let transaction = Self { lease: Some(Mutex::new(lease)), tasks: tasks.clone() };
        transaction.execute_unprepared(&sql).await?;
        Ok(transaction)
    }

    /// Commits it.
    ///
    /// # Errors
    /// When the connection broke, nobody knows whether it was committed.
    pub(in crate::database) async fn commit(mut self) -> Result<(), DbErr> {
        match self.lease.take() {
            Some(lease) => end(lease.into_inner(), "COMMIT").await,
            None => Ok(()),
        }
    }

    /// Rolls it back.
    pub(in crate::database) async fn rollback(mut self) -> Result<(), DbErr> {
        match self.lease.take() {
            // On a broken connection PostgreSQL rolls back by itself.
            Some(lease) if lease_is_usable(&lease) => end(lease.into_inner(), "ROLLBACK").await,
            Some(_) | None => Ok(()),
        }
    }

    /// Lets statements take, and the transaction rest, as long as they want.
    pub(in crate::database) async fn be_patient(&self) -> Result<(), DbErr> {
        self.execute_unprepared(PATIENT).await?;
        self.lease().await?.set_patience(PATIENCE);
        Ok(())
    }

    async fn lease(&self) -> Result<MutexGuard<'_, Lease>, DbErr> {
        match &self.lease {
            Some(lease) => Ok(lease.lock().await),
            None => Err(DbErr::Custom("the transaction has ended".into())),
        }
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        let Some(lease) = self.lease.take().map(Mutex::into_inner) else { return };
        // Without a runtime, or in the middle of a question, it is closed, which rolls back as well.
        if lease.is_usable() && Handle::try_current().is_ok() {
            self.tasks.spawn_graceful("abandoned transaction", async move {
                if let Err(error) = end(lease, "ROLLBACK").await {
                    tracing::debug!(%error, "an abandoned transaction could not be rolled back");
                }
            });
        }
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Postgres
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.lease().await?.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.lease().await?.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.lease().await?.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.lease().await?.query_all_raw(statement).await
    }
}

/// Ends the transaction and gives the connection back.
async fn end(mut lease: Lease, how: &'static str) -> Result<(), DbErr> {
    lease.step(async |connection| connection.execute(AssertSqlSafe(how)).await).await.map_err(exec_error)?;
    lease.set_inside(false);
    Ok(())
}

fn lease_is_usable(lease: &Mutex<Lease>) -> bool {
    lease.try_lock().is_ok_and(|lease| lease.is_usable())
}
