//! The time by which leases and deadlines are judged: one clock for all servers of a database.
//!
//! With PostgreSQL it is the clock of the database, so that servers whose clocks disagree agree. With SQLite it is the
//! clock of the process, which is the only one.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, Statement,
    sea_query::{Expr, SimpleExpr},
};

use crate::DbResult;

/// Reads the clock, in the precision that every database keeps. It goes on inside a transaction.
pub async fn now(connection: &impl ConnectionTrait) -> DbResult<DateTime<Utc>> {
    Ok(read(connection).await?)
}

/// Reads the clock with the driver's own error.
pub(crate) async fn read(connection: &impl ConnectionTrait) -> Result<DateTime<Utc>, DbErr> {
    let backend = connection.get_database_backend();
    if backend != DbBackend::Postgres {
        return Ok(own_time());
    }
    let statement = Statement::from_string(backend, "SELECT clock_timestamp() AS now");
    let row = connection.query_one_raw(statement).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("the time".into()))?;
    Ok(row.try_get::<DateTime<Utc>>("", "now")?.trunc_subsecs(6))
}

/// The clock as an expression, for statements that compare with it.
pub(super) fn expression(connection: &impl ConnectionTrait) -> SimpleExpr {
    if connection.get_database_backend() == DbBackend::Postgres {
        Expr::cust("clock_timestamp()")
    } else {
        Expr::value(own_time())
    }
}

/// The time so long ago as an expression.
pub(super) fn ago(connection: &impl ConnectionTrait, age: TimeDelta) -> SimpleExpr {
    if connection.get_database_backend() == DbBackend::Postgres {
        Expr::cust(format!("clock_timestamp() - interval '{} milliseconds'", age.num_milliseconds()))
    } else {
        Expr::value(own_time() - age)
    }
}

fn own_time() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}
