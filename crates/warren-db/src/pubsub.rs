//! Change hints: small JSON values (ids and versions, under 8 kB) on named channels.
//!
//! Hints may be lost, repeated or reordered; rows are the truth and every reader re-reads them.

mod alone;
mod postgres;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use serde_json::Value;
use tokio::sync::broadcast;

pub(crate) use alone::Alone;
pub(crate) use postgres::ListenNotify;

/// Hints that a slow subscriber may have waiting; when full, the oldest are dropped and it sees [`Notice::Lagged`].
const WAITING_MAX: usize = 256;

/// What a subscriber receives.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    Hint(Value),
    /// Hints were lost: read everything again.
    Lagged,
}

/// Publishes and subscribes to hints.
pub trait PubSub: Send + Sync {
    /// Sends a hint to the current subscribers; never waits.
    fn publish(&self, channel: &str, hint: Value);

    /// Starts to receive the hints of one channel.
    fn subscribe(&self, channel: &str) -> Subscription;

    /// Why no hints of other servers arrive, as a sentence for operators; `None` while they do, and where none are wanted.
    fn trouble(&self) -> Option<String> {
        None
    }
}

/// One subscriber of one channel. The last one takes the channel with it: names hold ids, and most are never used again.
pub struct Subscription {
    receiver: broadcast::Receiver<Notice>,
    channel: String,
    channels: Weak<Channels>,
}

type Channels = Mutex<HashMap<String, broadcast::Sender<Notice>>>;

impl Subscription {
    /// Waits for the next notice; `None` means that the publisher is gone. Cancel-safe.
    pub async fn next(&mut self) -> Option<Notice> {
        match self.receiver.recv().await {
            Ok(notice) => Some(notice),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(Notice::Lagged),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }

    /// Drops the notices that are here already, for a subscriber who is about to read everything again.
    pub fn skip(&mut self) {
        self.receiver = self.receiver.resubscribe();
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let Some(channels) = self.channels.upgrade() else { return };
        let mut channels = channels.lock().unwrap_or_else(PoisonError::into_inner);
        if channels.get(&self.channel).is_some_and(|sender| sender.receiver_count() <= 1) {
            channels.remove(&self.channel);
        }
    }
}

/// Hints inside one process.
#[derive(Default)]
pub struct InProcess {
    channels: Arc<Channels>,
}

impl InProcess {
    fn deliver(&self, channel: &str, notice: Notice) {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = channels.get(channel)
            && sender.send(notice).is_err()
        {
            channels.remove(channel);
        }
    }

    /// Tells the subscribers of all channels that hints were lost.
    fn lag_all(&self) {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        channels.retain(|_, sender| sender.send(Notice::Lagged).is_ok());
    }
}

impl PubSub for InProcess {
    fn publish(&self, channel: &str, hint: Value) {
        self.deliver(channel, Notice::Hint(hint));
    }

    fn subscribe(&self, channel: &str) -> Subscription {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = channels.entry(channel.to_owned()).or_insert_with(|| broadcast::channel(WAITING_MAX).0);
        let (receiver, channels) = (sender.subscribe(), Arc::downgrade(&self.channels));
        Subscription { receiver, channel: channel.to_owned(), channels }
    }
}

#[cfg(test)]
mod tests;
