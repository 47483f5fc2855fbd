//! Between rows and the pure types.

use chrono::{DateTime, SubsecRound, Utc};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use warren_chat_proto::{
    ChatError, ChatState, Lease, Message, Part, QueuedMessage, RetryState, Usage, Versions,
};
use warren_db::{
    DbError,
    entity::{chat_messages, chat_queued_messages, chats},
};
use warren_vocab::{
    ChatId, ChatStatus, MessageId, MessageRole, ModelConfigId, QueuedMessageId, ReplicaId, RunnerId, UserId,
};

use crate::error::{ChatResult, ChatServiceError};

/// The current time in the precision that every database keeps.
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}

pub(crate) fn state(row: &chats::Model, queue_len: usize) -> ChatResult<ChatState> {
    let lease = row.worker_id.zip(row.runner_id).map(|(worker, runner)| Lease {
        worker: ReplicaId::from_uuid(worker),
        runner: RunnerId::from_uuid(runner),
    });
    Ok(ChatState {
        status: status(row)?,
        archived: row.archived,
        queue_len,
        versions: versions(row),
        has_retry: row.retry_state.is_some(),
        lease,
        epoch: row.lease_epoch,
    })
}

pub(crate) fn status(row: &chats::Model) -> ChatResult<ChatStatus> {
    Ok(row.status.parse().map_err(|_| DbError::Corrupt { what: "chat status" })?)
}

pub(crate) fn versions(row: &chats::Model) -> Versions {
    Versions {
        snapshot: row.snapshot_version,
        history: row.history_version,
        queue: row.queue_version,
        retry: row.retry_version,
        attempt: row.generation_attempt,
    }
}

/// Writes a state into a row.
pub(crate) fn set_state(row: &mut chats::Model, state: &ChatState) {
    row.status = state.status.as_str().to_owned();
    row.archived = state.archived;
    row.snapshot_version = state.versions.snapshot;
    row.history_version = state.versions.history;
    row.queue_version = state.versions.queue;
    row.retry_version = state.versions.retry;
    row.generation_attempt = state.versions.attempt;
    row.worker_id = state.lease.map(|lease| lease.worker.as_uuid());
    row.runner_id = state.lease.map(|lease| lease.runner.as_uuid());
    row.lease_epoch = state.epoch;
    if state.lease.is_none() {
        row.lease_expires_at = None;
    }
}

pub(crate) fn message(row: chat_messages::Model) -> ChatResult<Message> {
    Ok(Message {
        id: MessageId(row.id),
        chat_id: ChatId::from_uuid(row.chat_id),
        created_by: row.created_by.map(UserId::from_uuid),
        model_config_id: row.model_config_id.map(ModelConfigId::from_uuid),
        created_at: row.created_at,
        role: role(&row.role)?,
        usage: usage(&row),
        content: parse("message", row.content)?,
        revision: row.revision,
    })
}

/// What the message cost, if the provider said anything.
fn usage(row: &chat_messages::Model) -> Option<Usage> {
    let usage = Usage {
        input_tokens: row.input_tokens,
        output_tokens: row.output_tokens,
        total_tokens: row.total_tokens,
        reasoning_tokens: row.reasoning_tokens,
        cache_creation_tokens: row.cache_creation_tokens,
        cache_read_tokens: row.cache_read_tokens,
        context_limit: row.context_limit,
        total_cost_micros: row.total_cost_micros,
    };
    (usage != Usage::default()).then_some(usage)
}

pub(crate) fn role(text: &str) -> ChatResult<MessageRole> {
    Ok(text.parse().map_err(|_| DbError::Corrupt { what: "message role" })?)
}

pub(crate) fn queued(row: chat_queued_messages::Model) -> ChatResult<QueuedMessage> {
    Ok(QueuedMessage {
        id: QueuedMessageId(row.id),
        chat_id: ChatId::from_uuid(row.chat_id),
        created_by: UserId::from_uuid(row.created_by),
        model_config_id: ModelConfigId::from_uuid(row.model_config_id),
        content: parse("queued message", row.content)?,
        created_at: row.created_at,
    })
}

pub(crate) fn retry(row: &chats::Model) -> ChatResult<Option<RetryState>> {
    row.retry_state.clone().map(|value| parse("retry state", value)).transpose()
}

pub(crate) fn error(row: &chats::Model) -> ChatResult<Option<ChatError>> {
    row.last_error.clone().map(|value| parse("error", value)).transpose()
}

pub(crate) fn parse<T: DeserializeOwned>(what: &'static str, value: Value) -> ChatResult<T> {
    serde_json::from_value(value).map_err(|source| ChatServiceError::Corrupt { what, source })
}

/// Writes parts; U+0000 is replaced, as PostgreSQL's JSON cannot hold it.
pub(crate) fn parts(parts: &[Part]) -> Value {
    let mut value = json(&parts);
    replace_nul(&mut value);
    value
}

pub(crate) fn json<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).expect("our types have string keys and finite numbers")
}

pub(crate) fn replace_nul(value: &mut Value) {
    match value {
        Value::String(text) if text.contains('\0') => *text = text.replace('\0', "\u{fffd}"),
        Value::Array(items) => items.iter_mut().for_each(replace_nul),
        Value::Object(fields) => fields.values_mut().for_each(replace_nul),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
