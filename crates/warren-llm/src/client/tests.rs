//! Runs the client against the scripted server, which speaks every protocol from one script.

use futures::StreamExt;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use warren_dev_model::{Script, ScriptedModel};
use warren_rt::Secret;
use warren_vocab::ChatErrorKind;

use super::*;
use crate::{AssistantBlock, FinishReason, Message, Reasoning, ToolCall, ToolResult, ToolSpec, Usage};

const KEY: &str = "a-key-that-nobody-may-see";

/// A type of provider for each protocol.
const ALL: [(AiProviderType, Protocol); 4] = [
    (AiProviderType::OpenaiCompat, Protocol::Chat),
    (AiProviderType::Openai, Protocol::Responses),
    (AiProviderType::Anthropic, Protocol::Anthropic),
    (AiProviderType::Google, Protocol::Google),
];

#[tokio::test]
async fn every_protocol_tells_text_thoughts_calls_and_usage() {
    let script = json!([{"reasoning": "Hm "}, {"signature": "seal"}, {"text": "Hällo 🦀"},
        {"tool_call": {"name": "execute", "args": {"command": "ls"}, "cuts": [1, 3, 9]}},
        {"tool_call": {"name": "read_file", "args": {}}},
        {"usage": {"input": 10, "output": 7, "reasoning": 2, "cache_read": 5}}]);
    for (provider, protocol) in ALL {
        let server = serve(&script).await;
        let told = Told::of(ask(&server, provider).await.unwrap());
        assert_eq!(told.text, "Hällo 🦀", "{protocol:?}");
        assert_eq!(told.reasoning, "Hm ", "{protocol:?}");
        let calls: Vec<_> = told.calls.iter().map(|(_, name, args)| (name.as_str(), args.clone())).collect();
        assert_eq!(calls, [("execute", json!({"command": "ls"})), ("read_file", json!({}))], "{protocol:?}");
        let (reason, usage) = told.end.unwrap();
        assert_eq!(reason, FinishReason::ToolCalls, "{protocol:?}");
        assert_eq!((usage.input_tokens, usage.output_tokens), (Some(10), Some(7)), "{protocol:?}");
        assert_eq!((usage.cache_read_tokens, usage.total_tokens), (Some(5), Some(22)), "{protocol:?}");
    }
}

#[tokio::test]
async fn sealed_thoughts_come_back_exactly_as_they_were() {
    let script = json!([{"reasoning": "Hm"}, {"signature": "seal"},
        {"tool_call": {"name": "execute", "args": {"command": "ls"}}}]);
    let places = [
        (AiProviderType::Openai, "/input/2/encrypted_content"),
        (AiProviderType::Anthropic, "/messages/1/content/0/signature"),
        (AiProviderType::Google, "/contents/1/parts/0/thoughtSignature"),
    ];
    for (provider, place) in places {
        let server = serve(&script).await;
        let told = Told::of(ask(&server, provider).await.unwrap());
        let mut request = request();
        request.messages[1] = Message::Assistant(told.blocks);
        let _ = collect(connect(config(&server, provider)).unwrap().stream(request).await.unwrap()).await;
        let sent = server.requests().pop().unwrap();
        assert_eq!(sent.pointer(place), Some(&json!("seal")), "{provider:?} {sent:#}");
    }
}

