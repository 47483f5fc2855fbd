//! Which control connection of an agent is the newest.
//!
//! An agent that lost its network dials again before the server notices the loss; the end of the old connection must
//! then not mark the agent as gone.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use warren_vocab::AgentId;

/// Counts connections per agent. Clones share the counts.
#[derive(Clone, Default)]
pub(crate) struct AgentConnections {
    newest: Arc<Mutex<HashMap<AgentId, u64>>>,
    open: Arc<AtomicI64>,
}

impl AgentConnections {
    /// Notes a new connection and gives it a number.
    pub(crate) fn open(&self, agent: AgentId) -> u64 {
        self.open.fetch_add(1, Ordering::Relaxed);
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let number = newest.entry(agent).or_default();
        *number += 1;
        *number
    }

    /// Notes the end of a connection; true when no newer one replaced it.
    pub(crate) fn close(&self, agent: AgentId, number: u64) -> bool {
        self.open.fetch_sub(1, Ordering::Relaxed);
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest.get(&agent) == Some(&number)
    }

    /// How many connections are open.
    pub(crate) fn n_open(&self) -> i64 {
        self.open.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_the_newest_connection_counts() {
        let connections = AgentConnections::default();
        let agent = AgentId::new();
        let old = connections.open(agent);
        let new = connections.open(agent);
        assert!(!connections.close(agent, old));
        assert!(connections.close(agent, new));
        assert_eq!(connections.n_open(), 0);
    }
}
