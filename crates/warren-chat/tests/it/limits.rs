//! What bounds a turn: attempts, silence, steps, the context of the model, and money.

use std::time::Duration;

use serde_json::json;
use warren_chat::{ChatServiceError, ModelPatch, WorkerConfig, proto::Part};
use warren_db::{entity::deployment_settings, query};
use warren_vocab::{BusyBehavior, ChatErrorKind, ChatStatus, ModelConfigId};

use crate::support::{DEADLINE, Stage, View};

fn impatient() -> WorkerConfig {
    let (retry_first, retry_max) = (Duration::from_millis(1), Duration::from_millis(5));
    WorkerConfig { retry_first, retry_max, ..WorkerConfig::default() }
}

async fn until_error(view: &mut View) -> Option<ChatErrorKind> {
    view.until("the error", |view| view.error.is_some() && view.status == Some(ChatStatus::Error)).await;
    view.error.clone().unwrap().kind
}

#[tokio::test]
async fn a_model_that_falls_silent_is_asked_again() {
    let silence = Duration::from_millis(300);
    let stage = Stage::with_config(WorkerConfig { silence, ..impatient() }).await;
    let _model = stage
        .with_script(&json!({ "turns": [
        { "when": { "nth": 1 }, "steps": [{ "text": "Well… " }, { "stall": null }] },
        { "steps": [{ "text": "Here." }] },
    ] }))
        .await;
    let chat = stage.create("question").await;
    let mut view = stage.view(chat).await;
    view.until_waiting().await;
    assert_eq!(view.story().last().unwrap().1, "Here.", "the half answer is not part of it");
    assert!(view.error.is_none());
}

#[tokio::test]
async fn a_model_that_does_not_begin_in_time_is_asked_again() {
    let first_event = Duration::from_millis(500);
    let stage = Stage::with_config(WorkerConfig { first_event, ..impatient() }).await;
    let _model = stage
        .with_script(&json!({ "turns": [
        { "when": { "nth": 1 }, "steps": [{ "stall": null }] },
        { "steps": [{ "text": "Here." }] },
    ] }))
        .await;
    let chat = stage.create("question").await;
    let mut view = stage.view(chat).await;
    view.until_waiting().await;
    assert_eq!(view.story().last().unwrap().1, "Here.");
}

#[tokio::test]
async fn attempts_come_to_an_end() {
    let stage = Stage::with_config(WorkerConfig { attempts_max: 4, ..impatient() }).await;
    let model = stage
        .with_script(&json!({ "turns": [{ "steps": [{ "fail": { "status": 500, "message": "oops" } }] }] }))
        .await;
    let chat = stage.create("question").await;
    let mut view = stage.view(chat).await;
    assert_eq!(until_error(&mut view).await, Some(ChatErrorKind::Generic));
    assert_eq!(model.requests().len(), 4);
}

#[tokio::test]
async fn an_answer_that_is_cut_again_and_again_is_repeated_until_it_is_whole() {
    let stage = Stage::with_config(impatient()).await;
    let cut = json!({ "when": { "nth": 1 }, "steps": [{ "text": "Half" }, { "cut": null }] });
    let mut turns = vec![cut; 6];
    turns.push(json!({ "steps": [{ "text": "Whole." }] }));
    let model = stage.with_script(&json!({ "turns": turns })).await;
    let chat = stage.create("question").await;
    let mut view = stage.view(chat).await;
    view.until_waiting().await;
    assert_eq!(view.story().last().unwrap().1, "Whole.");
    assert_eq!(model.requests().len(), 7);
}

#[tokio::test]
async fn a_model_that_says_nothing_ends_the_turn_with_an_error() {
    let stage = Stage::with_config(impatient()).await;
    let model = stage
        .with_script(&json!({ "turns": [
        { "when": { "user": "hello" }, "steps": [{ "text": "Hi." }] },
        { "steps": [] },
    ] }))
        .await;
    let chat = stage.create("question").await;
    let mut view = stage.view(chat).await;
    assert_eq!(until_error(&mut view).await, Some(ChatErrorKind::Generic));
    assert_eq!(model.requests().len(), 3);
    stage.chat.send(&stage.subject, chat, Stage::message("hello", BusyBehavior::Queue)).await.unwrap();
    view.until("the next answer", |view| view.story().last().unwrap().1 == "Hi.").await;
}

