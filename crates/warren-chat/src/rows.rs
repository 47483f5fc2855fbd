//! Between rows and the pure types.

use chrono::{DateTime, SubsecRound, Utc};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use warren_chat_proto::{
    ChatError, ChatState, Lease, Message, Part, QueuedMessage, RetryState, Usage, Versions, nests_deeper,
};
use warren_db::{
    DbError,
    entity::{chat_messages, chat_queued_messages, chats},
};
use warren_vocab::{
    ChatId, ChatStatus, MessageId, MessageRole, MessageVisibility, ModelConfigId, QueuedMessageId, ReplicaId,
    RunnerId, UserId,
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
        visibility: visibility(&row.visibility)?,
        compressed: row.compressed,
        usage: usage(&row),
        content: content(row.content),
        revision: row.revision,
    })
}

/// Reads parts. One that cannot be read, such as a newer program has written, is as good as unknown: the rest of the history
/// stays readable.
fn content(mut value: Value) -> Vec<Part> {
    unescape_nul(&mut value);
    let items = match value {
        Value::Array(items) => items,
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => {
            vec![other]
        }
    };
    let part = |item| {
        serde_json::from_value(item).unwrap_or_else(|error| {
            tracing::warn!(%error, "a part of a message cannot be read");
            Part::Unknown
        })
    };
    items.into_iter().map(part).collect()
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

fn visibility(text: &str) -> ChatResult<MessageVisibility> {
    Ok(text.parse().map_err(|_| DbError::Corrupt { what: "message visibility" })?)
}

pub(crate) fn queued(row: chat_queued_messages::Model) -> ChatResult<QueuedMessage> {
    Ok(QueuedMessage {
        id: QueuedMessageId(row.id),
        chat_id: ChatId::from_uuid(row.chat_id),
        created_by: UserId::from_uuid(row.created_by),
        model_config_id: ModelConfigId::from_uuid(row.model_config_id),
        content: content(row.content),
        created_at: row.created_at,
    })
}

pub(crate) fn retry(row: &chats::Model) -> ChatResult<Option<RetryState>> {
    row.retry_state.clone().map(|value| parse("retry state", value)).transpose()
}

pub(crate) fn error(row: &chats::Model) -> ChatResult<Option<ChatError>> {
    row.last_error.clone().map(|value| parse("error", value)).transpose()
}

pub(crate) fn parse<T: DeserializeOwned>(what: &'static str, mut value: Value) -> ChatResult<T> {
    unescape_nul(&mut value);
    serde_json::from_value(value).map_err(|source| ChatServiceError::Corrupt { what, source })
}

/// Writes what [`parse`] reads. PostgreSQL's JSON cannot hold U+0000, so it is escaped; and what nests more deeply than JSON is
/// read becomes a text, as nothing could read the row otherwise.
pub(crate) fn stored<T: Serialize + ?Sized>(value: &T) -> Value {
    let mut value = json(value);
    if nests_deeper(&value, DEPTH_MAX) {
        flatten(&mut value, DEPTH_MAX);
    }
    escape_nul(&mut value);
    value
}

/// Levels of what is stored; JSON is read to 127.
const DEPTH_MAX: usize = 110;

fn flatten(value: &mut Value, levels: usize) {
    match value {
        Value::Array(_) | Value::Object(_) if levels == 0 => *value = Value::String(value.to_string()),
        Value::Array(items) => items.iter_mut().for_each(|item| flatten(item, levels - 1)),
        Value::Object(fields) => fields.values_mut().for_each(|field| flatten(field, levels - 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> Value {
    serde_json::to_value(value).expect("our types have string keys and finite numbers")
}

/// Begins an escape; a character for private use, which texts do not contain unless they mean to.
const ESCAPE: char = '\u{e000}';
const ESCAPED_NUL: &str = "\u{e000}0";
const ESCAPED_ESCAPE: &str = "\u{e000}1";

/// Escapes U+0000 in all texts and names of fields, so that every database can keep them.
pub(crate) fn escape_nul(value: &mut Value) {
    let needs_escape = |text: &str| text.contains(['\0', ESCAPE]);
    map_texts(value, &needs_escape, &|text| text.replace(ESCAPE, ESCAPED_ESCAPE).replace('\0', ESCAPED_NUL));
}

/// Undoes [`escape_nul`].
pub(crate) fn unescape_nul(value: &mut Value) {
    let has_escape = |text: &str| text.contains(ESCAPE);
    map_texts(value, &has_escape, &|text| {
        text.replace(ESCAPED_NUL, "\0").replace(ESCAPED_ESCAPE, "\u{e000}")
    });
}

fn map_texts(value: &mut Value, concerns: &impl Fn(&str) -> bool, map: &impl Fn(&str) -> String) {
    match value {
        Value::String(text) if concerns(text) => *text = map(text),
        Value::Array(items) => items.iter_mut().for_each(|item| map_texts(item, concerns, map)),
        Value::Object(fields) => {
            if fields.keys().any(|key| concerns(key)) {
                let renamed = std::mem::take(fields).into_iter();
                *fields = renamed.map(|(key, value)| (map(&key), value)).collect();
            }
            fields.values_mut().for_each(|value| map_texts(value, concerns, map));
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_stored_can_be_read_again_however_deeply_it_nests() {
        let nested = (0..300).fold(json!(1), |inner, _| json!([inner]));
        let part = Part::tool_result("a", "execute", nested, false);
        let kept = stored(&vec![part]).to_string();
        let read: Value = serde_json::from_str(&kept).unwrap();
        assert!(matches!(content(read)[0], Part::ToolResult { result: Some(Value::Array(_)), .. }));
        let flat = json!([[1, { "a": [2] }]]);
        assert_eq!(stored(&flat), flat);
    }

    #[test]
    fn nul_characters_survive_storage() {
        let values = [
            json!("a\0b"),
            json!({ "k\0": ["\u{e000}", "\u{e000}0", "\0\0", "\u{e000}\0", "\u{e000}1"], "plain": 1 }),
        ];
        for value in values {
            let mut kept = value.clone();
            escape_nul(&mut kept);
            assert!(!kept.to_string().contains("\\u0000"), "{kept}");
            unescape_nul(&mut kept);
            assert_eq!(kept, value);
        }
    }
}
