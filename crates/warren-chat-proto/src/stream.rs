//! One viewer's stream of a chat, as a poll object.
//!
//! Inputs: a hint that something changed, a snapshot of the committed rows, a part of the answer that is being written.
//! Outputs: events for the viewer and commands for the shell. Hints decide only whether to look; snapshots decide what is
//! shown. Call `poll_event` and `poll_command` after every `handle_*` until both give `None`.

use std::{collections::VecDeque, sync::Arc};

use warren_vocab::{ChatStatus, MessageId};

use crate::{
    error::{ChatError, RetryState},
    message::{Message, QueuedMessage},
    part::StreamPart,
    state::Versions,
};

/// One attempt to extend one history: what a part belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Episode {
    pub history_version: i64,
    pub attempt: i64,
}

/// The committed state of a chat at one version.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    pub versions: Versions,
    pub status: ChatStatus,
    pub error: Option<ChatError>,
    pub retry: Option<RetryState>,
    /// The messages that users see, oldest first.
    pub messages: Arc<[Arc<Message>]>,
    pub queue: Arc<[QueuedMessage]>,
    /// The history version at which messages were taken away last; 0 when never.
    pub cut_version: i64,
}

impl Snapshot {
    /// The episode that parts belong to at this version.
    pub fn episode(&self) -> Episode {
        Episode { history_version: self.versions.history, attempt: self.versions.attempt }
    }
}

/// What the viewer is told.
#[derive(Debug, Clone, PartialEq)]
pub enum StreamEvent {
    /// Forget all messages; all of them follow.
    HistoryReset,
    /// A message is new or has changed.
    Message(Arc<Message>),
    /// The whole queue.
    Queue(Arc<[QueuedMessage]>),
    Status(ChatStatus),
    Error(ChatError),
    Retry(RetryState),
    /// Forget the answer that was being written.
    PreviewReset,
    /// The answer goes on.
    Part(Arc<StreamPart>),
}

/// What the viewer's loop asks of its shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamCommand {
    /// Read a snapshot newer than this version and hand it in.
    Fetch { newer_than: i64 },
    /// Hand in the parts of this episode again, from the first.
    Replay(Episode),
}

/// The stream of one viewer.
#[derive(Debug)]
pub struct StreamLoop {
    after: Option<MessageId>,
    synced: Option<Synced>,
    /// The newest version that was hinted at.
    wanted: i64,
    is_fetching: bool,
    last_seq: i64,
    /// An episode whose parts came before its snapshot and were dropped.
    missed: Option<Episode>,
    is_replaying: bool,
    events: VecDeque<StreamEvent>,
    commands: VecDeque<StreamCommand>,
}

#[derive(Debug)]
struct Synced {
    versions: Versions,
    status: ChatStatus,
    error_history: Option<i64>,
}

impl StreamLoop {
    /// Starts a stream. `after` is the last message that the viewer has.
    pub fn new(after: Option<MessageId>) -> Self {
        let mut this = Self {
            after,
            synced: None,
            wanted: 0,
            is_fetching: false,
            last_seq: 0,
            missed: None,
            is_replaying: false,
            events: VecDeque::new(),
            commands: VecDeque::new(),
        };
        this.fetch_if_behind();
        this
    }

    /// Takes a hint that the chat has reached a version; old hints change nothing.
    pub fn handle_hint(&mut self, version: i64) {
        self.wanted = self.wanted.max(version);
        self.fetch_if_behind();
    }

    /// Takes a snapshot, in answer to a command or not. One that is not newer than the last changes nothing.
    pub fn handle_snapshot(&mut self, snapshot: &Snapshot) {
        self.is_fetching = false;
        let is_newer =
            self.synced.as_ref().is_none_or(|synced| snapshot.versions.snapshot > synced.versions.snapshot);
        if is_newer {
            self.sync(snapshot);
        }
        self.fetch_if_behind();
    }

    /// The snapshot could not be read; the next hint or the shell's timer tries again.
    pub fn handle_fetch_failed(&mut self) {
        self.is_fetching = false;
    }

    /// Takes a part of the answer that is being written.
    pub fn handle_part(&mut self, part: &Arc<StreamPart>) {
        let Some(synced) = &self.synced else { return };
        let current = Episode { history_version: synced.versions.history, attempt: synced.versions.attempt };
        let episode = Episode { history_version: part.history_version, attempt: part.generation_attempt };
        if episode > current {
            // The shell may learn of parts before it learns of the commit that they build on.
            self.missed = Some(episode);
            self.handle_hint(synced.versions.snapshot + 1);
            return;
        }
        if episode < current || part.seq <= self.last_seq {
            return;
        }
        if part.seq > self.last_seq + 1 {
            self.handle_gap(current);
            return;
        }
        self.last_seq = part.seq;
        self.is_replaying = false;
        self.events.push_back(StreamEvent::Part(part.clone()));
    }

