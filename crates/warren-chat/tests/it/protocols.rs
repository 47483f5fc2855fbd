//! Turns under the protocols of different providers: what a model sealed comes back to it from the database.

use serde_json::{Value, json};
use warren_chat::proto::Part;
use warren_vocab::{AiProviderType, BusyBehavior, MessageRole};

use crate::support::Stage;

/// Thinks, seals, uses a tool and ends.
fn script() -> Value {
    json!({ "turns": [
        { "when": { "tool_results": 0 }, "steps": [
            { "reasoning": "Where is it? " }, { "signature": "seal" }, { "text": "I look." },
            { "tool_call": { "name": "list_templates", "args": {} } } ] },
        { "steps": [{ "text": "Done." }] },
    ] })
}

async fn second_request(provider_type: AiProviderType) -> Value {
    let stage = Stage::new().await;
    let model = stage.with_script_of(provider_type, &script()).await;
    let chat = stage.create("look").await;
    let mut view = stage.view(chat).await;
    view.until_waiting().await;
    assert_eq!(view.story().last().unwrap().1, "Done.");
    let requests = model.requests();
    assert_eq!(requests.len(), 2);
    requests[1].clone()
}

#[tokio::test]
async fn signed_thoughts_come_back_to_anthropic_from_the_history() {
    let sent = second_request(AiProviderType::Anthropic).await;
    let answer = &sent["messages"][1]["content"];
    assert_eq!(answer[0], json!({"type": "thinking", "thinking": "Where is it? ", "signature": "seal"}));
    assert_eq!((&answer[1]["type"], &answer[2]["type"]), (&json!("text"), &json!("tool_use")));
    assert_eq!(sent["messages"][2]["content"][0]["type"], "tool_result");
}

#[tokio::test]
async fn seals_of_calls_come_back_to_gemini_from_the_history() {
    let sent = second_request(AiProviderType::Google).await;
    let parts = sent["contents"][1]["parts"].as_array().unwrap();
    let call = parts.iter().find(|part| part["functionCall"].is_object()).unwrap();
    assert_eq!(
        (&call["functionCall"]["name"], &call["thoughtSignature"]),
        (&json!("list_templates"), &json!("seal"))
    );
}

/// The blocks of an answer that thinks between its calls and searches on the provider's side.
fn blocks() -> Vec<Value> {
    let thought = |text: &str, seal: &str| json!({ "type": "thinking", "thinking": text, "signature": seal });
    let found = json!({ "type": "web_search_result", "url": "https://example.com", "title": "x", "encrypted_content": "e" });
    vec![
        thought("Where is it?", "s1"),
        json!({ "type": "tool_use", "id": "t1", "name": "list_templates", "input": {} }),
        thought("", "s2"),
        thought("Or there?", "s3"),
        json!({ "type": "redacted_thinking", "data": "r" }),
        json!({ "type": "server_tool_use", "id": "srv", "name": "web_search", "input": { "query": "ä \"x\"" } }),
        json!({ "type": "web_search_tool_result", "tool_use_id": "srv", "content": [found] }),
        json!({ "type": "text", "text": "I look." }),
        thought("Once more.", "s4"),
        json!({ "type": "tool_use", "id": "t2", "name": "list_templates", "input": { "query": "go" } }),
    ]
}

/// The frames that tell a block: its beginning, what is streamed of it in two pieces, its end.
fn frames(index: usize, block: &Value) -> Vec<Value> {
    let frame = |kind: &str, field: &str, value: Value| json!({ "type": kind, "index": index, field: value });
    let delta = |delta: Value| frame("content_block_delta", "delta", delta);
    let mut start = block.clone();
    let mut deltas = Vec::new();
    let pieces = |text: &str| -> Vec<String> {
        let middle = text.floor_char_boundary(text.len() / 2);
        vec![text[..middle].to_owned(), text[middle..].to_owned()]
    };
    match block["type"].as_str().unwrap() {
        "thinking" => {
            (start["thinking"], start["signature"]) = (json!(""), json!(""));
            let text = pieces(block["thinking"].as_str().unwrap());
            deltas.extend(
                text.iter().map(|piece| delta(json!({ "type": "thinking_delta", "thinking": piece }))),
            );
            let seal = pieces(block["signature"].as_str().unwrap());
            deltas.extend(
                seal.iter().map(|piece| delta(json!({ "type": "signature_delta", "signature": piece }))),
            );
        }
        "text" => {
            start["text"] = json!("");
            let text = pieces(block["text"].as_str().unwrap());
            deltas.extend(text.iter().map(|piece| delta(json!({ "type": "text_delta", "text": piece }))));
        }
        "tool_use" | "server_tool_use" => {
            start["input"] = json!({});
            let input = pieces(&block["input"].to_string());
            deltas.extend(
                input.iter().map(|piece| delta(json!({ "type": "input_json_delta", "partial_json": piece }))),
            );
        }
        _ => {}
    }
    let begin = frame("content_block_start", "content_block", start);
    let end = json!({ "type": "content_block_stop", "index": index });
    std::iter::once(begin).chain(deltas).chain([end]).collect()
}

/// What was sent of an answer, without the marks for the provider's cache.
fn sent_blocks(request: &Value, message: usize) -> Vec<Value> {
    let mut blocks = request["messages"][message]["content"].as_array().unwrap().clone();
    for block in &mut blocks {
        block.as_object_mut().unwrap().remove("cache_control");
    }
    blocks
}

