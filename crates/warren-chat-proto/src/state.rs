//! What a chat's row says about its execution.

use warren_vocab::{ChatStatus, LeaseId, ReplicaId, RunnerId};

use crate::fence::Stale;

/// Counters that say what changed. Each is the snapshot version of the last change of its kind, except `attempt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Versions {
    /// Grows by one with every transition.
    pub snapshot: i64,
    pub history: i64,
    pub queue: i64,
    pub retry: i64,
    /// Counts the attempts to extend the current history; 0 before the first.
    pub attempt: i64,
}

/// Who works on the chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    pub worker: ReplicaId,
    pub runner: RunnerId,
}

/// The facts that transitions read and change.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ChatState {
    pub status: ChatStatus,
    pub archived: bool,
    /// Messages that wait.
    pub queue_len: usize,
    pub versions: Versions,
    pub has_retry: bool,
    pub lease: Option<Lease>,
    /// Number of leases so far; the current lease has this number.
    pub epoch: i64,
}

/// The execution state: status, whether something waits in the queue, and whether the chat is archived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Execution {
    /// No chat yet.
    None,
    /// Waiting for the user.
    W,
    /// Stopped by an error, queue empty.
    E0,
    /// Stopped by an error, queue not empty.
    E1,
    /// Running, queue empty.
    R0,
    /// Running, queue not empty.
    R1,
    /// Interrupting, queue empty.
    I0,
    /// Interrupting, queue not empty.
    I1,
    /// A client must answer tool calls, queue empty.
    A0,
    /// A client must answer tool calls, queue not empty.
    A1,
    /// Archived while waiting.
    XW,
    /// Archived after an error, queue empty.
    XE0,
    /// Archived after an error, queue not empty.
    XE1,
    /// A combination that no transition makes.
    Invalid,
}

impl Execution {
    /// Every state.
    pub const ALL: [Self; 14] = [
        Self::None,
        Self::W,
        Self::E0,
        Self::E1,
        Self::R0,
        Self::R1,
        Self::I0,
        Self::I1,
        Self::A0,
        Self::A1,
        Self::XW,
        Self::XE0,
        Self::XE1,
        Self::Invalid,
    ];

    /// Names the state of a row.
    pub fn classify(status: ChatStatus, queue_is_empty: bool, archived: bool) -> Self {
        match (status, queue_is_empty, archived) {
            (ChatStatus::Waiting, true, false) => Self::W,
            (ChatStatus::Error, true, false) => Self::E0,
            (ChatStatus::Error, false, false) => Self::E1,
            (ChatStatus::Running, true, false) => Self::R0,
            (ChatStatus::Running, false, false) => Self::R1,
            (ChatStatus::Interrupting, true, false) => Self::I0,
            (ChatStatus::Interrupting, false, false) => Self::I1,
            (ChatStatus::RequiresAction, true, false) => Self::A0,
            (ChatStatus::RequiresAction, false, false) => Self::A1,
            (ChatStatus::Waiting, true, true) => Self::XW,
            (ChatStatus::Error, true, true) => Self::XE0,
            (ChatStatus::Error, false, true) => Self::XE1,
            (ChatStatus::Waiting, false, _)
            | (ChatStatus::Running | ChatStatus::Interrupting | ChatStatus::RequiresAction, _, true)
            | (ChatStatus::Pending | ChatStatus::Paused | ChatStatus::Completed, _, _) => Self::Invalid,
        }
    }

    /// The code in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "N",
            Self::W => "W",
            Self::E0 => "E0",
            Self::E1 => "E1",
            Self::R0 => "R0",
            Self::R1 => "R1",
            Self::I0 => "I0",
            Self::I1 => "I1",
            Self::A0 => "A0",
            Self::A1 => "A1",
            Self::XW => "XW",
            Self::XE0 => "XE0",
            Self::XE1 => "XE1",
            Self::Invalid => "Invalid",
        }
    }

    /// Whether a worker has something to do.
    pub const fn needs_worker(self) -> bool {
        match self {
            Self::R0 | Self::R1 | Self::I0 | Self::I1 | Self::A0 | Self::A1 => true,
            Self::None | Self::W | Self::E0 | Self::E1 | Self::XW | Self::XE0 | Self::XE1 | Self::Invalid => {
                false
            }
        }
    }
}

impl ChatState {
    /// Names the execution state.
    pub fn execution(&self) -> Execution {
        Execution::classify(self.status, self.queue_len == 0, self.archived)
    }

    /// Names the current lease.
    ///
    /// # Errors
    /// [`Stale::Lease`] when no worker has one.
    pub fn lease_id(&self) -> Result<LeaseId, Stale> {
        let Lease { runner, .. } = self.lease.ok_or(Stale::Lease)?;
        Ok(LeaseId { epoch: self.epoch, runner })
    }
}
