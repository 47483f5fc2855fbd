//! One viewer's stream of a chat, as a poll object.
//!
//! Inputs: a hint that something changed, a snapshot of the committed rows, a part of the answer that is being written.
//! Outputs: events for the viewer and commands for the shell. Hints decide only whether to look; snapshots decide what is
//! shown. Call `poll_event` and `poll_command` after every `handle_*` until both give `None`.
//!
//! After every event there is a cursor. A stream that starts with it goes on with the next event, as if nothing had happened
//! between: a viewer at part p gets part p + 1, or a reset.

mod cursor;

use std::{collections::VecDeque, sync::Arc};

use warren_vocab::{ChatStatus, MessageId};

pub use cursor::{BadCursor, StreamCursor};

use crate::{
    action::ActionRequired,
    error::{ChatError, RetryState},
    message::{Message, QueuedMessage},
    part::StreamPart,
    state::Versions,
};

/// One attempt to extend one history: what a part belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
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
    /// What the chat waits for.
    pub action: Option<Arc<ActionRequired>>,
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
    /// Everything that must be answered.
    ActionRequired(Arc<ActionRequired>),
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
    /// Hand in the parts of this episode that come after a place.
    Replay { episode: Episode, after_seq: i64 },
}

/// How many parts that do not fit are dropped before a replay that brought nothing is asked for again.
const PATIENCE: u32 = 32;

/// The stream of one viewer.
#[derive(Debug)]
pub struct StreamLoop {
    /// The last message of a viewer without a cursor.
    after: Option<MessageId>,
    /// What the viewer has been told once it has polled all events.
    told: StreamCursor,
    /// What the viewer has been told with the events that it has polled.
    polled: StreamCursor,
    /// The versions of the last snapshot.
    synced: Option<Versions>,
    /// The newest version that was hinted at.
    wanted: i64,
    is_fetching: bool,
    /// An episode whose parts came before its snapshot and were dropped.
    missed: Option<Episode>,
    replay: Option<Replay>,
    events: VecDeque<(StreamEvent, StreamCursor)>,
    commands: VecDeque<StreamCommand>,
}

/// A replay that was asked for.
#[derive(Debug, Clone, Copy)]
struct Replay {
    /// Parts that did not fit since.
    n_dropped: u32,
    /// How many of them it takes to ask again.
    patience: u32,
}

