//! Answers that break the protocol of their provider, or ask for tools in ways that nobody can carry out. Whatever comes, the
//! chat ends its turn, its history can be read, and the next message is answered.

use std::time::Duration;

use serde_json::{Value, json};
use warren_chat::WorkerConfig;
use warren_db::query::chat_messages::Slice;
use warren_vocab::{AiProviderType, BusyBehavior, ChatId, ChatStatus, MessageRole};

use crate::support::{Stage, View};

/// What is wrong, and the steps of the answer that is.
type Row = (&'static str, Value);

/// Levels that JSON parsers still read, but not inside a message.
const DEEP: usize = 120;

fn data(frame: &Value) -> Value {
    json!({ "raw": format!("data: {frame}\n\n") })
}

fn call(name: &str, id: &str, raw_args: &str) -> Value {
    json!({ "tool_call": { "name": name, "id": id, "raw_args": raw_args } })
}

fn nested(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}

fn raw_bytes(before: &str, bytes: &[u8]) -> Value {
    let all = [before.as_bytes(), bytes].concat();
    json!({ "raw_bytes": all })
}

/// Bytes that are no stream of events.
fn bytes() -> Vec<Row> {
    let mut silent = vec![json!({ "text": "Hm" })];
    silent.extend((0..400).flat_map(|_| [json!({ "delay_ms": 50 }), json!({ "raw": ": alive\n\n" })]));
    let page = "<!DOCTYPE html>\n<html><body>\ndata: 502\n</body></html>\n\n";
    let html = json!({ "status": 200, "message": page, "headers": { "content-type": "text/html" } });
    vec![
        ("garbage", json!([{ "text": "Hm" }, { "raw": "data: {oh no\n\n" }])),
        ("a page among events", json!([{ "raw": page }, { "cut": null }])),
        ("a page", json!([{ "fail": html }])),
        (
            "an end in a character",
            json!([raw_bytes("data: {\"choices\": \"", &[0xf0, 0x9f]), { "cut": null }]),
        ),
        ("bytes of no character", json!([raw_bytes("data: \"", &[0xff, 0xfe, b'"', b'\n', b'\n'])])),
        ("half a character", json!([{ "raw": "data: {\"x\": \"\\ud83d\"}\n\n" }])),
        ("an endless line", json!([{ "raw": format!("data: \"{}\"\n\n", "x".repeat(17 << 20)) }])),
        ("nothing but signs of life", Value::Array(silent)),
        ("no event", json!([{ "cut": null }])),
        ("nothing", json!([])),
        ("a deep frame", json!([{ "raw": format!("data: {}\n\n", nested(127)) }])),
        (
            "frames of other types",
            json!([{ "raw": "data: 7\n\ndata: null\n\ndata: \"x\"\n\ndata: []\n\n" }, { "text": "ok" }]),
        ),
        (
            "an error",
            json!([{ "text": "Hm" }, { "error": { "kind": "overloaded_error", "message": "busy" } }]),
        ),
        ("text with a NUL", json!([{ "text": "a\0b \u{e000} c" }])),
    ]
}

/// Calls that no tool can carry out.
fn calls() -> Vec<Row> {
    let name = "x".repeat(5000);
    let many = (0..200).map(|n| call("list_templates", &format!("n{n}"), "{}")).collect();
    vec![
        ("arguments that end early", json!([call("execute", "a", "{\"command\": \"l")])),
        ("arguments that are a list", json!([call("execute", "a", "[\"ls\"]")])),
        ("arguments that are nothing", json!([call("execute", "a", "null")])),
        ("arguments that are a number", json!([call("execute", "a", "1e999")])),
        ("arguments that are a text", json!([call("execute", "a", "\"ls\"")])),
        (
            "arguments with a NUL",
            json!([call("execute", "a", "{\"command\": \"a\\u0000b\", \"\\u0000\": 1}")]),
        ),
        ("arguments that are deep", json!([call("execute", "a", &nested(DEEP))])),
        (
            "arguments that are deep inside",
            json!([call("execute", "a", &format!("{{\"command\": {}}}", nested(DEEP)))]),
        ),
        ("arguments that are very deep", json!([call("execute", "a", &nested(50_000))])),
        (
            "arguments that are long",
            json!([call("execute", "a", &format!("{{\"x\": {:?}}}", "y".repeat(200_000)))]),
        ),
        ("no name", json!([call("", "a", "{}")])),
        ("a strange name", json!([call("rm -rf\n\0 ü", "a", "{}")])),
        ("a long name", json!([call(&name, "a", "{}")])),
        ("no id", json!([call("list_templates", "", "{}"), call("list_templates", "", "{}")])),
        ("the same id", json!([call("list_templates", "a", "{}"), call("list_files", "a", "{}")])),
        ("a long id", json!([call("list_templates", &name, "{}"), call("list_templates", &name, "{}")])),
        ("a strange id", json!([call("list_templates", "\0 ü\u{e000}", "{}")])),
        ("very many", Value::Array(many)),
    ]
}

fn chat() -> Vec<Row> {
    let delta = |delta: Value| data(&json!({ "choices": [{ "index": 0, "delta": delta }] }));
    let piece = |piece: Value| delta(json!({ "tool_calls": [piece] }));
    let end = |word: &str| data(&json!({ "choices": [{ "delta": {}, "finish_reason": word }] }));
    let usage = json!({ "choices": [], "usage": { "prompt_tokens": i64::MAX, "completion_tokens": i64::MAX, "total_tokens": -1 } });
    vec![
        (
            "a piece of an unknown call",
            json!([piece(json!({ "index": 7, "function": { "arguments": "{}" } }))]),
        ),
        ("a piece without a place", json!([piece(json!({ "function": { "arguments": "{\"" } }))])),
        (
            "pieces of wrong types",
            json!([
                delta(json!({ "content": { "a": 1 }, "tool_calls": "x" })),
                piece(json!(7)),
                piece(json!({ "index": "x", "id": 7, "function": [] }))
            ]),
        ),
        (
            "choices that are none",
            json!([data(&json!({ "choices": "x" })), data(&json!({ "choices": [7] }))]),
        ),
        ("two ends", json!([{ "text": "a" }, end("stop"), { "text": "b" }, end("tool_calls")])),
        ("an end before all", json!([{ "raw": "data: [DONE]\n\n" }, { "text": "a" }])),
        ("an unknown end", json!([{ "text": "a" }, end("whatever")])),
        ("counts that cannot be", json!([{ "text": "a" }, data(&usage)])),
    ]
}

fn responses() -> Vec<Row> {
    let item = |kind: &str, item: Value| data(&json!({ "type": kind, "output_index": 3, "item": item }));
    let text = |delta: Value| data(&json!({ "type": "response.output_text.delta", "delta": delta }));
    let end = || {
        data(
            &json!({ "type": "response.completed", "response": { "usage": { "input_tokens": i64::MAX, "output_tokens": i64::MAX } } }),
        )
    };
    vec![
        (
            "a piece of an unknown call",
            json!([data(
                &json!({ "type": "response.function_call_arguments.delta", "output_index": 9, "delta": "{}" })
            )]),
        ),
        (
            "a call that only ends",
            json!([item(
                "response.output_item.done",
                json!({ "type": "function_call", "name": "list_templates", "arguments": "{}" })
            )]),
        ),
        (
            "a call without a name",
            json!([item("response.output_item.done", json!({ "type": "function_call" }))]),
        ),
        (
            "items of wrong types",
            json!([
                item("response.output_item.added", json!(7)),
                item("response.output_item.done", json!({ "type": 7 })),
                text(json!({ "a": 1 })),
                text(json!("ok"))
            ]),
        ),
        ("two ends", json!([text(json!("a")), end(), text(json!("b")), end()])),
        (
            "a failure without a reason",
            json!([text(json!("a")), data(&json!({ "type": "response.failed" }))]),
        ),
        (
            "a deep seal",
            json!([
                item(
                    "response.output_item.done",
                    json!({ "type": "reasoning", "encrypted_content": "s", "summary": [serde_json::from_str::<Value>(&nested(95)).unwrap()] })
                ),
                text(json!("a"))
            ]),
        ),
    ]
}

fn anthropic() -> Vec<Row> {
    let start = |index: i64, block: Value| {
        data(&json!({ "type": "content_block_start", "index": index, "content_block": block }))
    };
    let delta = |index: i64, delta: Value| {
        data(&json!({ "type": "content_block_delta", "index": index, "delta": delta }))
    };
    let text = |index| delta(index, json!({ "type": "text_delta", "text": "ok" }));
    let args = |index| delta(index, json!({ "type": "input_json_delta", "partial_json": "{}" }));
    let stop = || data(&json!({ "type": "message_stop" }));
    let use_of = |name: &str| json!({ "type": "tool_use", "id": "a", "name": name, "input": {} });
    let usage = json!({ "input_tokens": i64::MAX, "cache_read_input_tokens": i64::MAX, "output_tokens": -1 });
    vec![
        ("a piece of an unknown call", json!([args(9), text(9)])),
        ("a call without a name", json!([start(0, json!({ "type": "tool_use" })), args(0)])),
        (
            "the same place twice",
            json!([start(0, use_of("list_templates")), args(0), start(0, use_of("list_files")), args(0)]),
        ),
        ("a stop of nothing", json!([data(&json!({ "type": "content_block_stop", "index": 5 })), text(0)])),
        (
            "places of wrong types",
            json!([
                data(&json!({ "type": "content_block_start", "index": "x", "content_block": 7 })),
                text(-1)
            ]),
        ),
        (
            "a seal of nothing",
            json!([delta(4, json!({ "type": "signature_delta", "signature": "s" })), text(0)]),
        ),
        (
            "a thought that nobody seals",
            json!([
                start(0, json!({ "type": "thinking", "thinking": "Hm" })),
                start(1, json!({ "type": "redacted_thinking", "data": { "a": [1] } })),
                text(2)
            ]),
        ),
        ("an end before all", json!([stop(), text(0)])),
        (
            "two ends",
            json!([
                text(0),
                data(&json!({ "type": "message_delta", "delta": { "stop_reason": "end_turn" } })),
                stop(),
                text(0),
                stop()
            ]),
        ),
        (
            "two beginnings",
            json!([data(&json!({ "type": "message_start", "message": { "usage": usage } })), text(0)]),
        ),
        (
            "a result of a search that nobody asked for",
            json!([
                start(0, json!({ "type": "web_search_tool_result", "tool_use_id": "zz", "content": [] })),
                text(1)
            ]),
        ),
        (
            "a search without a result",
            json!([
                start(0, json!({ "type": "server_tool_use", "id": "s", "name": "web_search", "input": {} })),
                text(1)
            ]),
        ),
    ]
}

fn google() -> Vec<Row> {
    let parts = |parts: Value| data(&json!({ "candidates": [{ "content": { "parts": parts } }] }));
    let end = |word: &str| {
        data(
            &json!({ "candidates": [{ "finishReason": word }], "usageMetadata": { "promptTokenCount": i64::MAX, "thoughtsTokenCount": i64::MAX, "candidatesTokenCount": i64::MAX } }),
        )
    };
    vec![
        ("a call without a name", json!([parts(json!([{ "functionCall": {} }]))])),
        (
            "arguments of another type",
            json!([parts(json!([{ "functionCall": { "name": "execute", "args": "ls" } }]))]),
        ),
        (
            "parts of wrong types",
            json!([
                parts(json!("x")),
                parts(json!([7, { "text": 7 }, { "functionCall": 7 }])),
                data(&json!({ "candidates": {} })),
                parts(json!([{ "text": "ok" }]))
            ]),
        ),
        (
            "two ends",
            json!([
                parts(json!([{ "text": "a" }])),
                end("STOP"),
                parts(json!([{ "text": "b" }])),
                end("MAX_TOKENS")
            ]),
        ),
        ("a call that the provider could not read", json!([end("MALFORMED_FUNCTION_CALL")])),
        (
            "a prompt that is held back",
            json!([data(&json!({ "promptFeedback": { "blockReason": "OTHER" } }))]),
        ),
        (
            "a seal of nothing",
            json!([parts(
                json!([{ "thoughtSignature": "s" }, { "text": "", "thoughtSignature": "t" }, { "text": "ok" }])
            )]),
        ),
    ]
}

#[tokio::test]
async fn no_answer_of_a_compatible_provider_wedges_a_chat() {
    no_answer_wedges_a_chat(AiProviderType::OpenaiCompat, chat()).await;
}

#[tokio::test]
async fn no_answer_over_the_responses_protocol_wedges_a_chat() {
    no_answer_wedges_a_chat(AiProviderType::Openai, responses()).await;
}

#[tokio::test]
async fn no_answer_of_anthropic_wedges_a_chat() {
    no_answer_wedges_a_chat(AiProviderType::Anthropic, anthropic()).await;
}

#[tokio::test]
async fn no_answer_of_gemini_wedges_a_chat() {
    no_answer_wedges_a_chat(AiProviderType::Google, google()).await;
}

async fn no_answer_wedges_a_chat(provider: AiProviderType, own: Vec<Row>) {
    let times = (Duration::from_millis(1), Duration::from_secs(4));
    let (retry_first, retry_max, first_event, silence) = (times.0, times.0, times.1, times.1);
    let makes_titles = false;
    let config = WorkerConfig {
        retry_first,
        retry_max,
        first_event,
        silence,
        makes_titles,
        ..WorkerConfig::default()
    };
    let stage = Stage::with_config(config).await;
    let rows: Vec<Row> = [bytes(), calls(), own].concat();
    let model = stage.with_script_of(provider, &script(&rows)).await;
    let mut chats = Vec::new();
    for place in 0..rows.len() {
        chats.push(stage.create(&question(place)).await);
    }
    for ((what, _), chat) in rows.iter().zip(chats) {
        let mut view = stage.view(chat).await;
        view.until(what, |view| is_over(view, 1)).await;
        assert_readable(&stage, chat, what).await;
        stage.chat.send(&stage.subject, chat, Stage::message("go on", BusyBehavior::Queue)).await.unwrap();
        view.until(what, |view| is_over(view, 2)).await;
        assert_eq!(view.status, Some(ChatStatus::Waiting), "{what}: {:?}", view.error);
        assert_eq!(view.story().last().unwrap().1, "Here.", "{what}");
        assert_readable(&stage, chat, what).await;
    }
    for request in model.requests() {
        assert_sendable(&request);
    }
}

/// The question names its row; `go on` names none and is answered properly, as is whatever is asked again.
fn script(rows: &[Row]) -> Value {
    let broken = rows.iter().enumerate().map(|(place, (_, steps))| {
        json!({ "when": { "user": question(place), "tool_results": 0, "nth": 1 }, "steps": steps })
    });
    let mut turns: Vec<_> = broken.collect();
    turns.push(json!({ "steps": [{ "text": "Here." }] }));
    json!({ "turns": turns })
}

fn question(place: usize) -> String {
    format!("question {place};")
}

fn is_over(view: &View, n_questions: usize) -> bool {
    let asked = view.messages.iter().filter(|message| message.role == MessageRole::User).count();
    asked == n_questions && matches!(view.status, Some(ChatStatus::Waiting | ChatStatus::Error))
}

/// The history comes back, and clients that read JSON no deeper than ours can read it.
async fn assert_readable(stage: &Stage, chat: ChatId, what: &str) {
    let slice = Slice { before: None, after: None, newest_first: false, limit: 200 };
    let (messages, _) = stage.chat.messages(&stage.subject, chat, slice).await.expect(what);
    let shown: Vec<_> = messages.iter().map(|message| json!({ "content": message.content })).collect();
    let shown = json!([{ "chat": { "messages": shown } }]).to_string();
    serde_json::from_str::<Value>(&shown).expect(what);
    assert!(shown.len() < 20 << 20, "{what}: {} bytes", shown.len());
}

/// Every name of a call in a request is one that providers take; ids are as the provider gave them.
fn assert_sendable(request: &Value) {
    match request {
        Value::Array(items) => items.iter().for_each(assert_sendable),
        Value::Object(fields) => {
            for named in ["function", "functionCall", "functionResponse"] {
                if let Some(name) = fields.get(named).map(|named| &named["name"]) {
                    assert_plain(name, 64);
                }
            }
            if fields.get("type").is_some_and(|kind| kind == "tool_use" || kind == "function_call") {
                assert_plain(&fields["name"], 64);
            }
            fields.values().for_each(assert_sendable);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn assert_plain(name: &Value, len_max: usize) {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let name = name.as_str().unwrap_or_else(|| panic!("{name} is no text"));
    assert!(!name.is_empty() && name.len() <= len_max && name.chars().all(is_plain), "{name:?}");
}
