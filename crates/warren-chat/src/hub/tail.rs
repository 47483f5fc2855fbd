//! The tail of one chat: the newest snapshot, the parts of the current attempt, and who looks at them.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::mpsc::{self, error::TrySendError},
    time::MissedTickBehavior,
};
use warren_chat_proto::{Episode, Message, Snapshot, StreamCommand, StreamPart, Versions, relay::Target};
use warren_db::{
    Database, Notice,
    entity::chat_messages,
    query::{
        self,
        chat_snapshots::{Known, Place},
    },
};
use warren_vocab::{ChatId, ChatStatus, MessageId, MessageRole, MessageVisibility, ReplicaId};

use super::{
    Hub, Input, Item, Others, action,
    batch::{BATCH_PARTS_MAX, Batch},
    relay::{Offered, Relay},
};
use crate::{
    error::{ChatResult, ChatServiceError},
    rows,
};

/// How often parts are read from the store while a chat runs on a server that cannot be reached.
const WITHOUT_RELAY: Duration = Duration::from_secs(1);

pub(super) struct Tail {
    hub: Hub,
    chat: ChatId,
    has_missed: Arc<AtomicBool>,
    snapshot: Option<Arc<Snapshot>>,
    messages: Vec<Arc<Message>>,
    episode: Episode,
    parts: Vec<Arc<StreamPart>>,
    /// How many of the parts the viewers were handed.
    n_told: usize,
    viewers: HashMap<u64, mpsc::Sender<Item>>,
    /// Who has the lease of the chat.
    worker: Option<ReplicaId>,
    relay: Relay,
}

impl Tail {
    pub(super) fn new(hub: Hub, chat: ChatId, has_missed: Arc<AtomicBool>) -> Self {
        let Others { me, relay, .. } = hub.shared.others.clone();
        let relay = Relay::new(me, chat, relay, hub.shared.tasks.clone());
        Self {
            hub,
            chat,
            has_missed,
            snapshot: None,
            messages: Vec::new(),
            episode: Episode { history_version: 0, attempt: 0 },
            parts: Vec::new(),
            n_told: 0,
            viewers: HashMap::new(),
            worker: None,
            relay,
        }
    }

    pub(super) async fn run(mut self, mut inputs: mpsc::Receiver<Input>) {
        let mut hints = self.db().subscribe(&(self.hub.shared.channel)(self.chat));
        let mut store = tokio::time::interval(WITHOUT_RELAY);
        store.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.refresh().await;
        loop {
            self.relay.configure(self.target());
            tokio::select! {
                input = inputs.recv() => match input {
                    Some(input) => self.handle_all(input, &mut inputs).await,
                    None => return,
                },
                notice = hints.next() => match notice {
                    Some(notice) => {
                        // The last words of an attempt come before the message that ends it.
                        self.handle_waiting(&mut inputs).await;
                        self.handle_notice(&notice).await;
                    }
                    None => return,
                },
                offered = self.relay.next() => self.handle_offered(&offered).await,
                _ = store.tick(), if self.relay.is_cut_off() => {
                    self.reload_parts().await;
                    // Who does not answer may have died between the end of its turn and the word of it.
                    self.refresh().await;
                }
            }
            if self.has_missed.swap(false, Ordering::Relaxed) {
                self.reload_parts().await;
            }
            self.tell_parts();
            self.viewers.retain(|_, items| !items.is_closed());
            if self.viewers.is_empty() && self.hub.retire(self.chat, &inputs) {
                return;
            }
        }
    }

    /// Handles everything that waits; viewers get the parts among it at once.
    async fn handle_all(&mut self, first: Input, inputs: &mut mpsc::Receiver<Input>) {
        self.handle(first).await;
        self.handle_waiting(inputs).await;
    }

    async fn handle_waiting(&mut self, inputs: &mut mpsc::Receiver<Input>) {
        for _ in 0..inputs.len() {
            let Ok(input) = inputs.try_recv() else { return };
            self.handle(input).await;
        }
    }

    async fn handle(&mut self, input: Input) {
        match input {
            Input::Join { viewer, items } => drop(self.viewers.insert(viewer, items)),
            Input::Leave { viewer } => drop(self.viewers.remove(&viewer)),
            Input::Parts(parts) => self.handle_parts(parts).await,
            Input::Swept(place) => self.catch_up(place).await,
            Input::Command { viewer, command: StreamCommand::Fetch { newer_than } } => {
                if self.version() <= newer_than {
                    self.refresh().await;
                }
                // A refresh tells everybody, but not those who ask for a version that was there before.
                if let Some(snapshot) = self.snapshot.clone() {
                    self.tell(viewer, Item::Snapshot(snapshot));
                }
            }
            Input::Command { viewer, command: StreamCommand::Replay { episode, after_seq } } => {
                self.replay(viewer, episode, after_seq);
            }
        }
    }