#[tokio::test]
async fn what_another_provider_sealed_is_left_out() {
    let foreign = Reasoning {
        text: "Hm".into(),
        signature: Some("seal".into()),
        metadata: Some(json!({"elsewhere": {}})),
    };
    for (provider, protocol) in ALL {
        let server = serve(&json!([{"text": "ok"}])).await;
        let mut request = request();
        if let Message::Assistant(blocks) = &mut request.messages[1] {
            blocks.insert(0, AssistantBlock::Reasoning(foreign.clone()));
        }
        collect(connect(config(&server, provider)).unwrap().stream(request).await.unwrap()).await.unwrap();
        let sent = server.requests().pop().unwrap().to_string();
        assert!(!sent.contains("seal") && !sent.contains("Hm"), "{protocol:?} {sent}");
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_may_be_tried_again_in_every_protocol() {
    for (provider, protocol) in ALL {
        let error = ask(&serve(&json!([{"text": "half"}, "cut"])).await, provider).await.unwrap_err();
        assert_eq!((error.kind, error.retryable), (ChatErrorKind::Timeout, true), "{protocol:?}");
        assert!(error.message.contains("before the answer was complete") && !error.is_unreachable, "{error}");
    }
}

#[tokio::test]
async fn streams_that_break_the_protocol_end_with_an_error_or_are_read_all_the_same() {
    let garbage = [
        (json!([{"text": "a"}, {"raw": "data: {oh no\n\n"}]), "is not JSON"),
        (json!([{"raw_bytes": [100, 97, 116, 97, 58, 32, 255, 254, 10, 10]}]), "is not JSON"),
        (json!([{"error": {"kind": "overloaded_error", "message": "busy"}}]), "overloaded"),
    ];
    for (provider, protocol) in ALL {
        for (script, words) in &garbage {
            let error = ask(&serve(script).await, provider).await.unwrap_err();
            assert!(error.retryable && error.message.contains(words), "{protocol:?} {error}");
        }
        let odd = json!([{"raw": ": comment\n\nevent: news\ndata: {\"type\":\"from.the.future\",\"x\":[1]}\n\ndata:\n\n"},
            {"raw": "data: [1]\n\ndata: null\n\ndata: {\"choices\":[]}\n\n"}, {"text": "ok"}]);
        let told = Told::of(ask(&serve(&odd).await, provider).await.unwrap());
        assert_eq!(told.text, "ok", "{protocol:?}");
    }
}

#[tokio::test]
async fn what_the_prompt_used_is_told_at_once_where_the_provider_says_it() {
    let server = serve(&json!([{"text": "half"}, "stall"])).await;
    let model = connect(config(&server, AiProviderType::Anthropic)).unwrap();
    let mut stream = model.stream(request()).await.unwrap();
    let first = stream.next().await.unwrap().unwrap();
    assert!(matches!(first, ModelEvent::UsedSoFar(used) if used.input_tokens.is_some()), "{first:?}");
    assert_eq!(stream.next().await.unwrap().unwrap(), ModelEvent::Text("half".into()));
}

#[tokio::test]
async fn what_is_no_stream_is_told_as_what_it_is() {
    let body = |kind: &str, message: &str| json!([{"fail": {"status": 200, "message": message, "headers": {"content-type": kind}}}]);
    for (provider, protocol) in ALL {
        let error =
            ask(&serve(&body("application/json", "invalid api key")).await, provider).await.unwrap_err();
        assert_eq!((error.kind, error.retryable), (ChatErrorKind::Auth, false), "{protocol:?} {error}");
        let error =
            ask(&serve(&body("text/html; charset=utf-8", "<html>")).await, provider).await.unwrap_err();
        assert!(error.message.contains("web page") && error.is_unreachable, "{protocol:?} {error}");
    }
}

#[tokio::test]
async fn calls_without_ids_or_with_the_same_id_stay_apart() {
    let twice = json!([{"tool_call": {"name": "a", "id": "x", "args": {"n": 1}}},
        {"tool_call": {"name": "b", "id": "x", "args": {"n": 2}}},
        {"tool_call": {"name": "c", "id": "", "raw_args": "{\"n\": oh"}}]);
    for (provider, protocol) in ALL {
        let told = Told::of(ask(&serve(&twice).await, provider).await.unwrap());
        let ids: std::collections::BTreeSet<_> = told.calls.iter().map(|(id, _, _)| id.clone()).collect();
        assert_eq!((ids.len(), ids.contains("")), (3, false), "{protocol:?}");
        let names: Vec<_> = told.calls.iter().map(|(_, name, _)| name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"], "{protocol:?}");
        assert_eq!(told.calls[1].2, json!({"n": 2}), "{protocol:?}");
        assert!(told.calls[2].2.as_str().is_some_and(|args| args.contains("oh")), "{protocol:?}");
    }
}

#[tokio::test]
async fn a_refusal_tells_the_status_the_wait_and_no_key() {
    let fail = json!([{"fail": {"status": 429, "message": format!("slow down, {KEY}"),
        "headers": {"retry-after-ms": "1500", "retry-after": "9"}}}]);
    for (provider, protocol) in ALL {
        let error = ask(&serve(&fail).await, provider).await.unwrap_err();
        assert_eq!((error.kind, error.status), (ChatErrorKind::RateLimit, Some(429)), "{protocol:?}");
        assert_eq!(error.retry_after, Some(Duration::from_millis(1500)), "{protocol:?}");
        assert!(!format!("{error:?}").contains(KEY), "{error:?}");
    }
}

#[tokio::test]
async fn silence_ends_a_call_before_and_within_the_answer() {
    let short = Duration::from_millis(100);
    for script in [json!(["stall"]), json!([{"text": "a"}, "stall"])] {
        let server = serve(&script).await;
        let deadlines = Deadlines { first_byte: short * 20, silence: short, ..Deadlines::default() };
        let config = ModelConfig { deadlines, ..config(&server, AiProviderType::OpenaiCompat) };
        let answer = connect(config).unwrap().stream(request()).await;
        let error = match answer {
            Ok(stream) => collect(stream).await.unwrap_err(),
            Err(error) => error,
        };
        assert_eq!((error.kind, error.retryable), (ChatErrorKind::StreamSilenceTimeout, true));
    }
}

#[tokio::test]
async fn answers_that_were_read_share_a_connection() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
    let config = || ModelConfig {
        provider: AiProviderType::OpenaiCompat,
        base_url: base_url.clone(),
        api_key: None,
        model: "m".into(),
        settings: Value::Null,
        options: Value::Null,
        deadlines: Deadlines::default(),
    };
    let connector = Connector::new();
    let both = async {
        for _ in 0..2 {
            let model = connector.connect(config()).unwrap();
            collect(model.stream(request()).await.unwrap()).await.unwrap();
        }
    };
    // Accepts once; the end of the body comes apart from the end mark.
    let serving = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        for _ in 0..2 {
            read_request(&mut socket).await;
            let event = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
            let head =
                "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
            let text = format!("{head}{:x}\r\n{event}\r\n", event.len());
            socket.write_all(text.as_bytes()).await.unwrap();
            socket.flush().await.unwrap();
            tokio::task::yield_now().await;
            socket.write_all(b"0\r\n\r\n").await.unwrap();
        }
    };
    let done = tokio::time::timeout(Duration::from_secs(20), async { tokio::join!(both, serving) });
    done.await.expect("the second call opens another connection");
}

/// Reads one request with a body of a known length.
async fn read_request(socket: &mut tokio::net::TcpStream) {
    let mut text = Vec::new();
    loop {
        let read = socket.read_buf(&mut text).await.unwrap();
        assert!(read > 0, "the connection was closed instead of used again");
        let text = String::from_utf8_lossy(&text).to_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()).unwrap();
        if body.len() >= length.parse().unwrap() {
            return;
        }
    }
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_named() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/v1", free.local_addr().unwrap());
    drop(free);
    let server = serve(&json!([])).await;
    let config = ModelConfig { base_url: base_url.clone(), ..config(&server, AiProviderType::OpenaiCompat) };
    let error = connect(config).unwrap().stream(request()).await.err().unwrap();
    assert!(error.retryable && error.is_unreachable);
    assert_eq!(
        error.message,
        format!("The model provider at {base_url} cannot be reached; check its base URL and that it runs.")
    );
}

