//! Streams that break in the middle are followed to their end, and nothing is printed twice.

use serde_json::{Value, json};

use crate::{
    fake::{Connection, Fake},
    warren,
};

const CHAT: &str = "6b0e6a39-3d8e-4a53-b1f2-6c0f5f8d2f10";

fn message(id: i64, role: &str, text: &str) -> Value {
    json!({"type": "message", "chat_id": CHAT, "message": {
        "id": id, "chat_id": CHAT, "created_at": "2026-01-01T00:00:00Z", "role": role,
        "content": [{"type": "text", "text": text}],
    }})
}

fn part(attempt: i64, seq: i64, text: &str) -> Value {
    json!({"type": "message_part", "chat_id": CHAT, "message_part": {
        "role": "assistant", "part": {"type": "text", "text": text},
        "history_version": 1, "generation_attempt": attempt, "seq": seq,
    }})
}

fn status(status: &str) -> Value {
    json!({"type": "status", "chat_id": CHAT, "status": {"status": status}})
}

async fn follow(fake: &Fake) -> warren_testkit::Finished {
    warren(&["--url", &fake.url, "--token", "secret", "chat", "follow", CHAT], &[]).await
}

#[tokio::test]
async fn a_chat_whose_server_dies_in_the_middle_is_printed_exactly_once() {
    let script = vec![
        Connection {
            frames: vec![
                json!([message(1, "user", "count"), status("running")]),
                json!([part(1, 1, "one "), part(1, 2, "two ")]),
            ],
            close: 1011,
        },
        Connection {
            frames: vec![
                json!([status("running"), {"type": "preview_reset", "chat_id": CHAT}]),
                json!([part(2, 1, "one two "), part(2, 2, "three")]),
                json!([message(2, "assistant", "one two three"), status("waiting")]),
            ],
            close: 1000,
        },
    ];
    let fake = Fake::start(script).await;
    let done = follow(&fake).await;
    assert_eq!(
        (done.code(), done.stdout.as_str()),
        (Some(0), "> count\n\none two three\n"),
        "{}",
        done.stderr
    );
    assert_eq!(fake.queries(), ["", "after_id=1"]);
}

#[tokio::test]
async fn a_chat_that_stops_with_an_error_fails_with_its_reason() {
    let error = json!({"type": "error", "chat_id": CHAT, "error": {
        "message": "The model cannot be reached.", "retryable": true,
    }});
    let frames = vec![json!([message(1, "user", "hi"), status("error"), error])];
    let fake = Fake::start(vec![Connection { frames, close: 1000 }]).await;
    let done = follow(&fake).await;
    assert_eq!(done.code(), Some(1));
    assert_eq!(done.stderr, "error: the chat stopped: The model cannot be reached.\n");
}