impl StreamLoop {
    /// Starts a stream. A viewer names its exact place, or else the last message that it has.
    pub fn new(after: Option<MessageId>, cursor: Option<StreamCursor>) -> Self {
        let told = cursor.unwrap_or_default();
        let mut this = Self {
            after: after.filter(|after| cursor.is_none() && after.get() > 0),
            told,
            polled: told,
            synced: None,
            wanted: 0,
            is_fetching: false,
            missed: None,
            replay: None,
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
        if self.synced.is_none_or(|synced| snapshot.versions.snapshot > synced.snapshot) {
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
        let Some(synced) = self.synced else { return };
        let current = episode_of(&synced);
        let episode = part.episode();
        if episode > current {
            // The shell may learn of parts before it learns of the commit that they build on.
            self.missed = Some(episode);
            self.handle_hint(synced.snapshot + 1);
            return;
        }
        if episode < current || part.seq <= self.told.seq {
            return;
        }
        if part.seq > self.told.seq + 1 {
            self.handle_gap(current);
            return;
        }
        self.show(part);
    }

    /// Takes the answer to a replay: every part of the episode that there still is after the place that the command named.
    /// When the next part is no longer there, the preview starts over with the first that is.
    pub fn handle_replay(&mut self, episode: Episode, parts: &[Arc<StreamPart>]) {
        let is_current = self.synced.is_some_and(|synced| episode_of(&synced) == episode);
        if !is_current {
            return;
        }
        self.replay = None;
        let mut fresh = parts.iter().filter(|part| part.episode() == episode).peekable();
        while fresh.next_if(|part| part.seq <= self.told.seq).is_some() {}
        if let Some(first) = fresh.peek()
            && first.seq > self.told.seq + 1
        {
            self.reset_preview(episode);
            self.told.seq = first.seq - 1;
        }
        for part in fresh {
            if part.seq == self.told.seq + 1 {
                self.show(part);
            }
        }
    }

    /// Gives the next event for the viewer.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<StreamEvent> {
        let (event, cursor) = self.events.pop_front()?;
        self.polled = cursor;
        Some(event)
    }

    /// Gives the next command for the shell.
    #[must_use]
    pub fn poll_command(&mut self) -> Option<StreamCommand> {
        self.commands.pop_front()
    }

    /// The place after the last event that was polled. None before the first sync.
    #[must_use]
    pub fn cursor(&self) -> Option<StreamCursor> {
        (self.polled != StreamCursor::default()).then_some(self.polled)
    }

    fn fetch_if_behind(&mut self) {
        let seen = self.synced.map_or(0, |synced| synced.snapshot);
        let is_behind = self.synced.is_none() || self.wanted > seen;
        if is_behind && !self.is_fetching {
            self.is_fetching = true;
            self.commands.push_back(StreamCommand::Fetch { newer_than: seen });
        }
    }

    /// Some parts were lost on the way. They are asked for once; a second time only when many more have come without them.
    fn handle_gap(&mut self, episode: Episode) {
        let patience = match &mut self.replay {
            None => PATIENCE,
            Some(replay) => {
                replay.n_dropped += 1;
                if replay.n_dropped < replay.patience {
                    return;
                }
                replay.patience.saturating_mul(2)
            }
        };
        self.ask_for_replay(episode, patience);
    }

    fn ask_for_replay(&mut self, episode: Episode, patience: u32) {
        self.replay = Some(Replay { n_dropped: 0, patience });
        self.commands.push_back(StreamCommand::Replay { episode, after_seq: self.told.seq });
    }

    fn show(&mut self, part: &Arc<StreamPart>) {
        self.told.seq = part.seq;
        self.replay = None;
        self.tell(StreamEvent::Part(part.clone()));
    }

    fn tell(&mut self, event: StreamEvent) {
        self.events.push_back((event, self.told));
    }

    fn sync(&mut self, snapshot: &Snapshot) {
        let is_first = self.synced.is_none();
        let versions = snapshot.versions;
        if is_first && self.told.snapshot > versions.snapshot {
            // The place is of another chat, or of a store that was set back.
            self.told = StreamCursor { last_message: i64::MAX, ..StreamCursor::default() };
        }
        let history_before = self.told.history;
        self.told.snapshot = versions.snapshot;
        self.sync_history(snapshot);
        let has_queue_news = if is_first && self.told.queue == 0 {
            !snapshot.queue.is_empty()
        } else {
            self.told.queue != versions.queue
        };
        self.told.queue = versions.queue;
        if has_queue_news {
            self.tell(StreamEvent::Queue(snapshot.queue.clone()));
        }
        if self.told.status != Some(snapshot.status) {
            self.told.status = Some(snapshot.status);
            self.tell(StreamEvent::Status(snapshot.status));
        }
        self.sync_error(snapshot);
        self.sync_action(snapshot);
        let has_retry_news = self.told.retry != versions.retry;
        self.told.retry = versions.retry;
        if let (true, Some(retry)) = (has_retry_news, &snapshot.retry) {
            self.tell(StreamEvent::Retry(retry.clone()));
        }
        self.sync_episode(is_first, history_before, snapshot.episode());
        self.synced = Some(versions);
        self.settle_cursor();
    }

    /// The last event of a sync carries everything that the sync has found, also what nobody is told about.
    fn settle_cursor(&mut self) {
        match self.events.back_mut() {
            Some((_, cursor)) => *cursor = self.told,
            None => self.polled = self.told,
        }
    }

    fn sync_history(&mut self, snapshot: &Snapshot) {
        let versions = snapshot.versions;
        let newest = snapshot.messages.last().map_or(0, |message| message.id.get());
        if let Some(after) = self.after.take() {
            // What replaces messages has a higher id than they had, so nothing beyond the newest was ever cut.
            (self.told.history, self.told.last_message) = (versions.history, after.get().min(newest));
        } else if self.told.history == versions.history && self.told.last_message == newest {
            return;
        }
        // An edit cuts everything from one message on, so whoever has lost anything has lost its last message.
        let last = self.told.last_message;
        let has_last = last == 0 || snapshot.messages.iter().any(|message| message.id.get() == last);
        if !has_last {
            (self.told.history, self.told.last_message) = (versions.history, 0);
            self.tell(StreamEvent::HistoryReset);
        }
        let (had, new): (Vec<_>, Vec<_>) =
            snapshot.messages.iter().partition(|message| message.id.get() <= self.told.last_message);
        let known = self.told.history;
        for message in had.into_iter().filter(|message| message.revision > known) {
            self.tell(StreamEvent::Message(message.clone()));
        }
        self.told.history = versions.history;
        for message in new {
            self.told.last_message = message.id.get();
            self.tell(StreamEvent::Message(message.clone()));
        }
    }

    fn sync_error(&mut self, snapshot: &Snapshot) {
        let at = if snapshot.status == ChatStatus::Error { snapshot.versions.history } else { 0 };
        let has_news = self.told.error != at;
        self.told.error = at;
        if let (true, ChatStatus::Error, Some(error)) = (has_news, snapshot.status, &snapshot.error) {
            self.tell(StreamEvent::Error(error.clone()));
        }
    }

    /// Some calls may have been answered, so the rest is told with every change while the chat waits.
    fn sync_action(&mut self, snapshot: &Snapshot) {
        let action = snapshot.action.as_ref().filter(|_| snapshot.status == ChatStatus::RequiresAction);
        let at = if action.is_some() { snapshot.versions.snapshot } else { 0 };
        let has_news = self.told.action != at;
        self.told.action = at;
        if let (true, Some(action)) = (has_news, action) {
            self.tell(StreamEvent::ActionRequired(action.clone()));
        }
    }

    fn sync_episode(&mut self, is_first: bool, history_before: i64, episode: Episode) {
        let told = self.told.episode;
        let is_same = told == episode;
        if is_first && is_same {
            // It goes on where it was; what was said meanwhile is kept by the shell.
            if episode.attempt > 0 {
                self.ask_for_replay(episode, PATIENCE);
            }
            return;
        }
        let history_changed =
            told.history_version != episode.history_version || history_before != episode.history_version;
        if is_same || !(history_changed || episode.attempt != 0) {
            return;
        }
        self.reset_preview(episode);
        self.replay = None;
        // Whoever comes in the middle of an answer has missed its beginning.
        let has_missed = self.missed.take() == Some(episode) || is_first;
        if has_missed && episode.attempt > 0 {
            self.ask_for_replay(episode, PATIENCE);
        }
    }

    fn reset_preview(&mut self, episode: Episode) {
        (self.told.episode, self.told.seq) = (episode, 0);
        self.tell(StreamEvent::PreviewReset);
    }
}

fn episode_of(versions: &Versions) -> Episode {
    Episode { history_version: versions.history, attempt: versions.attempt }
}

impl StreamPart {
    /// What the part belongs to.
    pub const fn episode(&self) -> Episode {
        Episode { history_version: self.history_version, attempt: self.generation_attempt }
    }
}

#[cfg(test)]
mod tests;
