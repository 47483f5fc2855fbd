//! Connections for reading, of either engine: each question goes to whatever connection is free.

use sea_orm::DatabaseConnection;

use super::{Pool, either::hand_on, postgres};

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

hand_on!(Reader, Readers);
