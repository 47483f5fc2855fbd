//! What operators see of chats.

use std::time::Duration;

use serde_json::json;
use warren_chat::{ModelPatch, WorkerConfig};
use warren_vocab::{BusyBehavior, ChatStatus, ModelConfigId};

use crate::support::{DEADLINE, Stage};

const MODEL: &str = r#"{provider="local",model="scripted"}"#;

fn impatient() -> WorkerConfig {
    let (retry_first, retry_max) = (Duration::from_millis(1), Duration::from_millis(5));
    WorkerConfig { retry_first, retry_max, ..WorkerConfig::default() }
}

fn of_tool(name: &str) -> String {
    format!(r#"{{provider="local",model="scripted",tool_name="{name}"}}"#)
}

fn retries(kind: &str) -> String {
    format!(r#"coderd_chatd_stream_retries_total{{provider="local",model="scripted",kind="{kind}"}}"#)
}

fn compactions(result: &str) -> String {
    format!(r#"coderd_chatd_compaction_total{{provider="local",model="scripted",result="{result}"}}"#)
}

#[tokio::test]
async fn answers_attempts_and_tools_are_counted_under_the_name_of_the_model() {
    let stage = Stage::with_config(impatient()).await;
    let call = |name: &str, args| json!({ "tool_call": { "name": name, "args": args } });
    let template = json!({ "template_id": "00000000-0000-4000-8000-000000000000" });
    let model = stage
        .with_script(&json!({ "turns": [
        { "when": { "nth": 1 }, "steps": [{ "fail": { "status": 500, "message": "oops" } }] },
        { "when": { "nth": 1 }, "steps": [{ "text": "Half an answer of many words" }, { "cut": null }] },
        { "when": { "tool_results": 0 }, "steps": [
            call("create_workspace", template),
            call("execute", json!({ "command": "flood" })),
            call("made_up_by_the_model", json!({})) ] },
        { "steps": [{ "text": "All is done with these words." }] },
    ] }))
        .await;
    let chat = stage.create("hello").await;
    let mut view = stage.view(chat).await;
    view.until_waiting().await;
    assert_eq!(model.requests().len(), 4);

    let of_model = |name: &str| stage.figure(&format!("coderd_chatd_{name}{MODEL}"));
    assert_eq!(of_model("steps_total"), 2.0);
    assert_eq!(stage.figure(&retries("generic")), 1.0);
    assert_eq!(stage.figure(&retries("timeout")), 1.0);
    assert_eq!(of_model("ttft_seconds_count"), 3.0, "once for each attempt that began");
    assert_eq!(of_model("message_count_count"), 4.0);
    assert_eq!(of_model("message_count_sum"), 2.0 + 2.0 + 2.0 + 4.0, "the instructions count as one");
    assert_eq!(of_model("prompt_size_bytes_count"), 4.0);
    assert!(of_model("prompt_size_bytes_sum") > 4000.0);
    let of_tool = |name: &str, tool: &str| stage.figure(&format!("coderd_chatd_{name}{}", of_tool(tool)));
    for tool in ["create_workspace", "execute", "external"] {
        assert_eq!(of_tool("tool_result_size_bytes_count", tool), 1.0, "{tool}");
    }
    assert!(of_tool("tool_result_size_bytes_sum", "execute") > 10_000.0);
    let of_each = |name: &str| ["create_workspace", "execute", "external"].map(|tool| of_tool(name, tool));
    assert_eq!(of_each("tool_errors_total"), [0.0, 0.0, 1.0]);
    assert_eq!(of_each("tool_result_truncated_total"), [0.0, 1.0, 0.0]);
}

#[tokio::test]
async fn an_attempt_that_is_not_repeated_is_no_retry() {
    let stage = Stage::with_config(WorkerConfig { attempts_max: 3, ..impatient() }).await;
    let _model = stage
        .with_script(&json!({ "turns": [{ "steps": [{ "fail": { "status": 500, "message": "oops" } }] }] }))
        .await;
    let chat = stage.create("hello").await;
    let mut view = stage.view(chat).await;
    view.until("the error", |view| view.status == Some(ChatStatus::Error)).await;
    assert_eq!(stage.figure(&retries("generic")), 2.0);
}

/// Makes the model's context so small that every answer fills it.
async fn shrink_context(stage: &Stage) {
    let model = stage.chat.models(&stage.subject).await.unwrap().remove(0);
    let patch = ModelPatch { context_limit: Some(1), ..ModelPatch::default() };
    stage.chat.update_model(stage.caller(), ModelConfigId::from_uuid(model.id), patch).await.unwrap();
}

#[tokio::test]
async fn a_summary_is_counted_by_how_it_ended_unless_a_user_ended_it() {
    let stage = Stage::with_config(impatient()).await;
    let aside =
        |nth: usize, steps| json!({ "when": { "purpose": "compaction", "nth": nth }, "steps": steps });
    let model = stage
        .with_script(&json!({ "turns": [
        aside(1, json!([{ "barrier": "gate" }, { "text": "Never said." }])),
        aside(1, json!([{ "fail": { "status": 401, "message": "bad key" } }])),
        aside(1, json!([{ "text": "They greeted." }])),
        { "steps": [{ "text": "Hi." }] },
    ] }))
        .await;
    shrink_context(&stage).await;
    let chat = stage.create("first").await;
    let mut view = stage.view(chat).await;
    view.until_waiting().await;
    let send = async |text| {
        stage.chat.send(&stage.subject, chat, Stage::message(text, BusyBehavior::Queue)).await.unwrap();
    };
    let counted = || ["success", "error", "timeout"].map(|result| stage.figure(&compactions(result)));

    send("second").await;
    assert!(model.reached("gate", DEADLINE).await);
    stage.chat.interrupt(&stage.subject, chat).await.unwrap();
    view.until("the second message", |view| view.story().len() == 3).await;
    view.until_waiting().await;
    assert_eq!(counted(), [0.0; 3]);

    send("third").await;
    view.until("the error", |view| view.status == Some(ChatStatus::Error)).await;
    assert_eq!(counted(), [0.0, 1.0, 0.0]);

    send("fourth").await;
    view.until("the answer", |view| view.status == Some(ChatStatus::Waiting)).await;
    assert_eq!(counted(), [1.0, 1.0, 0.0]);
}
