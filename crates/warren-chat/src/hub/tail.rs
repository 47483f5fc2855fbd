//! The tail of one chat: the newest snapshot, the parts of the current attempt, and who looks at them.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{sync::mpsc, time::MissedTickBehavior};
use warren_chat_proto::{Episode, Message, Snapshot, StreamCommand, StreamPart};
use warren_db::{Database, Notice, channels, query};
use warren_vocab::{ChatId, MessageRole, MessageVisibility};

use super::{Hub, Input, Item, action};
use crate::{error::ChatResult, rows};

/// How often the store is read even without a hint, as hints may be lost.
const SWEEP: Duration = Duration::from_secs(10);

pub(super) struct Tail {
    db: Database,
    chat: ChatId,
    has_missed: Arc<AtomicBool>,
    snapshot: Option<Arc<Snapshot>>,
    messages: Vec<Arc<Message>>,
    episode: Episode,
    parts: Vec<Arc<StreamPart>>,
    viewers: HashMap<u64, mpsc::Sender<Item>>,
}

impl Tail {
    pub(super) fn new(db: Database, chat: ChatId, has_missed: Arc<AtomicBool>) -> Self {
        Self {
            db,
            chat,
            has_missed,
            snapshot: None,
            messages: Vec::new(),
            episode: Episode { history_version: 0, attempt: 0 },
            parts: Vec::new(),
            viewers: HashMap::new(),
        }
    }