#[tokio::test]
async fn every_block_of_an_answer_comes_back_to_anthropic_as_it_was_and_in_its_place() {
    let stage = Stage::new().await;
    let blocks = blocks();
    let frames = blocks.iter().enumerate().flat_map(|(index, block)| frames(index, block));
    let steps: Vec<_> = frames.map(|frame| json!({ "raw": format!("data: {frame}\n\n") })).collect();
    let script = json!({ "turns": [
        { "when": { "user": "look", "tool_results": 0 }, "steps": steps },
        { "steps": [{ "text": "Done." }] },
    ] });
    let model = stage.with_script_of(AiProviderType::Anthropic, &script).await;
    let chat = stage.create("look").await;
    let mut view = stage.view(chat).await;
    view.until_waiting().await;
    // What the provider ran itself stays in its message and gets no result of ours.
    let roles: Vec<_> = view.messages.iter().map(|message| message.role).collect();
    assert_eq!(roles, [MessageRole::User, MessageRole::Assistant, MessageRole::Tool, MessageRole::Assistant]);
    let is_theirs = |part: &&Part| {
        matches!(
            part,
            Part::ToolCall { provider_executed: true, .. } | Part::ToolResult { provider_executed: true, .. }
        )
    };
    assert_eq!(view.messages[1].content.iter().filter(is_theirs).count(), 2);
    assert_eq!(view.messages[2].content.len(), 2, "two calls were ours");
    stage.chat.send(&stage.subject, chat, Stage::message("thanks", BusyBehavior::Queue)).await.unwrap();
    view.until("the next answer", |view| view.messages.len() == 6).await;
    let requests = model.requests();
    assert_eq!(requests.len(), 3);
    for request in &requests[1..] {
        assert_eq!(sent_blocks(request, 1), blocks, "within the turn and after it");
    }
}

#[tokio::test]
async fn a_provider_that_pauses_is_asked_to_go_on_and_the_answer_is_one_message() {
    let stage = Stage::new().await;
    let search =
        json!({ "type": "server_tool_use", "id": "srv", "name": "web_search", "input": { "query": "x" } });
    let found = json!({ "type": "web_search_tool_result", "tool_use_id": "srv", "content": [] });
    let blocks = [json!({ "type": "text", "text": "I search. " }), search, found];
    let frames = blocks.iter().enumerate().flat_map(|(index, block)| frames(index, block));
    let pause = json!({ "type": "message_delta", "delta": { "stop_reason": "pause_turn" }, "usage": { "output_tokens": 7 } });
    let frames = frames.chain([pause, json!({ "type": "message_stop" })]);
    let steps: Vec<_> = frames.map(|frame| json!({ "raw": format!("data: {frame}\n\n") })).collect();
    let script = json!({ "turns": [
        { "when": { "nth": 1 }, "steps": steps },
        { "steps": [{ "text": "Found it." }, { "usage": { "input": 5, "output": 3 } }] },
    ] });
    let model = stage.with_script_of(AiProviderType::Anthropic, &script).await;
    let chat = stage.create("find it").await;
    let mut view = stage.view(chat).await;
    view.until_waiting().await;
    let story: Vec<_> = view.story().into_iter().map(|(_, text)| text).collect();
    assert_eq!(story, ["find it", "I search. Found it."]);
    assert_eq!(view.messages[1].usage.unwrap().output_tokens, Some(10), "both stretches are paid for");
    let requests = model.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[1]["messages"][1]["role"], "assistant");
    assert_eq!(sent_blocks(&requests[1], 1), blocks);
}

#[tokio::test]
async fn an_answer_that_reaches_the_most_tokens_says_that_its_end_is_missing() {
    let stage = Stage::new().await;
    let end = json!({ "choices": [{ "delta": {}, "finish_reason": "length" }] });
    let steps = json!([{ "text": "Half an ans" }, { "raw": format!("data: {end}\n\ndata: [DONE]\n\n") }]);
    let _model = stage.with_script(&json!({ "turns": [{ "steps": steps }] })).await;
    let chat = stage.create("tell").await;
    let mut view = stage.view(chat).await;
    view.until_waiting().await;
    let said = &view.story()[1].1;
    assert!(said.starts_with("Half an ans\n\n[") && said.contains("most tokens"), "{said}");
}

#[tokio::test]
async fn an_id_that_hides_a_seal_comes_back_to_its_provider_as_it_was() {
    let stage = Stage::new().await;
    let id = format!("call_1__thought__{}", "aB+/9=".repeat(1000));
    let call = json!({ "tool_call": { "name": "list_templates", "id": id, "args": {} } });
    let model = stage
        .with_script(&json!({ "turns": [
        { "when": { "tool_results": 0 }, "steps": [call] },
        { "steps": [{ "text": "Done." }] },
    ] }))
        .await;
    let chat = stage.create("list").await;
    let mut view = stage.view(chat).await;
    view.until_waiting().await;
    assert_eq!(stage.tools.calls(), ["list_templates"]);
    let requests = model.requests();
    let messages = requests[1]["messages"].as_array().unwrap();
    let asked = messages.iter().find_map(|one| one["tool_calls"][0]["id"].as_str());
    let answered = messages.iter().find_map(|one| one["tool_call_id"].as_str());
    assert_eq!((asked, answered), (Some(id.as_str()), Some(id.as_str())));
    let shown = serde_json::to_string(&view.results()).unwrap();
    assert!(!shown.contains("aB+/9="), "viewers see an id of ours");
}
