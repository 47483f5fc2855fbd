//! What is paid for answers that never came to their end.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};
use warren_chat::{CostSummary, ModelPatch, WorkerConfig};
use warren_db::{entity::deployment_settings, query, query::chat_costs::Span};
use warren_vocab::{AiProviderType, BusyBehavior, ChatErrorKind, ChatStatus};

use crate::support::{DEADLINE, Stage};

/// Says three words and then nothing for ever.
fn never_ends() -> Value {
    json!({ "turns": [{ "steps": [{ "text": "Some words now." }, { "stall": null }] }] })
}

/// A deployment whose model costs a micro-dollar for a token of input and a thousand for one of output, of which an answer
/// has at most a hundred.
async fn stage() -> Stage {
    let (retry_first, retry_max) = (Duration::from_millis(1), Duration::from_millis(5));
    let makes_titles = false;
    Stage::with_config(WorkerConfig { retry_first, retry_max, makes_titles, ..WorkerConfig::default() }).await
}

async fn set_price(stage: &Stage) {
    let cost = json!({ "input_price_per_million_tokens": 1, "output_price_per_million_tokens": 1000 });
    let options = json!({ "max_output_tokens": 100, "cost": cost });
    stage.change_model(ModelPatch { options: Some(options), ..ModelPatch::default() }).await;
}

async fn set_limit(stage: &Stage, micros: i64) {
    let row = deployment_settings::Model {
        key: String::from("agents_chat_usage_limit"),
        value: json!({ "default_limit_micros": micros, "period": "month" }),
        updated_at: chrono::DateTime::UNIX_EPOCH,
    };
    stage.db.write(async |tx| query::deployment_settings::put(tx, row).await).await.unwrap();
}

async fn costs(stage: &Stage) -> CostSummary {
    let span = Span { from: Utc::now() - TimeDelta::hours(1), until: Utc::now() + TimeDelta::hours(1) };
    stage.chat.costs(&stage.subject, stage.subject.user, span).await.unwrap()
}

/// What was spent, all of it estimated, and for how many answers.
async fn estimated(stage: &Stage) -> (i64, i64) {
    let costs = costs(stage).await;
    assert_eq!(costs.totals.total_cost_micros, costs.totals.estimated_cost_micros);
    assert_eq!(costs.standing.spent_micros, costs.totals.total_cost_micros);
    assert_eq!(costs.standing.reserved_micros, 0);
    (costs.totals.estimated_cost_micros, costs.totals.priced_message_count)
}

#[tokio::test]
async fn an_answer_that_is_stopped_costs_its_prompt_and_what_was_said() {
    let stage = stage().await;
    let _model = stage.with_script(&never_ends()).await;
    set_price(&stage).await;
    let chat = stage.create("question").await;
    let mut view = stage.view(chat).await;
    view.until("the words", |view| view.preview_text() == "Some words now.").await;
    stage.chat.interrupt(&stage.subject, chat).await.unwrap();
    view.until_waiting().await;
    let costs = costs(&stage).await;
    let totals = costs.totals;
    assert_eq!(totals.total_output_tokens, 5, "15 bytes");
    assert!(totals.total_input_tokens > 10, "{totals:?}");
    assert_eq!(totals.total_cost_micros, totals.total_input_tokens + 5000);
    assert_eq!(costs.by_chat[0].totals, totals);
    assert_eq!(costs.by_model[0].model_name, "scripted");
    assert_eq!(estimated(&stage).await.1, 1);
}

#[tokio::test]
async fn what_the_provider_has_said_of_the_prompt_is_booked_instead_of_an_estimate() {
    let stage = stage().await;
    let _model = stage.with_script_of(AiProviderType::Anthropic, &never_ends()).await;
    set_price(&stage).await;
    let chat = stage.create("question").await;
    let mut view = stage.view(chat).await;
    view.until("the words", |view| view.preview_text() == "Some words now.").await;
    stage.chat.interrupt(&stage.subject, chat).await.unwrap();
    view.until_waiting().await;
    let totals = costs(&stage).await.totals;
    assert_eq!((totals.total_input_tokens, totals.total_output_tokens), (1, 5));
    assert_eq!((totals.total_cost_micros, totals.estimated_cost_micros), (5001, 5001));
}

#[tokio::test]
async fn an_answer_that_is_stopped_before_it_begins_costs_its_prompt() {
    let stage = stage().await;
    let model = stage.with_script(&json!({ "turns": [{ "steps": [{ "barrier": "gate" }] }] })).await;
    set_price(&stage).await;
    let chat = stage.create("question").await;
    assert!(model.reached("gate", DEADLINE).await);
    stage.chat.interrupt(&stage.subject, chat).await.unwrap();
    stage.view(chat).await.until_waiting().await;
    let totals = costs(&stage).await.totals;
    assert!(totals.total_input_tokens > 10 && totals.total_output_tokens == 0, "{totals:?}");
    assert_eq!(estimated(&stage).await, (totals.total_input_tokens, 1));
}

