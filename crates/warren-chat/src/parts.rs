//! Parts of answers on their way to viewers: written down first, shown then.
//!
//! Parts of all chats share one writer. While one transaction is on its way to the disk, the next parts gather and
//! neighbours that continue each other become one, so that a slow disk makes fewer and larger parts, not a longer queue. A
//! chat that somebody else holds is written apart, so that the others do not wait for it.

mod saving;

use std::{
    collections::{BTreeMap, HashSet},
    future::Future,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
};

use futures::{StreamExt, stream::FuturesUnordered};
use tokio::sync::{Notify, watch};
use warren_chat_proto::{Episode, Part, StreamPart};
use warren_db::Database;
use warren_vocab::{ChatId, LeaseId, MessageRole};

use self::saving::Saving;
use crate::{hub::Hub, metrics::ChatMetrics};

/// Bytes that may wait for the writer; when more do, whoever produces them waits for the writer.
const WAITING_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of one attempt that are kept and shown while it is written. What comes after is only in the message that the
/// attempt ends with.
const EPISODE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Stands where the live text of a very long answer ends.
const TRUNCATED: &str = "\n[This answer is longer than what is shown while it is written.]\n";

/// Takes parts of all chats of this server.
#[derive(Clone)]
pub(crate) struct PartWriter {
    shared: Arc<Shared>,
}

struct Shared {
    waiting: Mutex<Waiting>,
    wake: Notify,
    metrics: ChatMetrics,
    /// Moves when parts were written and shown, or given up.
    done: watch::Sender<()>,
}

#[derive(Default)]
struct Waiting {
    batches: Batches,
    bytes: usize,
    /// Chats whose earlier parts are on their way; the later ones must not overtake them.
    under_way: HashSet<ChatId>,
}

/// Parts that wait, by what they belong to.
type Batches = BTreeMap<(ChatId, Episode), Batch>;

struct Batch {
    lease: LeaseId,
    parts: Vec<StreamPart>,
    bytes: usize,
}

/// Takes the parts of one attempt of one chat; clones number them together.
#[derive(Clone)]
pub(crate) struct EpisodeWriter {
    writer: PartWriter,
    chat: ChatId,
    lease: LeaseId,
    episode: Episode,
    last_seq: Arc<AtomicI64>,
    bytes: Arc<AtomicUsize>,
}

impl PartWriter {
    pub(crate) fn new(metrics: ChatMetrics) -> Self {
        let (wake, done) = (Notify::new(), watch::Sender::new(()));
        Self { shared: Arc::new(Shared { waiting: Mutex::default(), wake, metrics, done }) }
    }

    /// Begins an episode under a lease.
    pub(crate) fn open(&self, chat: ChatId, lease: LeaseId, episode: Episode) -> EpisodeWriter {
        let (last_seq, bytes) = (Arc::default(), Arc::default());
        EpisodeWriter { writer: self.clone(), chat, lease, episode, last_seq, bytes }
    }

    /// Waits until the parts of the chat that were pushed before are written and shown.
    pub(crate) async fn flush(&self, chat: ChatId) {
        // An error means that the server stops.
        let _ = self.shared.done.subscribe().wait_for(|()| !self.waiting().has(chat)).await;
    }

    /// Writes and shows what is pushed, until the task is stopped.
    pub(crate) async fn run(self, db: Database, hub: Hub) {
        let saving = Saving { db, hub, metrics: self.shared.metrics.clone() };
        let mut alone = FuturesUnordered::new();
        loop {
            let batches = self.waiting().take();
            if batches.is_empty() {
                beside(self.shared.wake.notified(), &mut alone).await;
                continue;
            }
            let left = beside(self.write_together(&saving, batches), &mut alone).await;
            alone.extend(left.into_iter().map(|(chat, batches)| self.write_alone(&saving, chat, batches)));
        }
    }

    /// Writes batches of many chats; gives those that could not be written with the others.
    async fn write_together(&self, saving: &Saving, batches: Batches) -> BTreeMap<ChatId, Batches> {
        let chats: HashSet<ChatId> = batches.keys().map(|(chat, _)| *chat).collect();
        let mut left: BTreeMap<ChatId, Batches> = BTreeMap::new();
        for (key, batch) in saving.write_together(batches).await {
            left.entry(key.0).or_default().insert(key, batch);
        }
        self.end(chats.into_iter().filter(|chat| !left.contains_key(chat)));
        left
    }

