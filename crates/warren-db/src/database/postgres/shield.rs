//! Beginning a transaction in a way that may be dropped.
//!
//! sqlx rolls back what it knows to have begun. A `BEGIN` whose answer nobody waited for has begun all the same: the
//! connection would go back to its pool inside a transaction, and whoever got it next would see the past.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
};

use sea_orm::{DatabaseConnection, DatabaseTransaction, DbErr, TransactionTrait};
use tokio::runtime::Handle;
use warren_rt::Tasks;

use crate::error::DbError;

type Beginning = Pin<Box<dyn Future<Output = Result<DatabaseTransaction, DbErr>> + Send>>;

/// Begins a transaction. When the caller loses interest half-way, a task brings the beginning to its end and rolls back.
pub(super) async fn begin(pool: &DatabaseConnection, tasks: &Tasks) -> Result<DatabaseTransaction, DbError> {
    let pool = pool.clone();
    let beginning: Beginning = Box::pin(async move { pool.begin().await });
    let mut begun = Begun { beginning: Some(beginning), tasks };
    let transaction = poll_fn(|cx| match &mut begun.beginning {
        Some(beginning) => beginning.as_mut().poll(cx),
        None => unreachable!("only dropping takes it out"),
    });
    let transaction = transaction.await;
    begun.beginning = None;
    Ok(transaction?)
}

/// Does not let go of a beginning that is under way.
struct Begun<'a> {
    beginning: Option<Beginning>,
    tasks: &'a Tasks,
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        // Without a runtime the connections are gone as well.
        if let Some(beginning) = self.beginning.take()
            && Handle::try_current().is_ok()
        {
            // What has begun rolls back when it is dropped.
            self.tasks.spawn_graceful("abandoned transaction", async move { drop(beginning.await) });
        }
    }
}
