//! Parts of answers on their way to viewers: written down first, shown then.
//!
//! Parts of all chats share one writer. While one transaction is on its way to the disk, the next parts gather and
//! neighbours that continue each other become one, so that a slow disk makes fewer and larger parts, not a longer queue.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::future::join_all;
use tokio::sync::{Notify, watch};
use warren_chat_proto::{Episode, Part, StreamPart};
use warren_db::{
    Database, DbError, Guard,
    entity::chat_parts,
    query::{self, chats::Progress},
};
use warren_rt::{Backoff, Causes};
use warren_vocab::{ChatId, MessageRole};

use crate::{
    crash_points::{self, Moment},
    hub::Hub,
    metrics::ChatMetrics,
    rows,
};

/// Bytes that may wait for the writer; when more do, whoever produces them waits for the writer.
const WAITING_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of one attempt that are kept and shown while it is written. What comes after is only in the message that the
/// attempt ends with.
const EPISODE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How often parts are written together with those of other chats before they are written alone, and how often then.
const TRIES_TOGETHER: u32 = 3;
const TRIES_ALONE: u32 = 5;
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
    /// The newest round that is written and shown.
    done: watch::Sender<u64>,
}

#[derive(Default)]
struct Waiting {
    batches: Batches,
    bytes: usize,
    /// The round that takes what waits now.
    round: u64,
}

/// Parts that wait, by what they belong to.
type Batches = BTreeMap<(ChatId, Episode), Batch>;

struct Batch {
    epoch: i64,
    parts: Vec<StreamPart>,
}

/// Takes the parts of one attempt of one chat; clones number them together.
#[derive(Clone)]
pub(crate) struct EpisodeWriter {
    writer: PartWriter,
    chat: ChatId,
    epoch: i64,
    episode: Episode,
    last_seq: Arc<AtomicI64>,
    bytes: Arc<AtomicUsize>,
}

impl PartWriter {
    pub(crate) fn new(metrics: ChatMetrics) -> Self {
        let waiting = Mutex::new(Waiting { round: 1, ..Waiting::default() });
        let (wake, done) = (Notify::new(), watch::Sender::new(0));
        Self { shared: Arc::new(Shared { waiting, wake, metrics, done }) }
    }

    /// Begins an episode under a lease.
    pub(crate) fn open(&self, chat: ChatId, epoch: i64, episode: Episode) -> EpisodeWriter {
        let (last_seq, bytes) = (Arc::default(), Arc::default());
        EpisodeWriter { writer: self.clone(), chat, epoch, episode, last_seq, bytes }
    }

    /// Waits until everything that was pushed before is written and shown.
    pub(crate) async fn flush(&self) {
        let target = {
            let waiting = self.waiting();
            if waiting.batches.is_empty() { waiting.round - 1 } else { waiting.round }
        };
        // An error means that the server stops.
        let _ = self.shared.done.subscribe().wait_for(|done| *done >= target).await;
    }

    /// Writes and shows what is pushed, until the task is stopped.
    pub(crate) async fn run(self, db: Database, hub: Hub) {
        loop {
            let (batches, round) = self.take();
            if batches.is_empty() {
                self.shared.wake.notified().await;
                continue;
            }
            write_and_show(&db, &hub, &self.shared.metrics, batches).await;
            self.shared.done.send_replace(round);
        }
    }

    fn take(&self) -> (Batches, u64) {
        let mut waiting = self.waiting();
        let round = waiting.round;
        if !waiting.batches.is_empty() {
            waiting.round += 1;
            waiting.bytes = 0;
        }
        (std::mem::take(&mut waiting.batches), round)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EpisodeWriter {
    /// Takes the next part. Waits only when the writer is far behind.
    pub(crate) async fn push(&self, role: MessageRole, part: Part) {
        let Some(part) = self.within_bounds(part) else { return };
        if self.append(role, part) > WAITING_BYTES_MAX {
            self.writer.flush().await;
        }
    }

    /// Waits until the parts so far are written and shown.
    pub(crate) async fn flush(&self) {
        self.writer.flush().await;
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
        let batch = batch.or_insert_with(|| Batch { epoch: self.epoch, parts: Vec::new() });
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

/// Writes the batches together; where that does not work each alone, so that none holds up the others for long.
async fn write_and_show(db: &Database, hub: &Hub, metrics: &ChatMetrics, batches: Batches) {
    let mut backoff = backoff();
    for _ in 0..TRIES_TOGETHER {
        match write(db, &batches).await {
            Ok(current) => return show(hub, batches, &current),
            Err(error) => {
                tracing::error!(error = %Causes(&error), "parts of answers cannot be saved; their chats wait until they can");
                backoff.wait().await;
            }
        }
    }
    let alone = batches.into_iter().map(|batch| write_alone(db, hub, metrics, Batches::from([batch])));
    join_all(alone).await;
}

/// Repeats a write of one chat until it works, as given-up parts leave a hole in what is kept, or until it is clear that the
/// database is there and does not take them. What gathers meanwhile is bounded, because whoever produces parts waits.
async fn write_alone(db: &Database, hub: &Hub, metrics: &ChatMetrics, batch: Batches) {
    let mut backoff = backoff();
    let mut n_refused = 0;
    while n_refused < TRIES_ALONE {
        match write(db, &batch).await {
            Ok(current) => return show(hub, batch, &current),
            Err(DbError::Busy | DbError::Unavailable(_)) => {}
            Err(error) => {
                n_refused += 1;
                tracing::error!(error = %Causes(&error), n_refused, "parts of an answer cannot be saved");
            }
        }
        backoff.wait().await;
    }
    for (chat, _) in batch.keys() {
        tracing::error!(chat.id = %chat, "parts of an answer are left out; the whole answer follows");
        metrics.dropped_part();
    }
}

fn backoff() -> Backoff {
    Backoff::new(Duration::from_millis(20), Duration::from_secs(1))
}

fn show(hub: &Hub, batches: Batches, current: &[(ChatId, Episode)]) {
    crash_points::reach(Moment::AfterCommit, "parts");
    for (key, batch) in batches {
        if current.contains(&key) {
            hub.show(key.0, batch.parts.into_iter().map(Arc::new).collect());
        }
    }
}

/// Writes the batches whose episode is still the current one and says which those are.
async fn write(db: &Database, batches: &Batches) -> Result<Vec<(ChatId, Episode)>, DbError> {
    let guard = Guard::chats(batches.keys().map(|(chat, _)| *chat)).first();
    db.write_guarded(guard, async |tx| {
        let chats: Vec<_> = batches.keys().map(|(chat, _)| *chat).collect();
        let progress = query::chats::progress(tx, &chats).await?;
        let mut current = Vec::new();
        let mut models = Vec::new();
        for ((chat, episode), batch) in batches {
            let Episode { history_version, attempt } = *episode;
            let wanted = Progress { chat: *chat, epoch: batch.epoch, history_version, attempt };
            if !progress.contains(&wanted) {
                continue;
            }
            current.push((*chat, *episode));
            let first_seq = batch.parts.first().map_or(0, |part| part.seq);
            if first_seq == 1 && attempt > 1 {
                query::chat_parts::clear_before(tx, *chat, history_version, attempt).await?;
            }
            models.push(chat_parts::Model {
                chat_id: chat.as_uuid(),
                history_version,
                generation_attempt: attempt,
                first_seq,
                lease_epoch: batch.epoch,
                parts: rows::stored(&batch.parts),
            });
        }
        query::chat_parts::insert(tx, models).await?;
        crash_points::reach(Moment::BeforeCommit, "parts");
        Ok(current)
    })
    .await
}
