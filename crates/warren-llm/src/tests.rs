//! Runs the client against a server that speaks the real protocol and is scripted for each test.

use axum::{Router, body::Body, http::StatusCode, response::IntoResponse, routing::post};
use futures::StreamExt;
use serde_json::{Value, json};
use warren_vocab::ChatErrorKind;

use crate::{
    AssistantBlock, Message, Model, ModelError, ModelEvent, ModelRequest, OpenAiCompatible, OpenAiConfig,
    ToolCall, ToolResult, ToolSpec, Usage,
};

#[tokio::test]
async fn text_comes_in_pieces_and_ends_with_the_usage() {
    let base_url = serve(
        200,
        sse(&[
            json!({"choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hel"}}]}),
            json!({"choices": [{"index": 0, "delta": {"content": "lo"}}]}),
            json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}),
            json!({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}}),
        ]),
    )
    .await;
    let events = ask(&base_url).await.unwrap();
    assert_eq!(events[..2], [ModelEvent::Text("Hel".into()), ModelEvent::Text("lo".into())]);
    let usage =
        Usage { input_tokens: Some(7), output_tokens: Some(2), total_tokens: Some(9), ..Usage::default() };
    assert!(matches!(&events[2], ModelEvent::End { usage: found, .. } if *found == usage), "{:?}", events[2]);
}

#[tokio::test]
async fn two_tool_calls_keep_their_arguments_apart() {
    let call = |delta: Value| json!({"choices": [{"index": 0, "delta": {"tool_calls": [delta]}}]});
    let base_url = serve(200, sse(&[
        call(json!({"index": 0, "id": "a", "type": "function", "function": {"name": "execute", "arguments": ""}})),
        call(json!({"index": 0, "function": {"arguments": "{\"x\""}})),
        call(json!({"index": 0, "function": {"arguments": ":1}"}})),
        call(json!({"index": 1, "id": "b", "type": "function", "function": {"name": "read_file", "arguments": "{}"}})),
        json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}),
    ])).await;
    let events = ask(&base_url).await.unwrap();
    let args = |wanted: &str| -> String {
        let deltas = events.iter().filter_map(|event| match event {
            ModelEvent::ToolCall { call_id, args_delta, .. } if call_id == wanted => {
                Some(args_delta.as_str())
            }
            ModelEvent::ToolCall { .. }
            | ModelEvent::Text(_)
            | ModelEvent::Reasoning(_)
            | ModelEvent::ReasoningSignature { .. }
            | ModelEvent::ToolCallMetadata { .. }
            | ModelEvent::ProviderResult { .. }
            | ModelEvent::Source { .. }
            | ModelEvent::End { .. } => None,
        });
        deltas.collect()
    };
    assert_eq!(args("a"), r#"{"x":1}"#);
    assert_eq!(args("b"), "{}");
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_an_error_that_may_pass() {
    let piece = json!({"choices": [{"index": 0, "delta": {"content": "half"}}]});
    let base_url = serve(200, format!("data: {piece}\n\n")).await;
    let error = ask(&base_url).await.unwrap_err();
    assert!(error.retryable);
    assert!(error.message.contains("before the answer was complete"), "{error}");
}

#[tokio::test]
async fn a_refused_key_is_said_so() {
    let base_url = serve(401, json!({"error": {"message": "bad key"}}).to_string()).await;
    let error = ask(&base_url).await.unwrap_err();
    assert_eq!((error.kind, error.retryable, error.status), (ChatErrorKind::Auth, false, Some(401)));
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_named() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/v1", free.local_addr().unwrap());
    drop(free);
    let error = ask(&base_url).await.unwrap_err();
    assert!(error.retryable);
    assert_eq!(
        error.message,
        format!("The model provider at {base_url} cannot be reached; check its base URL and that it runs.")
    );
}

async fn ask(base_url: &str) -> Result<Vec<ModelEvent>, ModelError> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = OpenAiConfig { base_url: base_url.into(), api_key: None, model: "scripted".into() };
    let mut stream = OpenAiCompatible::new(config).stream(request()).await?;
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
        max_output_tokens: Some(100),
        ..ModelRequest::default()
    }
}

fn sse(frames: &[Value]) -> String {
    let frames: String = frames.iter().map(|frame| format!("data: {frame}\n\n")).collect();
    format!("{frames}data: [DONE]\n\n")
}

async fn serve(status: u16, body: String) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
    let status = StatusCode::from_u16(status).unwrap();
    let answer = move |request: axum::Json<Value>| async move {
        let roles: Vec<_> =
            request["messages"].as_array().unwrap().iter().map(|m| m["role"].clone()).collect();
        assert_eq!(roles, ["system", "user", "assistant", "tool"]);
        (status, [("content-type", "text/event-stream")], Body::from(body)).into_response()
    };
    let router = Router::new().route("/v1/chat/completions", post(answer));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    base_url
}