#[tokio::test]
async fn whoever_sends_and_stops_again_and_again_comes_to_the_limit() {
    let stage = stage().await;
    let _model = stage.with_script(&never_ends()).await;
    set_price(&stage).await;
    // An answer sets aside a hundred thousand for its hundred tokens and books five thousand and a prompt.
    set_limit(&stage, 130_000).await;
    let chat = stage.create("question").await;
    let mut n_stopped = 0;
    let refusal = loop {
        let mut view = stage.view(chat).await;
        view.until("words or the limit", |view| view.error.is_some() || !view.preview.is_empty()).await;
        if let Some(error) = view.error {
            break error.kind;
        }
        stage.chat.interrupt(&stage.subject, chat).await.unwrap();
        view.until_waiting().await;
        n_stopped += 1;
        assert!(n_stopped < 40, "the limit is never reached");
        stage.chat.send(&stage.subject, chat, Stage::message("again", BusyBehavior::Queue)).await.unwrap();
    };
    assert_eq!(refusal, Some(ChatErrorKind::UsageLimit));
    let (micros, n_answers) = estimated(&stage).await;
    assert!((1..=7).contains(&n_stopped), "{n_stopped}");
    assert_eq!(n_answers, n_stopped);
    assert!(micros <= 130_000, "{micros}");
}

#[tokio::test]
async fn a_call_whose_server_dies_is_booked_by_the_next_owner_once() {
    let stage = stage().await;
    let model = stage
        .with_script(&json!({ "turns": [
        { "when": { "nth": 1 }, "steps": [{ "text": "Some words now." }, { "stall": null }] },
        { "steps": [{ "barrier": "second life" }, { "text": "Whole." }] },
    ] }))
        .await;
    set_price(&stage).await;
    let chat = stage.create("question").await;
    stage.view(chat).await.until("the words", |view| view.preview_text() == "Some words now.").await;
    let stage = stage.crash().await;
    assert!(model.reached("second life", DEADLINE).await);
    let cut = costs(&stage).await;
    assert_eq!((cut.totals.total_output_tokens, cut.totals.priced_message_count), (5, 1));
    assert_eq!(cut.totals.total_cost_micros, cut.totals.total_input_tokens + 5000);
    assert!(cut.standing.reserved_micros > 0, "the next call is under way");
    model.release("second life");
    stage.view(chat).await.until_waiting().await;
    let all = costs(&stage).await;
    assert_eq!(all.totals.estimated_cost_micros, cut.totals.total_cost_micros);
    assert_eq!(all.totals.priced_message_count, 2);
    assert_eq!(all.standing.reserved_micros, 0);
}

#[tokio::test]
async fn a_provider_that_refuses_is_owed_nothing_and_one_that_breaks_off_is() {
    let stage = stage().await;
    let model = stage
        .with_script(&json!({ "turns": [
        { "when": { "nth": 1 }, "steps": [{ "fail": { "status": 500, "message": "oops" } }] },
        { "when": { "nth": 1 }, "steps": [{ "cut": null }] },
        { "when": { "nth": 1 }, "steps": [{ "text": "Some words now." }, { "cut": null }] },
        { "steps": [{ "barrier": "gate" }, { "text": "Whole." }] },
    ] }))
        .await;
    set_price(&stage).await;
    let chat = stage.create("question").await;
    let mut view = stage.view(chat).await;
    assert!(model.reached("gate", DEADLINE).await);
    model.release("gate");
    view.until_waiting().await;
    let costs = costs(&stage).await;
    assert_eq!(costs.totals.priced_message_count, 2, "{costs:?}");
    let estimated = costs.totals.estimated_cost_micros;
    assert!((6000..9000).contains(&estimated), "{estimated}");
}

#[tokio::test]
async fn a_summary_that_is_stopped_is_booked() {
    let stage = stage().await;
    let model = stage
        .with_script(&json!({ "turns": [
        { "when": { "purpose": "compaction" }, "steps": [{ "text": "Some words now." }, { "barrier": "gate" }] },
        { "steps": [{ "text": "One." }] },
    ] }))
        .await;
    set_price(&stage).await;
    let chat = stage.create("first").await;
    let mut view = stage.view(chat).await;
    view.until_waiting().await;
    let before = costs(&stage).await.totals;
    assert_eq!(before.estimated_cost_micros, 0);
    let context_limit = Some(1);
    stage.change_model(ModelPatch { context_limit, ..ModelPatch::default() }).await;
    stage.chat.send(&stage.subject, chat, Stage::message("second", BusyBehavior::Queue)).await.unwrap();
    assert!(model.reached("gate", DEADLINE).await);
    stage.chat.interrupt(&stage.subject, chat).await.unwrap();
    view.until("the stop", |view| view.status == Some(ChatStatus::Running)).await;
    view.until_waiting().await;
    let after = costs(&stage).await.totals;
    assert_eq!(after.priced_message_count, before.priced_message_count + 1);
    assert!(after.estimated_cost_micros > 0, "{after:?}");
}