#[tokio::test]
async fn a_turn_that_does_not_end_is_ended_by_the_step_limit() {
    let stage = Stage::with_config(WorkerConfig { steps_max: 3, ..impatient() }).await;
    let model = stage
        .with_script(
            &json!({ "turns": [{ "steps": [{ "tool_call": { "name": "list_templates", "args": {} } }] }] }),
        )
        .await;
    let chat = stage.create("loop").await;
    let mut view = stage.view(chat).await;
    view.until_waiting().await;
    assert_eq!(model.requests().len(), 3);
    assert!(view.error.is_none(), "it is no error");
}

/// Makes the model's context so small that every answer fills it.
async fn shrink_context(stage: &Stage) {
    stage.change_model(ModelPatch { context_limit: Some(1), ..ModelPatch::default() }).await;
}

#[tokio::test]
async fn an_answer_may_be_no_longer_than_what_fits_beside_the_conversation() {
    let stage = Stage::with_config(impatient()).await;
    let model = stage.with_script(&json!({ "turns": [{ "steps": [{ "text": "Hi." }] }] })).await;
    let set = |context_limit, options| ModelPatch { context_limit, options, ..ModelPatch::default() };
    for (patch, most) in [
        (set(Some(8000), None), 2000),
        (set(Some(1_000_000), None), 32_000),
        (set(Some(8000), Some(json!({ "max_output_tokens": 5000 }))), 5000),
    ] {
        stage.change_model(patch).await;
        let chat = stage.create("hello").await;
        stage.view(chat).await.until_waiting().await;
        assert_eq!(model.requests().pop().unwrap()["max_tokens"], most);
    }
}

#[tokio::test]
async fn an_answer_that_does_not_end_is_ended_and_the_next_message_works() {
    let stage = Stage::with_config(impatient()).await;
    let long = "x".repeat(3 << 20);
    let call = |args: &str| json!({ "tool_call": { "name": "list_templates", "raw_args": args } });
    let turns = [
        ("text", vec![json!({ "text": long })]),
        ("arguments", vec![call(&format!("{{\"query\": \"{long}\"}}"))]),
        ("calls", vec![call("{}"); 200]),
    ];
    let mut script = vec![json!({ "when": { "user": "next" }, "steps": [{ "text": "Here." }] })];
    script.extend(turns.iter().map(|(user, steps)| json!({ "when": { "user": user }, "steps": steps })));
    let _model = stage.with_script(&json!({ "turns": script })).await;
    for (user, _) in turns {
        let chat = stage.create(user).await;
        let mut view = stage.view(chat).await;
        until_error(&mut view).await;
        let error = view.error.clone().unwrap().message;
        assert!(error.contains("does not end"), "{user}: {error}");
        let n_bytes: usize =
            view.messages.iter().map(|one| serde_json::to_string(&one.content).unwrap().len()).sum();
        assert!(n_bytes < 3 << 20, "{user}: {n_bytes} bytes");
        stage.chat.send(&stage.subject, chat, Stage::message("next", BusyBehavior::Queue)).await.unwrap();
        view.until_waiting().await;
        assert_eq!(view.story().last().unwrap().1, "Here.", "{user}");
    }
    assert_eq!(stage.tools.calls(), [""; 0], "nothing of it has run");
}

#[tokio::test]
async fn a_full_context_is_summed_up_at_the_next_message_and_the_turn_goes_on() {
    let stage = Stage::with_config(impatient()).await;
    let model = stage
        .with_script(&json!({ "turns": [
        { "when": { "purpose": "compaction" }, "steps": [{ "text": "They greeted." }] },
        { "when": { "user": "second" }, "steps": [{ "text": "Two." }] },
        { "steps": [{ "text": "One." }] },
    ] }))
        .await;
    shrink_context(&stage).await;
    let chat = stage.create("first").await;
    let mut view = stage.view(chat).await;
    view.until_waiting().await;
    assert!(model.asides().iter().all(|aside| !aside.to_string().contains("to be replaced by a summary")));
    stage.chat.send(&stage.subject, chat, Stage::message("second", BusyBehavior::Queue)).await.unwrap();
    view.until("the second answer", |view| view.story().last().unwrap().1 == "Two.").await;
    let is_card =
        |part: &Part| matches!(part, Part::ToolCall { tool_name, .. } if tool_name == "chat_summarized");
    assert!(
        view.messages.iter().any(|message| message.content.iter().any(is_card)),
        "users see that it happened"
    );
    let last = model.requests().pop().unwrap().to_string();
    assert!(last.contains("They greeted.") && last.contains("second"), "{last}");
    assert!(!last.contains("One."), "what was summed up is not sent again: {last}");
    view.until_waiting().await;
}

