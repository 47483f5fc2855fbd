//! An open transaction of either engine.

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, Statement};

use super::postgres;

/// An open transaction, rolled back when dropped.
pub struct Transaction(Kind);

enum Kind {
    Sqlite(DatabaseTransaction),
    Postgres(postgres::Transaction),
}

impl Transaction {
    pub(super) fn sqlite(transaction: DatabaseTransaction) -> Self {
        Self(Kind::Sqlite(transaction))
    }

    pub(super) fn postgres(transaction: postgres::Transaction) -> Self {
        Self(Kind::Postgres(transaction))
    }

    /// Commits it.
    ///
    /// # Errors
    /// When the connection broke, nobody knows whether it was committed.
    pub(super) async fn commit(self) -> Result<(), DbErr> {
        match self.0 {
            Kind::Sqlite(transaction) => transaction.commit().await,
            Kind::Postgres(transaction) => transaction.commit().await,
        }
    }

    /// Lets statements take, and the transaction rest, for longer than a server may; for maintenance.
    pub(crate) async fn be_patient(&self) -> Result<(), DbErr> {
        match &self.0 {
            Kind::Sqlite(_) => Ok(()),
            Kind::Postgres(transaction) => transaction.be_patient().await,
        }
    }

    /// Rolls it back.
    ///
    /// # Errors
    /// Fails when the database does not take part; it rolls back all the same.
    pub async fn rollback(self) -> Result<(), DbErr> {
        match self.0 {
            Kind::Sqlite(transaction) => transaction.rollback().await,
            Kind::Postgres(transaction) => transaction.rollback().await,
        }
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        match &self.0 {
            Kind::Sqlite(transaction) => transaction.get_database_backend(),
            Kind::Postgres(transaction) => transaction.get_database_backend(),
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match &self.0 {
            Kind::Sqlite(transaction) => transaction.execute_raw(statement).await,
            Kind::Postgres(transaction) => transaction.execute_raw(statement).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match &self.0 {
            Kind::Sqlite(transaction) => transaction.execute_unprepared(sql).await,
            Kind::Postgres(transaction) => transaction.execute_unprepared(sql).await,
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match &self.0 {
            Kind::Sqlite(transaction) => transaction.query_one_raw(statement).await,
            Kind::Postgres(transaction) => transaction.query_one_raw(statement).await,
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match &self.0 {
            Kind::Sqlite(transaction) => transaction.query_all_raw(statement).await,
            Kind::Postgres(transaction) => transaction.query_all_raw(statement).await,
        }
    }
}
