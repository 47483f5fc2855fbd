//! SeaORM's statements on a connection of the pool.

use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement,
};
use sea_query_sqlx::SqlxValues;
use sqlx::{AssertSqlSafe, Executor, Postgres, query::Query};

use super::pool::{Lease, Pool};

impl Lease {
    pub(super) async fn execute_raw(&mut self, statement: Statement) -> Result<ExecResult, DbErr> {
        let done = self.step(async |connection| query(&statement).execute(connection).await);
        done.await.map(ExecResult::from).map_err(exec_error)
    }

    pub(super) async fn execute_unprepared(&mut self, sql: &str) -> Result<ExecResult, DbErr> {
        let done = self.step(async |connection| connection.execute(AssertSqlSafe(sql.to_owned())).await);
        done.await.map(ExecResult::from).map_err(exec_error)
    }

    pub(super) async fn query_one_raw(&mut self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let row = self.step(async |connection| query(&statement).fetch_optional(connection).await);
        Ok(row.await.map_err(query_error)?.map(QueryResult::from))
    }

    pub(super) async fn query_all_raw(&mut self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let rows = self.step(async |connection| query(&statement).fetch_all(connection).await);
        Ok(rows.await.map_err(query_error)?.into_iter().map(QueryResult::from).collect())
    }
}

/// Each statement on whatever connection is free.
#[async_trait::async_trait]
impl ConnectionTrait for Pool {
    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Postgres
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.lease().await.map_err(lease_error)?.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.lease().await.map_err(lease_error)?.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.lease().await.map_err(lease_error)?.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.lease().await.map_err(lease_error)?.query_all_raw(statement).await
    }
}

/// Why there is no connection, as SeaORM says it.
pub(super) fn lease_error(error: sqlx::Error) -> DbErr {
    match error {
        sqlx::Error::PoolTimedOut => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
        sqlx::Error::PoolClosed => DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed),
        other => DbErr::Conn(RuntimeErr::SqlxError(other.into())),
    }
}

pub(super) fn exec_error(error: sqlx::Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(error.into()))
}

fn query_error(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}

fn query(statement: &Statement) -> Query<'_, Postgres, SqlxValues> {
    let values = statement.values.clone().unwrap_or_else(|| sea_orm::Values(Vec::new()));
    sqlx::query_with(AssertSqlSafe(statement.sql.as_str()), SqlxValues(values))
}
