//! Turns under the protocols of different providers: what a model sealed comes back to it from the database.

use serde_json::{Value, json};
use warren_vocab::AiProviderType;

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