    pub(super) async fn run(mut self, mut inputs: mpsc::Receiver<Input>, hub: Hub) {
        let mut hints = self.db.subscribe(&channels::chat(self.chat));
        let mut sweep = tokio::time::interval(SWEEP);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                input = inputs.recv() => match input {
                    Some(input) => self.handle(input).await,
                    None => return,
                },
                notice = hints.next() => match notice {
                    Some(notice) => self.handle_notice(&notice).await,
                    None => return,
                },
                _ = sweep.tick() => self.refresh().await,
            }
            if self.has_missed.swap(false, Ordering::Relaxed) {
                self.reload_parts().await;
            }
            self.viewers.retain(|_, items| !items.is_closed());
            if self.viewers.is_empty() && hub.retire(self.chat, &inputs) {
                return;
            }
        }
    }

    async fn handle(&mut self, input: Input) {
        match input {
            Input::Join { viewer, items } => drop(self.viewers.insert(viewer, items)),
            Input::Parts(parts) => self.handle_parts(parts).await,
            Input::Command { viewer, command: StreamCommand::Fetch { newer_than } } => {
                if self.version() <= newer_than {
                    self.refresh().await;
                }
                // A refresh tells everybody, but not those who ask for a version that was there before.
                if let Some(snapshot) = self.snapshot.clone() {
                    self.tell(viewer, Item::Snapshot(snapshot));
                }
            }
            Input::Command { viewer, command: StreamCommand::Replay { after_seq, .. } } => {
                let parts = self.parts.iter().filter(|part| part.seq > after_seq);
                self.tell(viewer, Item::Parts(parts.cloned().collect()));
            }
        }
    }

    async fn handle_notice(&mut self, notice: &Notice) {
        let is_old = match notice {
            Notice::Hint(hint) => {
                hint["snapshot_version"].as_i64().is_some_and(|version| version <= self.version())
            }
            Notice::Lagged => false,
        };
        if !is_old {
            self.refresh().await;
        }
    }

    async fn handle_parts(&mut self, parts: Vec<Arc<StreamPart>>) {
        let Some(first) = parts.first() else { return };
        let episode = Episode { history_version: first.history_version, attempt: first.generation_attempt };
        if episode > self.episode {
            // The commit before these parts is in the store, but its hint is still on its way here.
            self.refresh().await;
        }
        if episode != self.episode {
            return;
        }
        let last = self.parts.last().map_or(0, |part| part.seq);
        let news: Vec<_> = parts.into_iter().filter(|part| part.seq > last).collect();
        match news.first() {
            None => {}
            Some(next) if next.seq == last + 1 => {
                self.parts.extend(news.iter().cloned());
                self.tell_all(&Item::Parts(news.into()));
            }
            Some(_) => self.reload_parts().await,
        }
    }

    fn version(&self) -> i64 {
        self.snapshot.as_ref().map_or(0, |snapshot| snapshot.versions.snapshot)
    }

    /// Reads the store; tells all viewers when there is a newer version.
    async fn refresh(&mut self) {
        let episode = self.episode;
        match self.read().await {
            Ok(true) => {
                if let Some(snapshot) = self.snapshot.clone() {
                    self.tell_all(&Item::Snapshot(snapshot));
                }
                // The store may be ahead of the inbox; what was read here is not told again when it comes from there.
                if episode != self.episode && !self.parts.is_empty() {
                    self.tell_all(&Item::Parts(self.parts.clone().into()));
                }
            }
            Ok(false) => {}
            // The viewers keep what they have; the next hint or sweep tries again.
            Err(error) => {
                tracing::warn!(%error, chat.id = %self.chat, "a chat could not be read for its viewers")
            }
        }
    }

    async fn read(&mut self) -> ChatResult<bool> {
        let known = self.snapshot.as_ref().map_or(0, |snapshot| snapshot.versions.history);
        let Some(at) = query::chat_snapshots::read(&self.db, self.chat, known).await? else {
            return Ok(false);
        };
        let versions = rows::versions(&at.chat);
        if versions.snapshot <= self.version() {
            return Ok(false);
        }
        for row in at.changed {
            let id = row.id;
            let is_shown = !row.deleted
                && row.visibility != MessageVisibility::Model.as_str()
                && row.role != MessageRole::System.as_str();
            self.messages.retain(|message| message.id.get() != id);
            if is_shown {
                self.messages.push(Arc::new(rows::message(row)?));
            }
        }
        self.messages.sort_by_key(|message| message.id);
        let snapshot = Snapshot {
            versions,
            status: rows::status(&at.chat)?,
            error: rows::error(&at.chat)?,
            retry: rows::retry(&at.chat)?,
            messages: self.messages.clone().into(),
            queue: at.queue.into_iter().map(rows::queued).collect::<ChatResult<Vec<_>>>()?.into(),
            action: action::required(self.db.reader(), &at.chat).await?,
        };
        let episode = snapshot.episode();
        if episode != self.episode {
            self.episode = episode;
            self.parts = saved_parts(&self.db, self.chat, episode).await?;
        }
        self.snapshot = Some(Arc::new(snapshot));
        Ok(true)
    }

    /// Reads the parts of the current attempt again and hands all of them out; viewers skip what they have.
    async fn reload_parts(&mut self) {
        match saved_parts(&self.db, self.chat, self.episode).await {
            Ok(parts) => {
                self.parts = parts;
                self.tell_all(&Item::Parts(self.parts.clone().into()));
            }
            Err(error) => tracing::warn!(%error, chat.id = %self.chat, "saved parts could not be read"),
        }
    }

    fn tell(&mut self, viewer: u64, item: Item) {
        if let Some(items) = self.viewers.get(&viewer)
            && items.try_send(item).is_err()
        {
            self.viewers.remove(&viewer);
        }
    }

    fn tell_all(&mut self, item: &Item) {
        self.viewers.retain(|_, items| items.try_send(item.clone()).is_ok());
    }
}

/// The saved parts of an attempt, in order.
pub(crate) async fn saved_parts(
    db: &Database,
    chat: ChatId,
    episode: Episode,
) -> ChatResult<Vec<Arc<StreamPart>>> {
    let found = query::chat_parts::list(db.reader(), chat, episode.history_version, episode.attempt).await?;
    let mut parts = Vec::new();
    for row in found {
        let saved: Vec<StreamPart> = rows::parse("parts", row.parts)?;
        parts.extend(saved.into_iter().map(Arc::new));
    }
    Ok(parts)
}
