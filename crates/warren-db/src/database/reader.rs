//! Connections for reading, of either engine: each question goes to whatever connection is free.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement};

use super::{Pool, postgres};

/// Reads; the database itself refuses writes through it.
pub struct Reader(pub(super) Readers);

pub(super) enum Readers {
    Sqlite(DatabaseConnection),
    Postgres(postgres::Pool),
}

impl Reader {
    /// How many connections there are, and how many of them wait for work.
    pub(super) fn pool(&self) -> Pool {
        match &self.0 {
            Readers::Sqlite(connections) => {
                let pool = connections.get_sqlite_connection_pool();
                Pool { n_open: pool.size(), n_idle: pool.num_idle() }
            }
            Readers::Postgres(pool) => {
                let (n_open, n_idle) = pool.size();
                Pool { n_open, n_idle }
            }
        }
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Reader {
    fn get_database_backend(&self) -> DbBackend {
        match &self.0 {
            Readers::Sqlite(connections) => connections.get_database_backend(),
            Readers::Postgres(pool) => pool.get_database_backend(),
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match &self.0 {
            Readers::Sqlite(connections) => connections.execute_raw(statement).await,
            Readers::Postgres(pool) => pool.execute_raw(statement).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match &self.0 {
            Readers::Sqlite(connections) => connections.execute_unprepared(sql).await,
            Readers::Postgres(pool) => pool.execute_unprepared(sql).await,
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match &self.0 {
            Readers::Sqlite(connections) => connections.query_one_raw(statement).await,
            Readers::Postgres(pool) => pool.query_one_raw(statement).await,
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match &self.0 {
            Readers::Sqlite(connections) => connections.query_all_raw(statement).await,
            Readers::Postgres(pool) => pool.query_all_raw(statement).await,
        }
    }
}
