//! Notes that sessions are used: last use, sliding expiry, when an account was last seen.
//!
//! Requests only leave a note in a bounded queue; one task writes them down. A note that is lost is left again by the
//! next request.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::mpsc;
use warren_config::ServerConfig;
use warren_db::{Database, DbError, entity::api_keys, query};
use warren_rt::Tasks;
use warren_vocab::{LoginType, UserId};

/// A use is written down, and an expiry moved, at most this often.
const INTERVAL: TimeDelta = TimeDelta::hours(1);
/// Notes that may wait.
const WAITING_MAX: usize = 1024;
/// Notes that are written together.
const BATCH_MAX: usize = 256;
/// How long to wait after a write that failed.
const PAUSE: Duration = Duration::from_secs(5);

/// A use of a key.
#[derive(Debug, Clone)]
struct Use {
    key: String,
    user: UserId,
    at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

/// The queue of notes.
pub(crate) struct Uses {
    sender: mpsc::Sender<Use>,
    /// Taken by the task that writes.
    receiver: Mutex<Option<mpsc::Receiver<Use>>>,
}

impl Default for Uses {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        Self { sender, receiver: Mutex::new(Some(receiver)) }
    }
}

impl Uses {
    /// Leaves a note when there is something to write down. Never waits.
    pub(crate) fn note(&self, key: &api_keys::Model, config: &ServerConfig, at: DateTime<Utc>) {
        let expires_at = if config.session.disable_expiry_refresh { key.expires_at } else { slid(key, at) };
        let is_known = key.last_used_at.is_some_and(|last| at - last < INTERVAL);
        if is_known && expires_at == key.expires_at {
            return;
        }
        let user = UserId::from_uuid(key.user_id);
        // When the queue is full, the next request leaves the note.
        let _ = self.sender.try_send(Use { key: key.id.clone(), user, at, expires_at });
    }

    /// Starts the task that writes notes down; only the first call does.
    pub(crate) fn start(&self, db: Database, tasks: &Tasks) {
        let receiver = self.receiver.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(receiver) = receiver {
            tasks.spawn("session uses", write_all(db, receiver));
        }
    }
}

/// The expiry after a use: a session lives on once an hour of its life is gone, a token ends when it was made to end.
fn slid(key: &api_keys::Model, at: DateTime<Utc>) -> DateTime<Utc> {
    let until = at + TimeDelta::seconds(key.lifetime_seconds);
    let is_session = key.login_type != LoginType::Token.as_str();
    if is_session && until - key.expires_at >= INTERVAL { until } else { key.expires_at }
}

async fn write_all(db: Database, mut receiver: mpsc::Receiver<Use>) {
    let mut waiting = Vec::new();
    while receiver.recv_many(&mut waiting, BATCH_MAX).await > 0 {
        let latest: HashMap<_, _> = waiting.drain(..).map(|one| (one.key.clone(), one)).collect();
        if let Err(error) = write(&db, latest.into_values()).await {
            tracing::warn!(%error, "the use of sessions could not be written down");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn write(db: &Database, uses: impl Iterator<Item = Use>) -> Result<(), DbError> {
    db.write(async |tx| {
        for one in uses {
            query::api_keys::touch(tx, &one.key, one.at, one.expires_at).await?;
            query::users::touch(tx, one.user, one.at).await?;
        }
        Ok(())
    })
    .await
}

#[cfg(test)]
mod tests;
