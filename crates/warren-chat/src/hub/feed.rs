//! Parts of chats that run here, for other servers whose viewers look at them.
//!
//! What was said before comes from the store, what is said now as it is shown here. A feed never asks a third server: who
//! reads one of a chat that runs elsewhere gets what the store has and nothing more.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::mpsc;
use warren_chat_proto::{Episode, StreamPart};
use warren_vocab::ChatId;

use super::{Hub, tail::saved_parts_after};
use crate::error::ChatResult;

/// Batches of parts that may wait for a feed; what finds no room is read from the store.
const BATCHES_WAITING_MAX: usize = 256;

type Batch = Vec<Arc<StreamPart>>;

/// All feeds of this server.
#[derive(Default)]
pub(super) struct Feeds {
    chats: Mutex<HashMap<ChatId, HashMap<u64, Reader>>>,
}

struct Reader {
    parts: mpsc::Sender<Batch>,
    /// Batches that found no room.
    n_missed: Arc<AtomicU64>,
}

/// The parts of one chat, for one other server. Dropping it leaves.
pub struct PartFeed {
    hub: Hub,
    chat: ChatId,
    id: u64,
    parts: mpsc::Receiver<Batch>,
    n_missed: Arc<AtomicU64>,
    n_made_good: u64,
    /// The attempt that is read and the last part of it that was given.
    place: Option<(Episode, i64)>,
}

impl Feeds {
    /// Hands saved parts to whoever reads the chat. Never waits.
    pub(super) fn show(&self, chat: ChatId, parts: &[Arc<StreamPart>]) {
        let chats = self.chats();
        for reader in chats.get(&chat).into_iter().flat_map(HashMap::values) {
            if reader.parts.try_send(parts.to_vec()).is_err() {
                reader.n_missed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.chats().values().map(HashMap::len).sum()
    }

    fn chats(&self) -> MutexGuard<'_, HashMap<ChatId, HashMap<u64, Reader>>> {
        self.chats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PartFeed {
    pub(super) fn new(hub: Hub, chat: ChatId, id: u64) -> Self {
        let (sender, parts) = mpsc::channel(BATCHES_WAITING_MAX);
        let n_missed = Arc::new(AtomicU64::new(0));
        let reader = Reader { parts: sender, n_missed: n_missed.clone() };
        hub.shared.feeds.chats().entry(chat).or_default().insert(id, reader);
        Self { hub, chat, id, parts, n_missed, n_made_good: 0, place: None }
    }

    /// Reads another attempt, or the same from another place. Gives what is there already; what comes later is given by
    /// [`Self::next`].
    ///
    /// # Errors
    /// Fails on database errors; the place is chosen all the same.
    pub async fn select(&mut self, episode: Episode, after_seq: i64) -> ChatResult<Batch> {
        self.place = Some((episode, after_seq));
        // Nothing is said before the first attempt.
        if episode.attempt == 0 { Ok(Vec::new()) } else { self.stored().await }
    }

    /// Waits for parts of the chosen attempt, or of later ones. None when the server stops. Cancel-safe.
    ///
    /// # Errors
    /// Fails on database errors; what was missed is read with the next call.
    pub async fn next(&mut self) -> Option<ChatResult<Batch>> {
        loop {
            let n_missed = self.n_missed.load(Ordering::Relaxed);
            if n_missed != self.n_made_good {
                let stored = self.stored().await;
                if stored.is_ok() {
                    self.n_made_good = n_missed;
                }
                return Some(stored);
            }
            let fresh = self.parts.recv().await?;
            let fresh = self.advance(fresh);
            if !fresh.is_empty() {
                return Some(Ok(fresh));
            }
        }
    }

    async fn stored(&mut self) -> ChatResult<Batch> {
        let Some((episode, last)) = self.place else { return Ok(Vec::new()) };
        let stored = saved_parts_after(&self.hub.shared.db, self.chat, episode, last).await?;
        Ok(self.advance(stored))
    }

    /// Leaves out what was given before.
    fn advance(&mut self, parts: Batch) -> Batch {
        let Some((mut episode, mut last)) = self.place else { return Vec::new() };
        let mut is_news = |part: &Arc<StreamPart>| {
            let is_later = part.episode() > episode;
            if !is_later && (part.episode() < episode || part.seq <= last) {
                return false;
            }
            (episode, last) = (part.episode(), part.seq);
            true
        };
        let fresh = parts.into_iter().filter(&mut is_news).collect();
        self.place = Some((episode, last));
        fresh
    }
}

impl Drop for PartFeed {
    fn drop(&mut self) {
        let mut chats = self.hub.shared.feeds.chats();
        let Some(readers) = chats.get_mut(&self.chat) else { return };
        readers.remove(&self.id);
        if readers.is_empty() {
            chats.remove(&self.chat);
        }
    }
}
