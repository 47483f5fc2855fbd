//! Viewers of this server. Each chat that is watched has one tail, which reads the store once per version, and hands
//! snapshots and parts to all its viewers. What one viewer's stream shows is decided in `warren-chat-proto`. Who watches the
//! list of chats is in [`list`].

mod action;
mod batch;
mod feed;
mod list;
mod relay;
mod sweep;
mod tail;
mod viewer;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use prometheus_client::metrics::counter::Counter;
use tokio::sync::mpsc::{self, error::TrySendError};
use warren_authz::{Object, Subject};
use warren_chat_proto::{Episode, Snapshot, StreamCommand, StreamPart};
use warren_db::{Database, channels, query::chat_snapshots::Place};
use warren_rt::Tasks;
use warren_vocab::{ChatId, ReplicaId};

pub use batch::{Frame, WireForm};
pub use feed::PartFeed;
pub use list::{ListChange, ListChangeKind, ListViewer};
pub use relay::{PartLink, PartRelay};
pub(crate) use tail::saved_parts;
pub use viewer::{Start, Viewer};

use batch::Batch;
use feed::Feeds;
use tail::Tail;
use viewer::Seat;

/// Inputs that may wait for a tail; when full, parts are dropped and the tail reads them from the store.
const INPUTS_WAITING_MAX: usize = 1024;
/// Items that may wait for a viewer; when full, the viewer is disconnected and comes back with its place.
const ITEMS_WAITING_MAX: usize = 1024;
/// How often the store is read even without a hint, as hints may be lost.
const SWEEP: Duration = Duration::from_secs(10);

/// All tails; clones share them.
#[derive(Clone)]
pub(crate) struct Hub {
    shared: Arc<Shared>,
}

struct Shared {
    db: Database,
    tasks: Tasks,
    others: Others,
    feeds: Feeds,
    tails: Mutex<HashMap<ChatId, Handle>>,
    next_viewer: AtomicU64,
    /// Viewers hold these and nothing else of the hub, so that one who is still there keeps no database open.
    counters: Arc<Counters>,
    /// How often the store is read even without a hint.
    sweep: Duration,
    /// The hints that a tail listens to.
    channel: fn(ChatId) -> String,
}

/// This server among those that share the database.
#[derive(Clone)]
pub(crate) struct Others {
    pub(crate) me: ReplicaId,
    /// How parts of chats come here that run elsewhere. None where there is nobody else.
    pub(crate) relay: Option<Arc<dyn PartRelay>>,
    /// Counts parts that came that way.
    pub(crate) relayed: Counter,
}

#[derive(Default)]
struct Counters {
    viewers: AtomicU64,
    reads: AtomicU64,
    parts: AtomicU64,
    cut_off: AtomicU64,
}

/// What the streams of this server do, for metrics and tests. `reads`, `parts` and `cut_off` only grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamFigures {
    /// Chats that somebody watches.
    pub chats: usize,
    pub viewers: u64,
    /// How often a chat was read from the store.
    pub reads: u64,
    /// How many parts were handed to viewers, counted for each.
    pub parts: u64,
    /// Viewers that were disconnected because they were too slow.
    pub cut_off: u64,
    /// Chats whose parts other servers get from this one, counted for each.
    pub feeds: usize,
}

struct Handle {
    inbox: mpsc::Sender<Input>,
    /// Set when an input was dropped because the inbox was full.
    has_missed: Arc<AtomicBool>,
}

/// What a tail is told.
enum Input {
    Join {
        viewer: u64,
        items: mpsc::Sender<Item>,
    },
    Leave {
        viewer: u64,
    },
    Parts(Vec<Arc<StreamPart>>),
    /// How far the store is; none when the chat is gone.
    Swept(Option<Place>),
    Command {
        viewer: u64,
        command: StreamCommand,
    },
}

/// What a viewer is told.
#[derive(Clone)]
enum Item {
    Snapshot(Arc<Snapshot>),
    Parts(Arc<Batch>),
    /// Every part of the episode after the place that was asked for.
    Replay(Episode, Arc<[Arc<StreamPart>]>),
}

