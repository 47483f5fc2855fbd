//! How a server that does not run a chat gets the parts of its answer from the one that does, as a poll object.
//!
//! Inputs: who runs the chat and which attempt is current, results of dials, parts, lost connections, the time. Outputs: parts
//! and commands for the shell. Every dial has a number, and only what comes over the current one counts, so that a dial that
//! was made for an earlier worker can end whenever it likes. Call `poll_part` and `poll_command` after every `handle_*`
//! until both give `None`, and `handle_timeout` at the time that `poll_timeout` names.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use warren_vocab::ReplicaId;

use crate::{part::StreamPart, stream::Episode};

/// The wait before the first new dial; it doubles with every failure.
pub const RECONNECT_FIRST: Duration = Duration::from_millis(100);
pub const RECONNECT_MAX: Duration = Duration::from_secs(5);

/// The number of a dial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DialId(pub u64);

/// What a viewer's server wants to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Who runs the chat.
    pub worker: ReplicaId,
    pub episode: Episode,
    /// The last part that the viewers have.
    pub after_seq: i64,
}

/// Why a dial gave no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DialError {
    /// The other server does not let the viewer in. Dialling again would not help.
    Refused,
    Failed,
}

/// What the session asks of its shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayCommand {
    /// Connect to the worker and say how it went.
    Dial { dial: DialId, worker: ReplicaId },
    /// Give up a dial that has no result yet. Should it have connected meanwhile, close the connection.
    CancelDial(DialId),
    /// Ask for the parts of an attempt after a place, over an open connection.
    Select { dial: DialId, episode: Episode, after_seq: i64 },
    /// Close the connection.
    Close(DialId),
}

/// The relay of one chat on one server.
#[derive(Debug)]
pub struct RelaySession {
    me: ReplicaId,
    /// Whether the viewer is itself a server that relays: then no further relay is made.
    is_for_relay: bool,
    target: Option<Target>,
    link: Link,
    n_failures: u32,
    next_dial: u64,
    random: u64,
    parts: VecDeque<Arc<StreamPart>>,
    commands: VecDeque<RelayCommand>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    /// Nothing is wanted.
    Idle,
    Dialling(DialId),
    Open(DialId),
    /// A dial failed or a connection was lost; the next dial is made then.
    Waiting(Instant),
    /// The worker does not let the viewer in; nothing is tried until something else is wanted.
    Refused,
}

impl RelaySession {
    /// Starts without a target. `seed` is any random number; waits differ by it.
    pub const fn new(me: ReplicaId, is_for_relay: bool, seed: u64) -> Self {
        Self {
            me,
            is_for_relay,
            target: None,
            link: Link::Idle,
            n_failures: 0,
            next_dial: 1,
            random: seed,
            parts: VecDeque::new(),
            commands: VecDeque::new(),
        }
    }

    /// Says what is wanted now; `None` when nobody runs the chat or nobody looks. A worker on this server needs no relay.
    pub fn configure(&mut self, target: Option<Target>) {
        let target = target.filter(|target| target.worker != self.me && !self.is_for_relay);
        let before = std::mem::replace(&mut self.target, target);
        let Some(target) = target else {
            self.disconnect();
            return;
        };
        if before.is_none_or(|before| before.worker != target.worker) {
            self.disconnect();
            self.n_failures = 0;
            self.dial(target.worker);
            return;
        }
        let has_moved = before.is_none_or(|before| before.episode != target.episode);
        match self.link {
            Link::Open(dial) if has_moved => self.select(dial),
            // The same attempt goes on. Whoever has got further on another way than the session needs the rest only.
            Link::Open(_) => {
                let known = before.map_or(0, |before| before.after_seq);
                self.target = Some(Target { after_seq: target.after_seq.max(known), ..target });
            }
            Link::Refused if has_moved => self.dial(target.worker),
            Link::Idle | Link::Dialling(_) | Link::Waiting(_) | Link::Refused => {}
        }
    }

