//! Finds chats that need a worker, takes their leases and keeps them.

mod config;
mod held;

use std::sync::Arc;

use chrono::TimeDelta;
use futures::future::join_all;
use tokio::{
    sync::Notify,
    time::{Instant, MissedTickBehavior},
};
use warren_chat_proto::Lease;
use warren_db::{
    DbResult, Guard, Tx, channels,
    query::{self, chats::Seeker},
};
use warren_rt::{Causes, Tasks};
use warren_vocab::{ChatId, LeaseId, ReplicaId, RunnerId, UserId};

use crate::{error::ChatResult, runner, service::Shared, store};
pub use config::WorkerConfig;
use held::Held;

const ACQUIRE_BATCH: usize = 32;
/// Leases are renewed this many times before they would run out.
const RENEWALS_PER_LEASE: u32 = 3;

/// Whether chats may wait that this server has left because there was no room for them here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    Nothing,
    Chats,
}

/// The worker of this server.
#[derive(Clone)]
pub(crate) struct Worker {
    shared: Arc<Shared>,
    id: ReplicaId,
    tasks: Tasks,
    held: Arc<Held>,
    /// Rung when a chat has made room for another.
    freed: Arc<Notify>,
}

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>, id: ReplicaId, tasks: Tasks) -> Self {
        Self { shared, id, tasks, held: Arc::default(), freed: Arc::default() }
    }

    /// Starts to work, unless the configuration says otherwise. When the tasks are stopped, the chats are given back so that
    /// another server goes on at once.
    pub(crate) fn start(self) {
        if !self.config().is_enabled {
            return;
        }
        let renewing = self.clone();
        self.tasks.spawn("chat leases", async move { renewing.keep_leases().await });
        let token = self.tasks.token();
        self.tasks.clone().spawn_graceful("chat worker", async move {
            let worked = tokio::select! {
                worked = self.run() => worked,
                () = token.cancelled() => Ok(()),
            };
            self.drain().await;
            worked
        });
    }

    /// Where no other server can have the database open, no other worker can be alive, and all leases of earlier runs are
    /// void; elsewhere they run out.
    async fn run(&self) -> ChatResult<()> {
        let mut hints = self.shared.db.subscribe(channels::CHAT_WORK);
        if self.shared.db.is_exclusive() {
            self.shared.db.write(async |tx| query::chats::end_all_leases(tx).await).await?;
        }
        let mut sweep = tokio::time::interval(self.config().sweep);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut left = Left::Chats;
        loop {
            tokio::select! {
                notice = hints.next() => {
                    if notice.is_none() {
                        return Ok(());
                    }
                }
                () = self.freed.notified(), if left == Left::Chats => {}
                _ = sweep.tick() => {}
            }
            // One look finds what all of them are about.
            hints.skip();
            left = self.acquire_all().await.unwrap_or_else(|error| {
                let error = Causes(&error);
                tracing::warn!(%error, "the chat worker could not reach the database and tries again");
                Left::Chats
            });
        }
    }

    /// Renews all leases. What cannot be renewed in time is given up by its runner.
    async fn keep_leases(&self) {
        let every = self.config().lease / RENEWALS_PER_LEASE;
        let mut renewal = tokio::time::interval(every);
        renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            renewal.tick().await;
            match tokio::time::timeout(every, self.renew()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(error = %Causes(&error), "the leases of chats could not be renewed");
                }
                Err(_) => tracing::warn!("the leases of chats could not be renewed in time"),
            }
        }
    }

    async fn renew(&self) -> ChatResult<()> {
        let asked = self.held.list();
        if asked.is_empty() {
            return Ok(());
        }
        let until = Instant::now() + self.config().lease;
        let guard = Guard::chats(asked.iter().map(|(chat, _)| *chat));
        let write = async |tx: &Tx| query::chats::renew_leases(tx, self.id, &asked, self.lasts()).await;
        let renewed = self.shared.db.write_guarded(guard, write).await?;
        self.held.renewed(&asked, &renewed, until);
        Ok(())
    }

    /// Takes chats until there are none left or there is no more room; owners take turns.
    async fn acquire_all(&self) -> ChatResult<Left> {
        loop {
            let (room, full) = self.held.room(self.config());
            if room == 0 {
                return Ok(Left::Chats);
            }
            let limit = u64::try_from(room.min(ACQUIRE_BATCH)).unwrap_or(u64::MAX);
            let found =
                query::chats::acquirable(self.shared.db.reader(), self.seeker(), &full, limit).await?;
            // Behind a full page more may wait, also when others were quicker with all of this one.
            let is_all = full.is_empty() && (found.len() as u64) < limit;
            let mut left = if is_all { Left::Nothing } else { Left::Chats };
            let mut n_acquired = 0;
            for candidate in &found {
                // Chats of this batch may have filled the owner's share; and what is over for the database may be held
                // here until its runner has ended.
                let is_full = self.held.room(self.config()).1.contains(&candidate.owner);
                if is_full || self.held.contains(candidate.chat) {
                    left = Left::Chats;
                } else {
                    n_acquired += usize::from(self.acquire(candidate.chat, candidate.owner).await?);
                }
            }
            if n_acquired == 0 {
                return Ok(left);
            }
        }
    }

    async fn acquire(&self, chat: ChatId, owner: UserId) -> ChatResult<bool> {
        let lease = Lease { worker: self.id, runner: RunnerId::new() };
        let until = Instant::now() + self.config().lease;
        let acquired =
            store::acquire(&self.shared.db, chat, lease, self.lasts(), self.seeker().patience).await?;
        let Some(outcome) = acquired else { return Ok(false) };
        self.start_runner(chat, owner, outcome.state.lease_id()?, until);
        Ok(true)
    }

    fn start_runner(&self, chat: ChatId, owner: UserId, lease: LeaseId, until: Instant) {
        let held = self.held.insert(chat, owner, lease, until);
        let worker = self.clone();
        self.tasks.spawn(format!("chat {chat}"), async move {
            let (is_waiting, freed) = (held.is_waiting.clone(), worker.freed.clone());
            let job = runner::Job { chat, owner, lease, is_waiting, freed };
            tokio::select! {
                () = runner::run(&worker.shared, job) => {}
                () = held.ended() => {
                    tracing::warn!(chat.id = %chat, "the lease of a chat was lost, so its work is dropped");
                }
            }
            worker.held.remove(chat);
            worker.freed.notify_one();
        });
    }

    /// Gives all chats back. Each is told to the other workers, which go on at once; for users nothing was interrupted.
    async fn drain(&self) {
        let held = self.held.list();
        let all = held.iter().map(|(chat, lease)| runner::hand_over(&self.shared, *chat, *lease));
        if tokio::time::timeout(self.config().drain, join_all(all)).await.is_err() {
            tracing::warn!("not all chats could be given back one by one");
        }
        match tokio::time::timeout(self.config().drain, self.end_leases()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "not all chats could be given back; others take them when this server is silent");
            }
            Err(_) => {
                tracing::warn!(
                    "not all chats could be given back in time; others take them when this server is silent"
                );
            }
        }
    }

    /// Ends what is left, also leases of which this worker never learned that it got them.
    async fn end_leases(&self) -> DbResult<()> {
        let write = async |tx: &Tx| {
            if query::chats::end_leases_of(tx, self.id).await? > 0 {
                tx.notify(channels::CHAT_WORK, serde_json::Value::Null);
            }
            DbResult::Ok(())
        };
        self.shared.db.write(write).await
    }

    fn config(&self) -> &WorkerConfig {
        &self.shared.worker
    }

    fn seeker(&self) -> Seeker {
        let patience = TimeDelta::from_std(self.config().patience).unwrap_or(TimeDelta::MAX);
        Seeker { worker: self.id, patience }
    }

    fn lasts(&self) -> TimeDelta {
        TimeDelta::from_std(self.config().lease).unwrap_or(TimeDelta::MAX)
    }
}