impl Hub {
    pub(crate) fn new(db: Database, tasks: Tasks, others: Others) -> Self {
        Self::with(db, tasks, others, SWEEP, channels::chat)
    }

    fn with(
        db: Database,
        tasks: Tasks,
        others: Others,
        sweep: Duration,
        channel: fn(ChatId) -> String,
    ) -> Self {
        let shared = Shared {
            db,
            tasks,
            others,
            feeds: Feeds::default(),
            tails: Mutex::default(),
            next_viewer: AtomicU64::new(1),
            counters: Arc::default(),
            sweep,
            channel,
        };
        let hub = Self { shared: Arc::new(shared) };
        hub.shared.tasks.spawn("chat sweeps", sweep::run(hub.clone(), sweep));
        hub
    }

    /// Starts to watch a chat.
    pub(crate) fn watch(&self, chat: ChatId, start: Start, object: Object) -> Viewer {
        let id = self.shared.next_viewer.fetch_add(1, Ordering::Relaxed);
        let (sender, items) = mpsc::channel(ITEMS_WAITING_MAX);
        let join = Input::Join { viewer: id, items: sender };
        let mut tails = self.tails();
        let known = tails.get(&chat).map(|handle| handle.inbox.clone()).filter(|inbox| !inbox.is_closed());
        // A tail that has ended left its receiver; it is replaced. One with a full inbox is busy and stays.
        let inbox = known.unwrap_or_else(|| self.start_tail(&mut tails, chat));
        let unsent = match inbox.try_send(join) {
            Ok(()) => None,
            Err(TrySendError::Full(join) | TrySendError::Closed(join)) => Some(join),
        };
        drop(tails);
        Viewer::new(Seat { id, items, inbox, unsent, counters: self.shared.counters.clone() }, start, object)
    }

    /// Starts to watch the list of chats of somebody.
    pub(crate) fn watch_list(&self, subject: &Subject) -> ListViewer {
        ListViewer::new(self.shared.db.clone(), subject, self.shared.sweep)
    }

    /// Starts to read the parts of a chat for another server.
    pub(crate) fn feed(&self, chat: ChatId) -> PartFeed {
        let id = self.shared.next_viewer.fetch_add(1, Ordering::Relaxed);
        PartFeed::new(self.clone(), chat, id)
    }

    /// Hands saved parts to the chat's viewers, here and on other servers, if it has any. Never waits.
    pub(crate) fn show(&self, chat: ChatId, parts: Vec<Arc<StreamPart>>) {
        self.shared.feeds.show(chat, &parts);
        let tails = self.tails();
        let Some(handle) = tails.get(&chat) else { return };
        if handle.inbox.try_send(Input::Parts(parts)).is_err() {
            handle.has_missed.store(true, Ordering::Relaxed);
        }
    }

    pub(crate) fn figures(&self) -> StreamFigures {
        let counters = &self.shared.counters;
        StreamFigures {
            chats: self.tails().len(),
            viewers: counters.viewers.load(Ordering::Relaxed),
            reads: counters.reads.load(Ordering::Relaxed),
            parts: counters.parts.load(Ordering::Relaxed),
            cut_off: counters.cut_off.load(Ordering::Relaxed),
            feeds: self.shared.feeds.len(),
        }
    }

    fn start_tail(&self, tails: &mut HashMap<ChatId, Handle>, chat: ChatId) -> mpsc::Sender<Input> {
        let (inbox, inputs) = mpsc::channel(INPUTS_WAITING_MAX);
        let has_missed = Arc::new(AtomicBool::new(false));
        tails.insert(chat, Handle { inbox: inbox.clone(), has_missed: has_missed.clone() });
        let tail = Tail::new(self.clone(), chat, has_missed);
        self.shared.tasks.spawn(format!("chat tail {chat}"), async move { tail.run(inputs).await });
        inbox
    }

    /// Removes a tail that has no viewers, unless one is just joining.
    fn retire(&self, chat: ChatId, inputs: &mpsc::Receiver<Input>) -> bool {
        let mut tails = self.tails();
        if !inputs.is_empty() {
            return false;
        }
        tails.remove(&chat);
        true
    }

    fn tails(&self) -> MutexGuard<'_, HashMap<ChatId, Handle>> {
        self.shared.tails.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