#[test]
fn the_wait_that_a_provider_asks_for_is_read_in_every_form() {
    let now = DateTime::parse_from_rfc3339("2026-01-01T00:00:00Z").unwrap().with_timezone(&Utc);
    let of = |pairs: &[(&'static str, &'static str)]| {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        retry_after(&pairs.collect(), now)
    };
    assert_eq!(of(&[("retry-after", "7")]), Some(Duration::from_secs(7)));
    assert_eq!(of(&[("retry-after", "1.5")]), Some(Duration::from_millis(1500)));
    assert_eq!(of(&[("retry-after", "9"), ("retry-after-ms", "20")]), Some(Duration::from_millis(20)));
    assert_eq!(of(&[("retry-after", "Thu, 01 Jan 2026 00:00:30 GMT")]), Some(Duration::from_secs(30)));
    for nonsense in ["soon", "-4", "NaN", "inf", "1e400", "Thu, 01 Jan 2015 00:00:30 GMT", ""] {
        assert_eq!(of(&[("retry-after", nonsense)]), None, "{nonsense}");
    }
    assert_eq!(of(&[("retry-after-ms", "x"), ("retry-after", "3")]), Some(Duration::from_secs(3)));
}

/// What an answer told, put together.
#[derive(Default)]
struct Told {
    text: String,
    reasoning: String,
    calls: Vec<(String, String, Value)>,
    /// As it is sent again.
    blocks: Vec<AssistantBlock>,
    end: Option<(FinishReason, Usage)>,
    used_so_far: Option<Usage>,
}

