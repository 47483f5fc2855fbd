//! Looks at the store for all tails of this server at once, as hints and parts may be lost on their way here.

use std::{collections::HashMap, sync::atomic::Ordering, time::Duration};

use tokio::time::MissedTickBehavior;
use warren_db::query::chat_snapshots;
use warren_rt::Causes;
use warren_vocab::ChatId;

use super::{Hub, Input};
use crate::error::ChatResult;

/// Chats that one statement asks for.
const CHATS_MAX: usize = 500;

/// Tells the tails how far the store is with their chats, until the task is stopped.
pub(super) async fn run(hub: Hub, every: Duration) {
    let mut sweep = tokio::time::interval(every);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        sweep.tick().await;
        let chats: Vec<ChatId> = hub.tails().keys().copied().collect();
        for chats in chats.chunks(CHATS_MAX) {
            if let Err(error) = look(&hub, chats).await {
                tracing::warn!(error = %Causes(&error), "watched chats could not be looked at");
            }
        }
    }
}

async fn look(hub: &Hub, chats: &[ChatId]) -> ChatResult<()> {
    let places = chat_snapshots::places(hub.shared.db.reader(), chats).await?;
    let places: HashMap<_, _> = places.into_iter().map(|place| (place.chat, place)).collect();
    let tails = hub.tails();
    for chat in chats {
        let Some(handle) = tails.get(chat) else { continue };
        // One that is behind with what it was told reads the parts anyway.
        if handle.inbox.try_send(Input::Swept(places.get(chat).copied())).is_err() {
            handle.has_missed.store(true, Ordering::Relaxed);
        }
    }
    Ok(())
}
