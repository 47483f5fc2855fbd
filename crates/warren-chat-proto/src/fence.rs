//! The check that every worker write passes: a worker that lost its lease, or that works on an older history, changes
//! nothing.

use thiserror::Error;
use warren_vocab::{ChatStatus, LeaseId};

use crate::state::ChatState;

/// What a worker believes about the chat it works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence {
    /// The worker's lease.
    pub lease: LeaseId,
    pub status: ChatStatus,
    pub history_version: i64,
    /// The attempt that the write belongs to, where it belongs to one.
    pub attempt: Option<i64>,
}

/// The chat has moved on; the worker drops what it was about to write. This is expected, not a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Stale {
    #[error("the lease belongs to another worker")]
    Lease,
    #[error("the status has changed")]
    Status,
    #[error("the history has changed")]
    History,
    #[error("another attempt has begun")]
    Attempt,
}

/// Compares a worker's belief with the row.
///
/// # Errors
/// Says what has changed.
pub fn check_fence(state: &ChatState, fence: &Fence) -> Result<(), Stale> {
    if state.lease_id()? != fence.lease {
        return Err(Stale::Lease);
    }
    if state.status != fence.status {
        return Err(Stale::Status);
    }
    if state.versions.history != fence.history_version {
        return Err(Stale::History);
    }
    if fence.attempt.is_some_and(|attempt| attempt != state.versions.attempt) {
        return Err(Stale::Attempt);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use warren_vocab::{ReplicaId, RunnerId};

    use super::*;
    use crate::state::{Lease, Versions};

    #[test]
    fn a_worker_writes_only_under_its_own_lease_and_history() {
        let runner = RunnerId::new();
        let state = ChatState {
            status: ChatStatus::Running,
            archived: false,
            queue_len: 0,
            versions: Versions { snapshot: 9, history: 4, attempt: 2, ..Versions::default() },
            has_retry: false,
            lease: Some(Lease { worker: ReplicaId::new(), runner }),
            epoch: 3,
        };
        let lease = LeaseId { epoch: 3, runner };
        let good = Fence { lease, status: ChatStatus::Running, history_version: 4, attempt: Some(2) };
        assert_eq!(check_fence(&state, &good), Ok(()));
        assert_eq!(check_fence(&state, &Fence { attempt: None, ..good }), Ok(()));
        for other in [LeaseId { epoch: 2, ..lease }, LeaseId { runner: RunnerId::new(), ..lease }] {
            assert_eq!(check_fence(&state, &Fence { lease: other, ..good }), Err(Stale::Lease));
        }
        assert_eq!(check_fence(&state, &Fence { history_version: 3, ..good }), Err(Stale::History));
        assert_eq!(check_fence(&state, &Fence { attempt: Some(1), ..good }), Err(Stale::Attempt));
        let interrupting = ChatState { status: ChatStatus::Interrupting, ..state };
        assert_eq!(check_fence(&interrupting, &good), Err(Stale::Status));
        assert_eq!(check_fence(&ChatState { lease: None, ..state }, &good), Err(Stale::Lease));
    }
}
