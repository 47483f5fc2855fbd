//! Saves batches of parts and shows what is saved.

use std::{sync::Arc, time::Duration};

use warren_chat_proto::Episode;
use warren_db::{
    Database, DbError, Guard, Tx,
    entity::chat_parts,
    query::{self, chats::Progress},
};
use warren_rt::{Backoff, Causes};
use warren_vocab::ChatId;

use super::{Batch, Batches};
use crate::{
    crash_points::{self, Moment},
    hub::Hub,
    metrics::ChatMetrics,
    rows,
};

/// How often parts are written together with those of other chats before they are written alone, and how often then.
const TRIES_TOGETHER: u32 = 3;
const TRIES_ALONE: u32 = 5;

/// Where parts are saved and shown.
pub(super) struct Saving {
    pub(super) db: Database,
    pub(super) hub: Hub,
    pub(super) metrics: ChatMetrics,
}

/// What became of a batch.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Saved,
    /// Nobody wants it any more: its attempt is over.
    Late,
    /// Somebody else holds its chat, or the chat is gone.
    Held,
}

impl Saving {
    /// Saves batches in one transaction; gives back those of chats that are held, or all when that does not work.
    pub(super) async fn write_together(&self, batches: Batches) -> Batches {
        let mut backoff = backoff();
        for _ in 0..TRIES_TOGETHER {
            let written = self.db.write_apart(async |tx: &Tx| save(tx, &batches).await).await;
            match written {
                Ok(fates) => return self.show(batches, &fates),
                Err(error) => {
                    tracing::error!(error = %Causes(&error), "parts of answers cannot be saved; their chats wait until they can");
                    backoff.wait().await;
                }
            }
        }
        batches
    }

    /// Repeats a write of one chat until it works, as given-up parts leave a hole in what is kept, or until it is clear that
    /// the database is there and does not take them. What gathers meanwhile is bounded, because whoever produces parts
    /// waits.
    pub(super) async fn write_alone(&self, batches: Batches) {
        let mut backoff = backoff();
        let mut n_refused = 0;
        while n_refused < TRIES_ALONE {
            let guard = Guard::chats(batches.keys().map(|(chat, _)| *chat)).first();
            match self.db.write_guarded(guard, async |tx: &Tx| save(tx, &batches).await).await {
                Ok(fates) => {
                    self.show(batches, &fates);
                    return;
                }
                Err(DbError::Busy | DbError::Unavailable(_)) => {}
                Err(error) => {
                    n_refused += 1;
                    tracing::error!(error = %Causes(&error), n_refused, "parts of an answer cannot be saved");
                }
            }
            backoff.wait().await;
        }
        for (chat, _) in batches.keys() {
            tracing::error!(chat.id = %chat, "parts of an answer are left out; the whole answer follows");
            self.metrics.dropped_part();
        }
    }

    /// Shows what is saved and gives back what is held.
    fn show(&self, batches: Batches, fates: &[Fate]) -> Batches {
        crash_points::reach(Moment::AfterCommit, "parts");
        let mut held = Batches::new();
        for ((key, batch), fate) in batches.into_iter().zip(fates) {
            match fate {
                Fate::Saved => self.hub.show(key.0, batch.parts.into_iter().map(Arc::new).collect()),
                Fate::Late => {}
                Fate::Held => drop(held.insert(key, batch)),
            }
        }
        held
    }
}

fn backoff() -> Backoff {
    Backoff::new(Duration::from_millis(20), Duration::from_secs(1))
}

/// Writes the batches whose episode is still the current one and whose chat is free; says what became of each.
async fn save(tx: &Tx, batches: &Batches) -> Result<Vec<Fate>, DbError> {
    let chats: Vec<_> = batches.keys().map(|(chat, _)| *chat).collect();
    let free = query::chats::lock_free(tx, &chats).await?;
    let (mut fates, mut models) = (Vec::new(), Vec::new());
    for ((chat, episode), batch) in batches {
        let Episode { history_version, attempt } = *episode;
        let wanted = Progress { chat: *chat, lease: batch.lease, history_version, attempt };
        let fate = match free.get(chat) {
            Some(progress) if *progress == Some(wanted) => Fate::Saved,
            Some(_) => Fate::Late,
            None => Fate::Held,
        };
        fates.push(fate);
        if fate == Fate::Saved {
            models.push(row(tx, *chat, *episode, batch).await?);
        }
    }
    query::chat_parts::insert(tx, models).await?;
    crash_points::reach(Moment::BeforeCommit, "parts");
    Ok(fates)
}

/// Makes room for the first parts of an attempt and gives their row.
async fn row(tx: &Tx, chat: ChatId, episode: Episode, batch: &Batch) -> Result<chat_parts::Model, DbError> {
    let Episode { history_version, attempt } = episode;
    let first_seq = batch.parts.first().map_or(0, |part| part.seq);
    if first_seq == 1 && attempt > 1 {
        query::chat_parts::clear_before(tx, chat, history_version, attempt).await?;
    }
    Ok(chat_parts::Model {
        chat_id: chat.as_uuid(),
        history_version,
        generation_attempt: attempt,
        first_seq,
        lease_epoch: batch.lease.epoch,
        parts: rows::stored(&batch.parts),
    })
}
