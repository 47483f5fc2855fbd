//! When a conversation is replaced by its summary, when it is not, and what happens when that fails.

use std::time::Duration;

use serde_json::{Value, json};
use warren_chat::{ModelDraft, ModelPatch, WorkerConfig, proto::Part};
use warren_db::query;
use warren_dev_model::ScriptedModel;
use warren_vocab::{AiProviderId, BusyBehavior, ChatErrorKind, ChatId, ChatStatus, MessageRole};

use crate::support::{Stage, View};

/// Begins what a model is told after a summary.
const GOES_ON: &str = "Go on with what is left to do";
/// Holds when the model is asked for a summary.
const ASK: &str = "about to be replaced by a summary";

async fn stage() -> Stage {
    let (retry_first, retry_max) = (Duration::from_millis(1), Duration::from_millis(5));
    Stage::with_config(WorkerConfig { retry_first, retry_max, ..WorkerConfig::default() }).await
}

fn used(tokens: u64) -> Value {
    json!({ "usage": { "input": tokens, "output": 1 } })
}

/// The model holds 1,000 tokens and is to be told a summary at so many percent.
async fn set_threshold(stage: &Stage, percent: i32) -> warren_vocab::ModelConfigId {
    let patch = ModelPatch {
        context_limit: Some(1000),
        compression_threshold: Some(percent),
        ..ModelPatch::default()
    };
    stage.change_model(patch).await
}

fn n_summaries(model: &ScriptedModel) -> usize {
    model.asides().iter().filter(|aside| aside.to_string().contains(ASK)).count()
}

/// Sends a message and waits for the answer to it.
async fn ask(stage: &Stage, chat: ChatId, view: &mut View, message: &str) {
    let n_questions = questions(view) + 1;
    stage.chat.send(&stage.subject, chat, Stage::message(message, BusyBehavior::Queue)).await.unwrap();
    view.until(message, |view| {
        let has_ended = matches!(view.status, Some(ChatStatus::Waiting | ChatStatus::Error));
        questions(view) == n_questions && has_ended
    })
    .await;
}

fn questions(view: &View) -> usize {
    view.messages.iter().filter(|message| message.role == MessageRole::User).count()
}

#[tokio::test]
async fn a_context_that_fills_up_within_a_turn_is_summed_up_and_the_same_turn_goes_on_from_the_summary() {
    let stage = stage().await;
    let list = json!({ "tool_call": { "name": "list_templates", "args": {} } });
    let model = stage
        .with_script(&json!({ "turns": [
        { "when": { "purpose": "compaction" }, "steps": [{ "text": "Templates were listed." }] },
        { "when": { "user": GOES_ON }, "steps": [{ "text": "Finished." }, used(10)] },
        { "steps": [list, used(900)] },
    ] }))
        .await;
    set_threshold(&stage, 70).await;
    let chat = stage.create("a long task").await;
    let mut view = stage.view(chat).await;
    view.until_waiting().await;
    assert_eq!(view.story().last().unwrap(), &(MessageRole::Assistant, "Finished.".into()));
    assert_eq!((questions(&view), n_summaries(&model)), (1, 1));
    let is_card =
        |part: &Part| matches!(part, Part::ToolCall { tool_name, .. } if tool_name == "chat_summarized");
    let parts = || view.messages.iter().flat_map(|message| &message.content);
    assert_eq!(parts().filter(|part| is_card(part)).count(), 1, "users see it");
    let requests = model.requests();
    assert_eq!(requests.len(), 2);
    let told = requests[1]["messages"].to_string();
    assert!(told.contains("Templates were listed.") && told.contains("a long task"), "{told}");
    assert!(!told.contains("tool_calls"), "what was summed up is not sent again: {told}");
}

