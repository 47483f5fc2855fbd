//! Finds chats that need a worker, takes their leases and keeps them.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::TimeDelta;
use tokio::time::MissedTickBehavior;
use warren_chat_proto::Lease;
use warren_db::{Guard, Tx, channels, query};
use warren_rt::Tasks;
use warren_vocab::{ChatId, ReplicaId, RunnerId};

use crate::{error::ChatResult, runner, service::Shared, store};

/// How long a lease lasts without being renewed; a dead worker's chats are taken over after this time.
const LEASE: TimeDelta = TimeDelta::seconds(10);
const RENEWAL: Duration = Duration::from_secs(3);
/// How often to look for chats even without a hint, as hints may be lost.
const SWEEP: Duration = Duration::from_secs(3);
const ACQUIRE_BATCH: u64 = 32;

/// The worker of this server.
#[derive(Clone)]
pub(crate) struct Worker {
    shared: Arc<Shared>,
    id: ReplicaId,
    tasks: Tasks,
    /// Chats that a runner of this worker has.
    running: Arc<Mutex<HashSet<ChatId>>>,
}

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>, tasks: Tasks) -> Self {
        Self { shared, id: ReplicaId::new(), tasks, running: Arc::default() }
    }

    /// Works until the task is stopped. Where no other server can have the database open, no other worker can be alive,
    /// and all leases of earlier runs are void; elsewhere they run out.
    pub(crate) async fn run(self) -> ChatResult<()> {
        let mut hints = self.shared.db.subscribe(channels::CHAT_WORK);
        if self.shared.db.is_exclusive() {
            self.shared.db.write(async |tx| query::chats::end_all_leases(tx).await).await?;
        }
        let mut sweep = tokio::time::interval(SWEEP);
        let mut renewal = tokio::time::interval(RENEWAL);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let done = tokio::select! {
                notice = hints.next() => match notice {
                    Some(_) => self.acquire_all().await,
                    None => return Ok(()),
                },
                _ = sweep.tick() => self.acquire_all().await,
                _ = renewal.tick() => self.renew().await,
            };
            if let Err(error) = done {
                tracing::warn!(%error, "the chat worker could not reach the database and tries again");
            }
        }
    }

    async fn renew(&self) -> ChatResult<()> {
        let chats: Vec<_> = self.running().iter().copied().collect();
        if chats.is_empty() {
            return Ok(());
        }
        let guard = Guard::chats(chats.iter().copied());
        let write = async |tx: &Tx| query::chats::renew_leases(tx, self.id, &chats, LEASE).await;
        self.shared.db.write_guarded(guard, write).await?;
        Ok(())
    }

    async fn acquire_all(&self) -> ChatResult<()> {
        loop {
            let found = query::chats::acquirable(self.shared.db.reader(), &[], ACQUIRE_BATCH).await?;
            let mut n_acquired = 0;
            for candidate in &found {
                n_acquired += usize::from(self.acquire(candidate.chat).await?);
            }
            if n_acquired == 0 {
                return Ok(());
            }
        }
    }

    async fn acquire(&self, chat: ChatId) -> ChatResult<bool> {
        if self.running().contains(&chat) {
            return Ok(false);
        }
        let lease = Lease { worker: self.id, runner: RunnerId::new() };
        let acquired = store::acquire(&self.shared.db, chat, lease, LEASE).await?;
        let Some(outcome) = acquired else { return Ok(false) };
        self.start(chat, outcome.state.epoch);
        Ok(true)
    }

    fn start(&self, chat: ChatId, epoch: i64) {
        self.running().insert(chat);
        let worker = self.clone();
        self.tasks.spawn(format!("chat {chat}"), async move {
            runner::run(&worker.shared, chat, epoch).await;
            worker.running().remove(&chat);
            // A message that came after the last look has no other runner.
            if let Err(error) = worker.acquire(chat).await {
                tracing::debug!(%error, "a chat is left to the next sweep");
            }
        });
    }

    fn running(&self) -> std::sync::MutexGuard<'_, HashSet<ChatId>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