#[tokio::test]
async fn a_context_that_a_summary_does_not_empty_ends_the_turn() {
    let stage = Stage::with_config(impatient()).await;
    let model = stage
        .with_script(&json!({ "turns": [
        { "when": { "purpose": "compaction" }, "steps": [{ "text": "A summary." }] },
        { "steps": [{ "tool_call": { "name": "list_templates", "args": {} } }] },
    ] }))
        .await;
    shrink_context(&stage).await;
    let chat = stage.create("loop").await;
    let mut view = stage.view(chat).await;
    assert_eq!(until_error(&mut view).await, Some(ChatErrorKind::Config));
    assert_eq!(model.requests().len(), 2, "one before the summary and one after it");
}

#[tokio::test]
async fn a_spending_limit_that_is_reached_stops_the_next_call() {
    let stage = Stage::with_config(impatient()).await;
    let model = stage
        .with_script(&json!({ "turns": [
        { "when": { "tool_results": 0 }, "steps": [
            { "barrier": "gate" }, { "tool_call": { "name": "list_templates", "args": {} } } ] },
        { "steps": [{ "text": "Never said." }] },
    ] }))
        .await;
    let chat = stage.create("question").await;
    assert!(model.reached("gate", DEADLINE).await);
    let row = deployment_settings::Model {
        key: String::from("agents_chat_usage_limit"),
        value: json!({ "default_limit_micros": 0, "period": "month" }),
        updated_at: chrono::DateTime::UNIX_EPOCH,
    };
    stage.db.write(async |tx| query::deployment_settings::put(tx, row).await).await.unwrap();
    model.release("gate");
    let mut view = stage.view(chat).await;
    assert_eq!(until_error(&mut view).await, Some(ChatErrorKind::UsageLimit));
    assert_eq!(model.requests().len(), 1);
    let n_asides = model.asides().len();
    let title = stage.chat.propose_title(stage.caller(), chat).await;
    assert!(matches!(title, Err(ChatServiceError::UsageLimit(_))), "{title:?}");
    let title = stage.chat.regenerate_title(stage.caller(), chat).await;
    assert!(matches!(title, Err(ChatServiceError::UsageLimit(_))), "{title:?}");
    assert_eq!(model.asides().len(), n_asides, "no title is made for nothing");
}

#[tokio::test]
async fn a_limit_covers_the_longest_answer_that_is_asked_for() {
    let stage = Stage::with_config(impatient()).await;
    let model = stage.with_script(&json!({ "turns": [{ "steps": [{ "text": "Short." }] }] })).await;
    let config = stage.chat.models(&stage.subject).await.unwrap().remove(0);
    let options = |most: Option<u32>| json!({ "max_output_tokens": most, "cost": { "output_price_per_million_tokens": "1" } });
    let set = async |most: Option<u32>| {
        let patch = ModelPatch { options: Some(options(most)), ..ModelPatch::default() };
        stage.chat.update_model(stage.caller(), ModelConfigId::from_uuid(config.id), patch).await.unwrap();
    };
    set(None).await;
    let row = deployment_settings::Model {
        key: String::from("agents_chat_usage_limit"),
        value: json!({ "default_limit_micros": 10_000, "period": "month" }),
        updated_at: chrono::DateTime::UNIX_EPOCH,
    };
    stage.db.write(async |tx| query::deployment_settings::put(tx, row).await).await.unwrap();
    let chat = stage.create("question").await;
    let mut view = stage.view(chat).await;
    assert_eq!(until_error(&mut view).await, Some(ChatErrorKind::UsageLimit));
    assert_eq!(model.requests().len(), 0, "an answer may be longer than what is left pays for");
    set(Some(9000)).await;
    let chat = stage.create("question").await;
    stage.view(chat).await.until_waiting().await;
    assert_eq!(model.requests().len(), 1);
}
