//! How many control connections of agents are open here.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

/// Counts connections. Clones share the count.
#[derive(Clone, Default)]
pub(crate) struct AgentConnections {
    open: Arc<AtomicI64>,
}

/// A connection, as long as it is not dropped.
pub(crate) struct OpenConnection {
    open: Arc<AtomicI64>,
}

impl AgentConnections {
    /// Counts a new connection.
    pub(crate) fn open(&self) -> OpenConnection {
        self.open.fetch_add(1, Ordering::Relaxed);
        OpenConnection { open: self.open.clone() }
    }

    /// How many connections are open.
    pub(crate) fn n_open(&self) -> i64 {
        self.open.load(Ordering::Relaxed)
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}