    async fn write_alone(&self, saving: &Saving, chat: ChatId, batches: Batches) {
        saving.write_alone(batches).await;
        self.end([chat]);
    }

    /// Lets the next parts of these chats go.
    fn end(&self, chats: impl IntoIterator<Item = ChatId>) {
        let mut waiting = self.waiting();
        for chat in chats {
            waiting.under_way.remove(&chat);
        }
        drop(waiting);
        self.shared.wake.notify_one();
        self.shared.done.send_replace(());
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for one thing while others get on.
async fn beside<T>(
    one: impl Future<Output = T>,
    others: &mut FuturesUnordered<impl Future<Output = ()>>,
) -> T {
    let mut one = pin!(one);
    loop {
        tokio::select! {
            done = &mut one => return done,
            Some(()) = others.next() => {}
        }
    }
}

impl Waiting {
    /// Takes the parts of all chats that have none under way.
    fn take(&mut self) -> Batches {
        let Self { batches, bytes, under_way } = self;
        let is_free = |key: &(ChatId, Episode), _: &mut Batch| !under_way.contains(&key.0);
        let taken: Batches = batches.extract_if(.., is_free).collect();
        *bytes -= taken.values().map(|batch| batch.bytes).sum::<usize>();
        under_way.extend(taken.keys().map(|(chat, _)| *chat));
        taken
    }

    fn has(&self, chat: ChatId) -> bool {
        self.under_way.contains(&chat) || self.batches.keys().any(|(waiting, _)| *waiting == chat)
    }
}

impl EpisodeWriter {
    /// Takes the next part. Waits only when the writer is far behind.
    pub(crate) async fn push(&self, role: MessageRole, part: Part) {
        let Some(part) = self.within_bounds(part) else { return };
        if self.append(role, part) > WAITING_BYTES_MAX {
            self.flush().await;
        }
    }

    /// Waits until the parts so far are written and shown.
    pub(crate) async fn flush(&self) {
        self.writer.flush(self.chat).await;
    }

    /// Lets through what the episode has room for, then one mark, then only what is complete.
    fn within_bounds(&self, part: Part) -> Option<Part> {
        let mark = match &part {
            Part::Text { .. } | Part::ToolCall { args: None, .. } => Part::text(TRUNCATED),
            Part::Reasoning { .. } => Part::reasoning(TRUNCATED),
            Part::ToolResult { tool_call_id, tool_name, result: None, .. } => {
                Part::result_delta(tool_call_id, tool_name, TRUNCATED)
            }
            Part::ToolCall { .. }
            | Part::ToolResult { .. }
            | Part::Source { .. }
            | Part::File { .. }
            | Part::FileReference { .. }
            | Part::Unknown => return Some(part),
        };
        let before = self.bytes.fetch_add(part.len(), Ordering::Relaxed);
        if before + part.len() <= EPISODE_BYTES_MAX {
            return Some(part);
        }
        self.writer.shared.metrics.dropped_part();
        // Exactly one part crosses the bound, however many write at once.
        (before <= EPISODE_BYTES_MAX).then_some(mark)
    }

    fn append(&self, role: MessageRole, part: Part) -> usize {
        let mut waiting = self.writer.waiting();
        waiting.bytes += part.len();
        let batch = waiting.batches.entry((self.chat, self.episode));
        let batch = batch.or_insert_with(|| Batch { lease: self.lease, parts: Vec::new(), bytes: 0 });
        batch.bytes += part.len();
        let left = match batch.parts.last_mut() {
            Some(last) if last.role == role => last.part.absorb(part),
            Some(_) | None => Some(part),
        };
        if let Some(part) = left {
            let seq = self.last_seq.fetch_add(1, Ordering::Relaxed) + 1;
            batch.parts.push(StreamPart {
                role,
                part,
                history_version: self.episode.history_version,
                generation_attempt: self.episode.attempt,
                seq,
            });
        }
        let bytes = waiting.bytes;
        drop(waiting);
        self.writer.shared.wake.notify_one();
        bytes
    }
}
