//! Requests that may be sent again: one with the same key gets the first answer.

use chrono::{DateTime, TimeDelta, Utc};
use warren_db::{ConnectionTrait, Tx, entity::chat_requests, query};
use warren_vocab::{ChatId, MessageId, QueuedMessageId, UserId};

use super::Outcome;
use crate::error::{ChatResult, ChatServiceError};

/// How long a key is remembered.
pub(super) const REMEMBERED: TimeDelta = TimeDelta::hours(24);

/// A request with an idempotency key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) owner: UserId,
    pub(crate) key: &'a str,
    /// Of the route and the body.
    pub(crate) digest: &'a str,
}

/// What an earlier request with the same key has made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answered {
    pub(crate) chat: ChatId,
    pub(crate) message: Option<MessageId>,
    pub(crate) queued: Option<QueuedMessageId>,
    pub(crate) at: DateTime<Utc>,
}

/// Finds what the request has made before.
///
/// # Errors
/// A conflict when the key came with another request.
pub(crate) async fn find_request(
    connection: &impl ConnectionTrait,
    request: Request<'_>,
) -> ChatResult<Option<Answered>> {
    let found = query::chat_requests::by_key(connection, request.owner, request.key).await?;
    let Some(found) = found else { return Ok(None) };
    if found.digest != request.digest {
        let message = "This Idempotency-Key was used with another request. Use a new key for a new request.";
        return Err(ChatServiceError::conflict(message));
    }
    Ok(Some(Answered {
        chat: ChatId::from_uuid(found.chat_id),
        message: found.message_id.map(MessageId),
        queued: found.queued_message_id.map(QueuedMessageId),
        at: found.created_at,
    }))
}

/// Remembers what a request has made, in the transaction that makes it.
///
/// # Errors
/// Fails with the unique violation `chat_requests_pkey` when the same request runs beside this one and was first; the
/// caller then finds its answer with [`find_request`].
pub(crate) async fn remember_request(tx: &Tx, request: Request<'_>, outcome: &Outcome) -> ChatResult<()> {
    let row = chat_requests::Model {
        owner_id: request.owner.as_uuid(),
        idempotency_key: request.key.to_owned(),
        chat_id: outcome.chat.id,
        digest: request.digest.to_owned(),
        message_id: outcome.messages.last().map(|message| message.id.get()),
        queued_message_id: outcome.queued.as_ref().map(|queued| queued.id.get()),
        created_at: query::clock::now(tx).await?,
    };
    Ok(query::chat_requests::insert(tx, row).await?)
}
