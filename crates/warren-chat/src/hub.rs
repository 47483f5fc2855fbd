//! Viewers of this server. Each chat that is watched has one tail, which reads the store once per version, and hands
//! snapshots and parts to all its viewers.

mod action;
mod tail;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use tokio::sync::mpsc;
use warren_chat_proto::{Snapshot, StreamCommand, StreamEvent, StreamLoop, StreamPart};
use warren_db::Database;
use warren_rt::Tasks;
use warren_vocab::{ChatId, MessageId};

use tail::Tail;
pub(crate) use tail::saved_parts;

/// Inputs that may wait for a tail; when full, parts are dropped and the tail reads them from the store.
const INPUTS_WAITING_MAX: usize = 1024;
/// Items that may wait for a viewer; when full, the viewer is disconnected and comes back with its place.
const ITEMS_WAITING_MAX: usize = 1024;

/// All tails; clones share them.
#[derive(Clone)]
pub(crate) struct Hub {
    shared: Arc<Shared>,
}

struct Shared {
    db: Database,
    tasks: Tasks,
    tails: Mutex<HashMap<ChatId, Handle>>,
    next_viewer: AtomicU64,
}

struct Handle {
    inbox: mpsc::Sender<Input>,
    /// Set when an input was dropped because the inbox was full.
    has_missed: Arc<AtomicBool>,
}

/// What a tail is told.
enum Input {
    Join { viewer: u64, items: mpsc::Sender<Item> },
    Parts(Vec<Arc<StreamPart>>),
    Command { viewer: u64, command: StreamCommand },
}

/// What a viewer is told.
#[derive(Clone)]
enum Item {
    Snapshot(Arc<Snapshot>),
    Parts(Arc<[Arc<StreamPart>]>),
}

/// One viewer of one chat. Dropping it leaves.
pub struct Viewer {
    id: u64,
    items: mpsc::Receiver<Item>,
    inbox: mpsc::Sender<Input>,
    stream: StreamLoop,
    unsent: Option<StreamCommand>,
}

impl Hub {
    pub(crate) fn new(db: Database, tasks: Tasks) -> Self {
        let shared = Shared { db, tasks, tails: Mutex::default(), next_viewer: AtomicU64::new(1) };
        Self { shared: Arc::new(shared) }
    }

    /// Starts to watch a chat. `after` is the last message that the viewer has.
    pub(crate) fn watch(&self, chat: ChatId, after: Option<MessageId>) -> Viewer {
        let id = self.shared.next_viewer.fetch_add(1, Ordering::Relaxed);
        let (sender, items) = mpsc::channel(ITEMS_WAITING_MAX);
        let mut join = Input::Join { viewer: id, items: sender };
        let mut tails = self.tails();
        if let Some(handle) = tails.get(&chat) {
            match handle.inbox.try_send(join) {
                Ok(()) => return Viewer::new(id, items, handle.inbox.clone(), after),
                Err(mpsc::error::TrySendError::Full(back) | mpsc::error::TrySendError::Closed(back)) => {
                    join = back;
                }
            }
        }
        let inbox = self.start_tail(&mut tails, chat);
        // The inbox is new, so it has room.
        let _ = inbox.try_send(join);
        Viewer::new(id, items, inbox, after)
    }

    /// Hands saved parts to the chat's viewers, if it has any. Never waits.
    pub(crate) fn show(&self, chat: ChatId, parts: Vec<Arc<StreamPart>>) {
        let tails = self.tails();
        let Some(handle) = tails.get(&chat) else { return };
        if handle.inbox.try_send(Input::Parts(parts)).is_err() {
            handle.has_missed.store(true, Ordering::Relaxed);
        }
    }

    fn start_tail(&self, tails: &mut HashMap<ChatId, Handle>, chat: ChatId) -> mpsc::Sender<Input> {
        let (inbox, inputs) = mpsc::channel(INPUTS_WAITING_MAX);
        let has_missed = Arc::new(AtomicBool::new(false));
        tails.insert(chat, Handle { inbox: inbox.clone(), has_missed: has_missed.clone() });
        let tail = Tail::new(self.shared.db.clone(), chat, has_missed);
        let hub = self.clone();
        self.shared.tasks.spawn(format!("chat tail {chat}"), async move { tail.run(inputs, hub).await });
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

impl Viewer {
    fn new(
        id: u64,
        items: mpsc::Receiver<Item>,
        inbox: mpsc::Sender<Input>,
        after: Option<MessageId>,
    ) -> Self {
        Self { id, items, inbox, stream: StreamLoop::new(after, None), unsent: None }
    }

    /// Waits for the next events, at least one. `None` means that the viewer was too slow or the server stops; whoever
    /// comes back with the last message continues at the same place. Cancel-safe.
    pub async fn next(&mut self) -> Option<Vec<StreamEvent>> {
        loop {
            while let Some(command) = self.unsent.take().or_else(|| self.stream.poll_command()) {
                let Ok(permit) = self.inbox.try_reserve() else {
                    self.unsent = Some(command);
                    let _ = self.inbox.reserve().await.ok()?;
                    continue;
                };
                permit.send(Input::Command { viewer: self.id, command });
            }
            let events: Vec<_> = std::iter::from_fn(|| self.stream.poll_event()).collect();
            if !events.is_empty() {
                return Some(events);
            }
            match self.items.recv().await? {
                Item::Snapshot(snapshot) => self.stream.handle_snapshot(&snapshot),
                Item::Parts(parts) => parts.iter().for_each(|part| self.stream.handle_part(part)),
            }
        }
    }
}
