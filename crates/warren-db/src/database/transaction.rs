//! An open transaction of either engine.

use sea_orm::{DatabaseTransaction, DbErr};

use super::{either::hand_on, postgres};

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

hand_on!(Transaction, Kind);
