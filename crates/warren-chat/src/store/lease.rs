//! Taking chats, by the clock of the database.

use chrono::TimeDelta;
use warren_chat_proto::Lease;
use warren_db::{ConnectionTrait, Database, Guard, entity::chats, query};
use warren_vocab::{ChatId, ReplicaId};

use super::{Command, Outcome, transition};
use crate::{
    crash_points::{self, Moment},
    error::{ChatResult, ChatServiceError},
    rows,
};

/// Takes the lease of a chat that needs a worker, unless somebody holds it whose server was heard of lately. Of several who
/// try, one gets it; what the old holder would write after that is refused.
///
/// # Errors
/// Fails on database errors.
pub(crate) async fn acquire(
    db: &Database,
    chat: ChatId,
    lease: Lease,
    lasts: TimeDelta,
    patience: TimeDelta,
) -> ChatResult<Option<Outcome>> {
    let taken = db.write_guarded(Guard::chat(chat), async |tx| {
        let found = query::chats::for_transition(tx, chat).await?.ok_or(ChatServiceError::NotFound)?;
        let lasts_on = found.chat.lease_expires_at.is_some_and(|expires_at| expires_at > found.now);
        let holder = found.chat.worker_id.map(ReplicaId::from_uuid).filter(|_| lasts_on);
        let is_held = match holder {
            Some(other) if other != lease.worker => !query::replicas::is_silent(tx, other, patience).await?,
            Some(_) => true,
            None => false,
        };
        let queue_len = usize::try_from(found.queue_len).unwrap_or(usize::MAX);
        if is_held || !rows::state(&found.chat, queue_len)?.execution().needs_worker() {
            return Ok(None);
        }
        let outcome = transition(tx, chat, None, Command::Acquire { lease, lasts }).await?;
        Ok(Some(outcome))
    });
    let taken = taken.await;
    crash_points::reach(Moment::AfterCommit, "acquire");
    match taken {
        Err(ChatServiceError::NotFound) => Ok(None),
        taken => taken,
    }
}

/// How long clients and users may still answer, by the clock of the database; zero when the time is over, nothing when
/// there is no end.
///
/// # Errors
/// Fails on database errors.
pub(crate) async fn time_left(
    connection: &impl ConnectionTrait,
    chat: &chats::Model,
) -> ChatResult<Option<TimeDelta>> {
    let Some(deadline) = chat.requires_action_deadline_at else { return Ok(None) };
    let now = query::clock::now(connection).await?;
    Ok(Some((deadline - now).max(TimeDelta::zero())))
}