#[tokio::test]
async fn a_summary_that_fails_ends_the_turn_with_its_error_and_loses_nothing() {
    let stage = stage().await;
    let model = stage
        .with_script(&json!({ "turns": [
        { "when": { "purpose": "compaction", "nth": 1 }, "steps": [{ "fail": { "status": 401, "message": "bad key" } }] },
        { "when": { "purpose": "compaction" }, "steps": [{ "text": "They counted." }] },
        { "when": { "user": GOES_ON }, "steps": [{ "text": "Three." }, used(10)] },
        { "steps": [{ "text": "One." }, used(900)] },
    ] }))
        .await;
    set_threshold(&stage, 70).await;
    let chat = stage.create("first").await;
    let mut view = stage.view(chat).await;
    view.until_waiting().await;
    ask(&stage, chat, &mut view, "second").await;
    assert_eq!(view.status, Some(ChatStatus::Error));
    assert_eq!(view.error.clone().unwrap().kind, Some(ChatErrorKind::Auth));
    let texts = |view: &View| view.story().into_iter().map(|(_, text)| text).collect::<Vec<_>>();
    assert_eq!(texts(&view), ["first", "One.", "second"]);
    let rows = query::chat_messages::live(stage.db.reader(), chat).await.unwrap();
    assert!(rows.iter().all(|row| !row.compressed), "nothing was replaced");
    // The next message tries again, with everything that was said.
    ask(&stage, chat, &mut view, "third").await;
    assert_eq!((view.status, texts(&view).last().unwrap().as_str()), (Some(ChatStatus::Waiting), "Three."));
    let summed_up =
        model.asides().into_iter().rfind(|aside| aside.to_string().contains(ASK)).unwrap().to_string();
    assert!(["first", "One.", "second", "third"].iter().all(|text| summed_up.contains(text)), "{summed_up}");
}

#[tokio::test]
async fn at_a_hundred_percent_there_is_no_summary() {
    let stage = stage().await;
    let model = stage.with_script(&json!({ "turns": [{ "steps": [{ "text": "Hi." }, used(5000)] }] })).await;
    set_threshold(&stage, 100).await;
    let chat = stage.create("first").await;
    let mut view = stage.view(chat).await;
    view.until_waiting().await;
    ask(&stage, chat, &mut view, "second").await;
    assert_eq!((view.status, n_summaries(&model)), (Some(ChatStatus::Waiting), 0));
}

#[tokio::test]
async fn the_users_share_beats_the_models_and_a_stored_one_out_of_range_does_not_count() {
    let stage = stage().await;
    let model = stage
        .with_script(&json!({ "turns": [
        { "when": { "purpose": "compaction" }, "steps": [{ "text": "They greeted." }] },
        { "steps": [{ "text": "Hi." }, used(500)] },
    ] }))
        .await;
    let config = set_threshold(&stage, 70).await;
    let chat = stage.create("first").await;
    let mut view = stage.view(chat).await;
    view.until_waiting().await;
    ask(&stage, chat, &mut view, "second").await;
    assert_eq!(n_summaries(&model), 0, "half is less than the model's share");
    stage.chat.set_threshold(stage.caller(), config, Some(60)).await.unwrap();
    ask(&stage, chat, &mut view, "third").await;
    assert_eq!(n_summaries(&model), 0, "and less than that of the user");
    for out_of_range in [-1, 101, 300] {
        let stored = vec![(
            "agents_chat_compaction_thresholds",
            json!({ config.to_string(): out_of_range }).to_string(),
        )];
        let user = stage.subject.user;
        stage.db.write(async |tx| query::user_settings::set(tx, user, stored).await).await.unwrap();
        ask(&stage, chat, &mut view, "on").await;
        assert_eq!(n_summaries(&model), 0, "{out_of_range}");
    }
    stage.chat.set_threshold(stage.caller(), config, Some(40)).await.unwrap();
    // The summary leaves a context that is as full, which would be too long for a second one in this turn.
    set_threshold(&stage, 100).await;
    ask(&stage, chat, &mut view, "last").await;
    assert_eq!((view.status, n_summaries(&model)), (Some(ChatStatus::Waiting), 1), "{:?}", view.error);
}

#[tokio::test]
async fn shares_of_several_models_that_are_set_at_once_are_all_kept() {
    let stage = stage().await;
    stage.add_model("http://127.0.0.1:9/v1").await;
    let provider = stage.chat.providers(&stage.subject).await.unwrap().remove(0).provider;
    let mut models = Vec::new();
    for n in 0..12 {
        let draft = ModelDraft {
            provider: Some(AiProviderId::from_uuid(provider.id)),
            model: format!("model-{n}"),
            patch: ModelPatch::default(),
        };
        let made = stage.chat.create_model(stage.caller(), draft).await.unwrap();
        models.push(warren_vocab::ModelConfigId::from_uuid(made.id));
    }
    let set = models.iter().map(|model| stage.chat.set_threshold(stage.caller(), *model, Some(50)));
    futures::future::join_all(set).await.into_iter().for_each(|set| set.unwrap());
    assert_eq!(stage.chat.thresholds(&stage.subject).await.unwrap().len(), models.len());
    let forget = models.iter().skip(1).map(|model| stage.chat.set_threshold(stage.caller(), *model, None));
    futures::future::join_all(forget).await.into_iter().for_each(|set| set.unwrap());
    assert_eq!(
        stage.chat.thresholds(&stage.subject).await.unwrap().into_keys().collect::<Vec<_>>(),
        models[..1]
    );
}
