//! Reads what the server says about chats the way a program must that may be older than the server: what it does not know
//! is named, and does not keep it from reading the rest. Pure.

use chrono::{DateTime, Utc};
use serde_json::Value;
use warren_api::chats::{ChatMessagePart, ChatMessageUsage, ChatStreamEvent};

/// A part of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    Known(ChatMessagePart),
    /// The kind, as the server calls it.
    Unknown(String),
}

/// A message, or one that waits in the queue.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    pub id: Option<i64>,
    /// `user`, `assistant`, `tool`, `system`, or what a later server says.
    pub role: String,
    pub created_at: Option<DateTime<Utc>>,
    pub model_config_id: Option<String>,
    pub parts: Vec<Part>,
    pub usage: ChatMessageUsage,
}

/// Reads a message.
pub fn message(value: &Value) -> Message {
    let word = |field: &str| value.get(field).and_then(Value::as_str).map(str::to_owned);
    let parts = value.get("content").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let usage = value.get("usage").cloned().unwrap_or_default();
    Message {
        id: value.get("id").and_then(Value::as_i64),
        role: word("role").unwrap_or_else(|| "user".into()),
        created_at: word("created_at").and_then(|text| text.parse().ok()),
        model_config_id: word("model_config_id"),
        parts: parts.iter().map(part).collect(),
        usage: serde_json::from_value(usage).unwrap_or_default(),
    }
}

/// Reads the events of a frame that are known. What is not known comes back as its kinds, each once.
pub fn events(frame: Vec<Value>) -> (Vec<ChatStreamEvent>, Vec<String>) {
    let (mut events, mut unknown) = (Vec::new(), Vec::new());
    for mut value in frame {
        let event_kind = kind(&value);
        if let Some(Value::Array(parts)) = value.pointer_mut("/message/content") {
            parts.retain(|one| match part(one) {
                Part::Known(_) => true,
                Part::Unknown(kind) => {
                    unknown.push(kind);
                    false
                }
            });
        }
        let part_kind = value.pointer("/message_part/part").map(kind);
        match serde_json::from_value(value) {
            Ok(event) => events.push(event),
            Err(_) => unknown.push(part_kind.unwrap_or(event_kind)),
        }
    }
    unknown.sort();
    unknown.dedup();
    (events, unknown)
}

fn part(value: &Value) -> Part {
    match serde_json::from_value(value.clone()) {
        Ok(part) => Part::Known(part),
        Err(_) => Part::Unknown(kind(value)),
    }
}

fn kind(value: &Value) -> String {
    value.get("type").and_then(Value::as_str).unwrap_or("?").to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CHAT: &str = "00000000-0000-0000-0000-000000000000";

    #[test]
    fn what_a_newer_server_says_is_named_and_the_rest_is_read() {
        let message = json!({
            "id": 3, "chat_id": CHAT, "created_at": "2026-11-26T10:00:00Z", "role": "assistant", "mood": "good",
            "content": [{ "type": "text", "text": "hi" }, { "type": "hologram", "data": 1 }],
        });
        let frame = vec![
            json!({ "type": "message", "chat_id": CHAT, "message": message, "cursor": "c1" }),
            json!({ "type": "message_part", "chat_id": CHAT, "message_part": { "part": { "type": "smell" } } }),
            json!({ "type": "confetti", "chat_id": CHAT }),
            json!({ "type": "confetti", "chat_id": CHAT }),
        ];
        let (events, unknown) = events(frame);
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].message.as_ref().unwrap().content, [ChatMessagePart::text("hi")]);
        assert_eq!(unknown, ["confetti", "hologram", "smell"]);
        let read = super::message(&message);
        assert_eq!(read.parts, [Part::Known(ChatMessagePart::text("hi")), Part::Unknown("hologram".into())]);
        assert_eq!((read.id, read.role.as_str()), (Some(3), "assistant"));
    }

    #[test]
    fn a_message_without_anything_is_read_as_an_empty_one() {
        let read = message(&json!({}));
        assert_eq!((read.id, read.parts.len(), read.created_at), (None, 0, None));
        assert_eq!(message(&json!("text")).parts, []);
    }
}
