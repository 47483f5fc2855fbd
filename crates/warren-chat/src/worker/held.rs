//! The chats that a worker holds, and until when it may rely on holding each.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{sync::watch, time::Instant};
use warren_vocab::{ChatId, LeaseId, UserId};

use super::WorkerConfig;

/// All chats of one worker.
#[derive(Default)]
pub(super) struct Held {
    chats: Mutex<HashMap<ChatId, Hold>>,
}

struct Hold {
    owner: UserId,
    lease: LeaseId,
    until: watch::Sender<Instant>,
    is_waiting: Arc<AtomicBool>,
}

/// A runner's side of its lease.
pub(super) struct Lease {
    until: watch::Receiver<Instant>,
    /// Set while the chat waits for a user, when it takes nobody's place.
    pub(super) is_waiting: Arc<AtomicBool>,
}

impl Lease {
    /// Waits until the lease cannot be relied on any more: it ran out without having been renewed, or somebody has it. A
    /// process that was stopped for a while finds out here before it does anything else.
    pub(super) async fn ended(mut self) {
        loop {
            let until = *self.until.borrow_and_update();
            tokio::select! {
                () = tokio::time::sleep_until(until) => {
                    if *self.until.borrow() <= Instant::now() {
                        return;
                    }
                }
                changed = self.until.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

impl Held {
    pub(super) fn contains(&self, chat: ChatId) -> bool {
        self.chats().contains_key(&chat)
    }

    pub(super) fn insert(&self, chat: ChatId, owner: UserId, lease: LeaseId, until: Instant) -> Lease {
        let (sender, receiver) = watch::channel(until);
        let is_waiting = Arc::new(AtomicBool::new(false));
        let hold = Hold { owner, lease, until: sender, is_waiting: is_waiting.clone() };
        self.chats().insert(chat, hold);
        Lease { until: receiver, is_waiting }
    }

    pub(super) fn remove(&self, chat: ChatId) {
        self.chats().remove(&chat);
    }

    /// All chats with their leases.
    pub(super) fn list(&self) -> Vec<(ChatId, LeaseId)> {
        self.chats().iter().map(|(chat, hold)| (*chat, hold.lease)).collect()
    }

    /// Takes the answer to a renewal: what is not in it belongs to somebody else now.
    pub(super) fn renewed(&self, asked: &[(ChatId, LeaseId)], renewed: &[(ChatId, LeaseId)], until: Instant) {
        let chats = self.chats();
        for key in asked {
            let Some(hold) = chats.get(&key.0).filter(|hold| hold.lease == key.1) else { continue };
            let is_ours = renewed.contains(key);
            hold.until.send_replace(if is_ours { until } else { Instant::now() });
        }
    }

    /// How many more chats may run, and the owners who have as many as they may.
    pub(super) fn room(&self, config: &WorkerConfig) -> (usize, Vec<UserId>) {
        let mut by_owner: HashMap<UserId, usize> = HashMap::new();
        for hold in self.chats().values().filter(|hold| !hold.is_waiting.load(Ordering::Relaxed)) {
            *by_owner.entry(hold.owner).or_default() += 1;
        }
        let room = config.chats_max.saturating_sub(by_owner.values().sum());
        let full = by_owner.into_iter().filter(|(_, n)| *n >= config.chats_per_owner_max);
        (room, full.map(|(owner, _)| owner).collect())
    }

    fn chats(&self) -> MutexGuard<'_, HashMap<ChatId, Hold>> {
        self.chats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