    /// Hands out the parts of an episode again, unless another one has begun: then its snapshot is on its way.
    fn replay(&mut self, viewer: u64, episode: Episode, after_seq: i64) {
        if episode != self.episode {
            return;
        }
        // Those that nobody was told yet come with the next batch.
        let told = &self.parts[..self.n_told];
        let start = told.partition_point(|part| part.seq <= after_seq);
        self.tell(viewer, Item::Replay(episode, told[start..].into()));
    }

    /// Catches up with the store, in case that hints or parts did not come here; none when the chat is gone.
    async fn catch_up(&mut self, place: Option<Place>) {
        if place.is_none_or(|place| place.snapshot_version != self.version()) {
            self.refresh().await;
        }
        // Another server may write parts that come here on no other way.
        if place.and_then(|place| place.part).is_some_and(|part| part > self.last_seq()) {
            self.reload_parts().await;
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

    /// What runs elsewhere and is looked at here comes from there.
    fn target(&self) -> Option<Target> {
        let snapshot = self.snapshot.as_ref().filter(|_| !self.viewers.is_empty())?;
        let is_busy = match snapshot.status {
            ChatStatus::Running | ChatStatus::Interrupting => true,
            ChatStatus::Waiting
            | ChatStatus::RequiresAction
            | ChatStatus::Error
            | ChatStatus::Pending
            | ChatStatus::Paused
            | ChatStatus::Completed => false,
        };
        let worker = self.worker.filter(|_| is_busy)?;
        Some(Target { worker, episode: self.episode, after_seq: self.last_seq() })
    }

    async fn handle_offered(&mut self, offered: &Offered) {
        if offered.parts.iter().any(|part| part.episode() > self.episode) {
            // The hint of the commit before these parts is still on its way here.
            self.refresh().await;
            self.relay.configure(self.target());
        }
        let parts = self.relay.accept(offered);
        self.hub.shared.others.relayed.inc_by(parts.len() as u64);
        self.handle_parts(parts).await;
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
        let last = self.last_seq();
        let mut news = parts.into_iter().filter(|part| part.seq > last).peekable();
        match news.peek() {
            None => {}
            Some(next) if next.seq == last + 1 => self.parts.extend(news),
            Some(_) => self.reload_parts().await,
        }
    }

    fn last_seq(&self) -> i64 {
        self.parts.last().map_or(0, |part| part.seq)
    }

    /// Hands out the parts that nobody was handed yet.
    fn tell_parts(&mut self) {
        let batches: Vec<_> = self.parts[self.n_told..]
            .chunks(BATCH_PARTS_MAX)
            .map(|parts| Batch::new(parts.to_vec()))
            .collect();
        self.n_told = self.parts.len();
        for batch in batches {
            self.tell_all(&Item::Parts(batch));
        }
    }

    fn version(&self) -> i64 {
        self.snapshot.as_ref().map_or(0, |snapshot| snapshot.versions.snapshot)
    }

    /// Reads the store; tells all viewers when there is a newer version.
    async fn refresh(&mut self) {
        // What comes after the snapshot must not overtake what was there before.
        self.tell_parts();
        match self.read().await {
            Ok(Some(snapshot)) => {
                self.snapshot = Some(snapshot.clone());
                self.tell_all(&Item::Snapshot(snapshot));
            }
            Ok(None) => {}
            // Whoever comes back is told that the chat does not exist, or what there is now.
            Err(ChatServiceError::NotFound) => self.forget(),
            // The viewers keep what they have; the next hint or sweep tries again.
            Err(error) => {
                tracing::warn!(%error, chat.id = %self.chat, "a chat could not be read for its viewers");
            }
        }
    }

    async fn read(&mut self) -> ChatResult<Option<Arc<Snapshot>>> {
        let before = self.snapshot.clone();
        let known = before.as_ref().map(|snapshot| {
            let Versions { history, queue, .. } = snapshot.versions;
            Known { history, queue }
        });
        self.hub.shared.counters.reads.fetch_add(1, Ordering::Relaxed);
        let at = query::chat_snapshots::read(self.db(), self.chat, known).await?;
        let at = at.ok_or(ChatServiceError::NotFound)?;
        let versions = rows::versions(&at.chat);
        if versions.snapshot < self.version() {
            tracing::warn!(chat.id = %self.chat, "the database was set back; who looks at this chat comes anew");
            return Err(ChatServiceError::NotFound);
        }
        if versions.snapshot == self.version() {
            return Ok(None);
        }
        self.worker = at.chat.worker_id.map(ReplicaId::from_uuid);
        let changed = at.changed.into_iter().map(shown).collect::<ChatResult<Vec<_>>>()?;
        let queue = match (at.queue, before) {
            (None, Some(before)) => before.queue.clone(),
            (queue, _) => {
                let queue = queue.unwrap_or_default().into_iter().map(rows::queued);
                queue.collect::<ChatResult<Vec<_>>>()?.into()
            }
        };
        let snapshot = Snapshot {
            versions,
            status: rows::status(&at.chat)?,
            error: rows::error(&at.chat)?,
            retry: rows::retry(&at.chat)?,
            messages: Arc::default(),
            queue,
            action: action::required(self.db().reader(), &at.chat).await?,
        };
        let episode = snapshot.episode();
        if episode != self.episode {
            // The store may be ahead of the inbox; what is read here is not told again when it comes from there.
            let parts = saved_parts(self.db(), self.chat, episode).await?;
            (self.episode, self.parts, self.n_told) = (episode, parts, 0);
        }
        self.merge(changed);
        Ok(Some(Arc::new(Snapshot { messages: self.messages.clone().into(), ..snapshot })))
    }

    /// Cuts off all viewers and knows nothing any more: what there was is gone.
    fn forget(&mut self) {
        self.viewers.clear();
        (self.snapshot, self.worker) = (None, None);
        (self.episode, self.n_told) = (Episode { history_version: 0, attempt: 0 }, 0);
        self.messages.clear();
        self.parts.clear();
    }

    fn merge(&mut self, changed: Vec<(MessageId, Option<Arc<Message>>)>) {
        for (id, message) in changed {
            match (self.messages.binary_search_by_key(&id, |known| known.id), message) {
                (Ok(place), Some(message)) => self.messages[place] = message,
                (Ok(place), None) => drop(self.messages.remove(place)),
                (Err(place), Some(message)) => self.messages.insert(place, message),
                (Err(_), None) => {}
            }
        }
    }

    /// Reads the parts of the current attempt again; viewers get those that they do not have.
    async fn reload_parts(&mut self) {
        match saved_parts_after(self.db(), self.chat, self.episode, self.last_seq()).await {
            Ok(parts) => self.parts.extend(parts),
            Err(error) => tracing::warn!(%error, chat.id = %self.chat, "saved parts could not be read"),
        }
    }

    fn db(&self) -> &Database {
        &self.hub.shared.db
    }

    fn tell(&mut self, viewer: u64, item: Item) {
        let Some(items) = self.viewers.get(&viewer) else { return };
        if !has_room(&self.hub, items, item) {
            self.viewers.remove(&viewer);
        }
    }

    fn tell_all(&mut self, item: &Item) {
        if let Item::Parts(batch) = item {
            let n_parts = batch.parts().len() * self.viewers.len();
            self.hub.shared.counters.parts.fetch_add(n_parts as u64, Ordering::Relaxed);
        }
        let hub = &self.hub;
        self.viewers.retain(|_, items| has_room(hub, items, item.clone()));
    }
}

/// Hands an item over; one who does not take what waits is cut off.
fn has_room(hub: &Hub, items: &mpsc::Sender<Item>, item: Item) -> bool {
    match items.try_send(item) {
        Ok(()) => true,
        Err(TrySendError::Full(_)) => {
            hub.shared.counters.cut_off.fetch_add(1, Ordering::Relaxed);
            false
        }
        Err(TrySendError::Closed(_)) => false,
    }
}

/// The message of a row, if users see it.
fn shown(row: chat_messages::Model) -> ChatResult<(MessageId, Option<Arc<Message>>)> {
    let id = MessageId(row.id);
    let is_shown = !row.deleted
        && row.visibility != MessageVisibility::Model.as_str()
        && row.role != MessageRole::System.as_str();
    Ok((id, is_shown.then(|| rows::message(row).map(Arc::new)).transpose()?))
}

/// The saved parts of an attempt, in order.
pub(crate) async fn saved_parts(
    db: &Database,
    chat: ChatId,
    episode: Episode,
) -> ChatResult<Vec<Arc<StreamPart>>> {
    saved_parts_after(db, chat, episode, 0).await
}

/// The saved parts of an attempt that come after one, in order.
pub(super) async fn saved_parts_after(
    db: &Database,
    chat: ChatId,
    episode: Episode,
    after_seq: i64,
) -> ChatResult<Vec<Arc<StreamPart>>> {
    let Episode { history_version, attempt } = episode;
    let found = query::chat_parts::list(db.reader(), chat, history_version, attempt, after_seq).await?;
    let mut parts = Vec::new();
    for row in found {
        let saved: Vec<StreamPart> = rows::parse("parts", row.parts)?;
        parts.extend(saved.into_iter().filter(|part| part.seq > after_seq).map(Arc::new));
    }
    Ok(parts)
}