    /// Takes the result of a dial.
    pub fn handle_dialled(&mut self, dial: DialId, result: Result<(), DialError>, now: Instant) {
        if self.link != Link::Dialling(dial) {
            // A dial that nobody waits for; its connection must not stay open.
            if result.is_ok() {
                self.commands.push_back(RelayCommand::Close(dial));
            }
            return;
        }
        match result {
            Ok(()) => {
                self.link = Link::Open(dial);
                self.select(dial);
            }
            Err(error) => self.fail(error, now),
        }
    }

    /// Takes parts from a connection. What is not of the current attempt, or was there before, is dropped.
    pub fn handle_parts(&mut self, dial: DialId, parts: &[Arc<StreamPart>]) {
        if self.link != Link::Open(dial) {
            return;
        }
        let Some(target) = &mut self.target else { return };
        for part in parts {
            if part.episode() == target.episode && part.seq > target.after_seq {
                target.after_seq = part.seq;
                self.n_failures = 0;
                self.parts.push_back(part.clone());
            }
        }
    }

    /// The connection is lost, or the worker says over it that it does not let the viewer in.
    pub fn handle_closed(&mut self, dial: DialId, why: DialError, now: Instant) {
        if self.link == Link::Open(dial) {
            self.fail(why, now);
        }
    }

    /// The time has come; earlier calls change nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let (Link::Waiting(until), Some(target)) = (self.link, self.target)
            && now >= until
        {
            self.dial(target.worker);
        }
    }

    /// When [`Self::handle_timeout`] is due.
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        match self.link {
            Link::Waiting(until) => Some(until),
            Link::Idle | Link::Dialling(_) | Link::Open(_) | Link::Refused => None,
        }
    }

    /// Whether there is anything to be had from another server.
    #[must_use]
    pub const fn is_wanted(&self) -> bool {
        self.target.is_some()
    }

    /// Gives the next part.
    #[must_use]
    pub fn poll_part(&mut self) -> Option<Arc<StreamPart>> {
        self.parts.pop_front()
    }

    /// Gives the next command for the shell.
    #[must_use]
    pub fn poll_command(&mut self) -> Option<RelayCommand> {
        self.commands.pop_front()
    }

    fn dial(&mut self, worker: ReplicaId) {
        let dial = DialId(self.next_dial);
        self.next_dial += 1;
        self.link = Link::Dialling(dial);
        self.commands.push_back(RelayCommand::Dial { dial, worker });
    }

    fn select(&mut self, dial: DialId) {
        let Some(Target { episode, after_seq, .. }) = self.target else { return };
        // What waits is of another attempt.
        self.parts.retain(|part| part.episode() == episode);
        self.commands.push_back(RelayCommand::Select { dial, episode, after_seq });
    }

    fn disconnect(&mut self) {
        match std::mem::replace(&mut self.link, Link::Idle) {
            Link::Dialling(dial) => self.commands.push_back(RelayCommand::CancelDial(dial)),
            Link::Open(dial) => self.commands.push_back(RelayCommand::Close(dial)),
            Link::Idle | Link::Waiting(_) | Link::Refused => {}
        }
        self.parts.clear();
    }

    fn fail(&mut self, error: DialError, now: Instant) {
        match error {
            DialError::Refused => self.link = Link::Refused,
            DialError::Failed => self.wait(now),
        }
    }

    fn wait(&mut self, now: Instant) {
        let full = RECONNECT_FIRST.saturating_mul(1 << self.n_failures.min(16)).min(RECONNECT_MAX);
        self.n_failures = self.n_failures.saturating_add(1);
        // Between half and the whole, so that viewers of a server that comes back do not all dial at once.
        let share = u32::try_from(self.next_random() % 1001).unwrap_or(0);
        self.link = Link::Waiting(now + full / 2 + full / 2 * share / 1000);
    }

    const fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests;