impl Told {
    fn of(events: Vec<ModelEvent>) -> Self {
        let mut told = Self::default();
        let mut args: Vec<(String, String, String)> = Vec::new();
        let mut metadata = std::collections::BTreeMap::new();
        for event in events {
            match event {
                ModelEvent::Text(text) => told.text.push_str(&text),
                ModelEvent::Reasoning(text) => told.reasoning.push_str(&text),
                ModelEvent::ReasoningSignature { signature, metadata } => {
                    let text = told.reasoning.clone();
                    told.blocks.push(AssistantBlock::Reasoning(Reasoning { text, signature, metadata }));
                }
                ModelEvent::ToolCall { call_id, name, args_delta, .. } => {
                    match args.iter_mut().find(|(id, _, _)| *id == call_id) {
                        Some((_, _, text)) => text.push_str(&args_delta),
                        None => args.push((call_id, name, args_delta)),
                    }
                }
                ModelEvent::ToolCallMetadata { call_id, metadata: own } => {
                    metadata.insert(call_id, own);
                }
                ModelEvent::ProviderResult { .. } | ModelEvent::Source { .. } => {}
                ModelEvent::UsedSoFar(usage) => told.used_so_far = Some(usage),
                ModelEvent::End { reason, usage } => told.end = Some((reason, usage)),
            }
        }
        for (call_id, name, text) in args {
            let args = serde_json::from_str(&text).unwrap_or(Value::String(text));
            told.calls.push((call_id.clone(), name.clone(), args.clone()));
            let metadata = metadata.remove(&call_id);
            let call = ToolCall { call_id, name, args, provider_executed: false, metadata };
            told.blocks.push(AssistantBlock::ToolCall(call));
        }
        told
    }
}

/// Every request is answered by the same steps.
async fn serve(steps: &Value) -> ScriptedModel {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let script = json!({"turns": [{ "steps": steps }]}).to_string();
    ScriptedModel::start(Script::parse(&script).unwrap(), "127.0.0.1:0".parse().unwrap()).await.unwrap()
}

fn config(server: &ScriptedModel, provider: AiProviderType) -> ModelConfig {
    let has_version = matches!(provider, AiProviderType::Openai | AiProviderType::OpenaiCompat);
    ModelConfig {
        provider,
        base_url: if has_version { server.base_url() } else { server.root_url() },
        api_key: Some(Secret::new(KEY.to_owned())),
        model: "scripted".into(),
        settings: Value::Null,
        options: json!({"provider_options": {"openai": {"api": "responses"}}}),
        deadlines: Deadlines::default(),
    }
}

fn connect(config: ModelConfig) -> Result<Box<dyn Model>, ModelError> {
    Connector::new().connect(config)
}

async fn ask(server: &ScriptedModel, provider: AiProviderType) -> Result<Vec<ModelEvent>, ModelError> {
    collect(connect(config(server, provider))?.stream(request()).await?).await
}

async fn collect(mut stream: ModelStream) -> Result<Vec<ModelEvent>, ModelError> {
    let mut events = Vec::new();
    while let Some(event) = stream.next().await {
        events.push(event?);
    }
    Ok(events)
}

/// A conversation with every kind of message.
fn request() -> ModelRequest {
    let call = ToolCall {
        call_id: "c".into(),
        name: "execute".into(),
        args: json!({"command": "ls"}),
        provider_executed: false,
        metadata: None,
    };
    let result =
        ToolResult { call_id: "c".into(), name: "execute".into(), content: "{}".into(), is_error: false };
    ModelRequest {
        system: vec!["Be brief.".into()],
        messages: vec![
            Message::User(vec!["hi".into()]),
            Message::Assistant(vec![AssistantBlock::Text("I look.".into()), AssistantBlock::ToolCall(call)]),
            Message::Tool(vec![result]),
        ],
        tools: vec![ToolSpec {
            name: "execute".into(),
            description: "Runs.".into(),
            schema: json!({"type": "object"}),
        }],
        ..ModelRequest::default()
    }
}