    /// Gives the next event for the viewer.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<StreamEvent> {
        self.events.pop_front()
    }

    /// Gives the next command for the shell.
    #[must_use]
    pub fn poll_command(&mut self) -> Option<StreamCommand> {
        self.commands.pop_front()
    }

    fn fetch_if_behind(&mut self) {
        let seen = self.synced.as_ref().map_or(0, |synced| synced.versions.snapshot);
        let is_behind = self.synced.is_none() || self.wanted > seen;
        if is_behind && !self.is_fetching {
            self.is_fetching = true;
            self.commands.push_back(StreamCommand::Fetch { newer_than: seen });
        }
    }

    /// Some parts were lost on the way: the preview starts over rather than showing a hole.
    fn handle_gap(&mut self, episode: Episode) {
        if self.is_replaying {
            return;
        }
        self.is_replaying = true;
        if self.last_seq > 0 {
            self.last_seq = 0;
            self.events.push_back(StreamEvent::PreviewReset);
        }
        self.commands.push_back(StreamCommand::Replay(episode));
    }

    fn sync(&mut self, snapshot: &Snapshot) {
        let before = self.synced.take();
        let versions = snapshot.versions;
        self.sync_history(before.as_ref(), snapshot);
        let queue_changed = match &before {
            Some(before) => before.versions.queue != versions.queue,
            None => !snapshot.queue.is_empty(),
        };
        if queue_changed {
            self.events.push_back(StreamEvent::Queue(snapshot.queue.clone()));
        }
        if before.as_ref().is_none_or(|before| before.status != snapshot.status) {
            self.events.push_back(StreamEvent::Status(snapshot.status));
        }
        let error_history = self.sync_error(before.as_ref(), snapshot);
        if let Some(retry) = &snapshot.retry
            && before.as_ref().is_none_or(|before| before.versions.retry != versions.retry)
        {
            self.events.push_back(StreamEvent::Retry(retry.clone()));
        }
        self.sync_episode(before.as_ref(), snapshot.episode());
        self.synced = Some(Synced { versions, status: snapshot.status, error_history });
    }

    fn sync_history(&mut self, before: Option<&Synced>, snapshot: &Snapshot) {
        let Some(before) = before else {
            // A viewer whose last message is gone has seen a history that was cut since.
            let known = self.after.filter(|after| snapshot.messages.iter().any(|one| one.id == *after));
            if self.after.is_some_and(|after| after.get() > 0) && known.is_none() {
                self.events.push_back(StreamEvent::HistoryReset);
            }
            let news = snapshot.messages.iter().filter(|one| known.is_none_or(|known| one.id > known));
            self.events.extend(news.cloned().map(StreamEvent::Message));
            return;
        };
        if before.versions.history == snapshot.versions.history {
            return;
        }
        let was_cut = snapshot.cut_version > before.versions.history;
        if was_cut {
            self.events.push_back(StreamEvent::HistoryReset);
        }
        let news = snapshot.messages.iter().filter(|one| was_cut || one.revision > before.versions.history);
        self.events.extend(news.cloned().map(StreamEvent::Message));
    }

    fn sync_error(&mut self, before: Option<&Synced>, snapshot: &Snapshot) -> Option<i64> {
        let told = before.and_then(|before| before.error_history);
        if snapshot.status != ChatStatus::Error {
            return None;
        }
        let history = snapshot.versions.history;
        if told != Some(history)
            && let Some(error) = &snapshot.error
        {
            self.events.push_back(StreamEvent::Error(error.clone()));
        }
        Some(history)
    }

    fn sync_episode(&mut self, before: Option<&Synced>, episode: Episode) {
        let is_new = before.is_none_or(|before| {
            before.versions.history != episode.history_version
                || (before.versions.attempt != episode.attempt && episode.attempt != 0)
        });
        if !is_new {
            return;
        }
        self.last_seq = 0;
        self.is_replaying = false;
        self.events.push_back(StreamEvent::PreviewReset);
        // Whoever comes in the middle of an answer has missed its beginning.
        let has_missed = self.missed.take() == Some(episode) || before.is_none();
        if has_missed && episode.attempt > 0 {
            self.is_replaying = true;
            self.commands.push_back(StreamCommand::Replay(episode));
        }
    }
}

#[cfg(test)]
mod tests;
