//! What makes a step of a chat end early, what does not, and what is repeated.
//!
//! Guards that were taken away, and a test that failed:
//!
//! | guard | test |
//! |---|---|
//! | a runner goes on under its own lease only | `a_run_that_ends_after_another_worker_has_taken_its_chat_changes_nothing_and_tells_nobody` |
//! | all checks of the lease when something is written | the same |
//! | a lease that somebody else has ends the step | `a_lease_that_somebody_else_has_taken_ends_the_answer_and_nothing_is_written` |
//! | only the own lease is given back | the same |
//! | a database that is away is no failure of the turn | `a_turn_waits_for_a_database_that_is_away_however_often_it_is_asked` |
//! | a step that was dropped may have ended the turn | `an_end_of_a_turn_that_nobody_was_told_of_is_told_by_its_runner` |
//! | whoever looks compares the runner beside the number of the lease | the same |
//!
//! Not noticed, as the database refuses them too: parts that are written under an older number.

use std::{sync::atomic::Ordering, time::Duration};

use serde_json::{Value, json};
use warren_chat::{ProviderPatch, WorkerConfig};
use warren_db::{Notice, channels, entity::chats, query};
use warren_dev_model::ScriptedModel;
use warren_vocab::{BusyBehavior, ChatErrorKind, ChatId, ChatStatus};

use crate::{
    rows::{change, literal, rename, row, sql, until, until_row},
    support::{DEADLINE, Stage},
    view::View,
};

const FAILED_STEPS: &str = "warren_chat_failed_steps_total";
const NEVER: Duration = Duration::from_secs(3600);

/// Looks at the database often, so that nothing depends on hints.
fn watchful() -> WorkerConfig {
    let (sweep, sync) = (Duration::from_millis(100), Duration::from_millis(50));
    WorkerConfig { sweep, sync, lease: NEVER, ..WorkerConfig::default() }
}

/// Looks at the database when somebody says so and never else.
fn trusting() -> WorkerConfig {
    WorkerConfig { sweep: NEVER, sync: NEVER, lease: NEVER, ..WorkerConfig::default() }
}

fn hangs() -> Value {
    json!({ "turns": [{ "steps": [{ "text": "Half of " }, { "stall": null }] }] })
}

fn call(name: &str, args: Value) -> Value {
    json!({ "tool_call": { "name": name, "args": args } })
}

fn create() -> Value {
    call("create_workspace", json!({ "template_id": "00000000-0000-4000-8000-000000000000" }))
}

async fn send(stage: &Stage, chat: ChatId, text: &str) {
    stage.chat.send(&stage.subject, chat, Stage::message(text, BusyBehavior::Queue)).await.unwrap();
}

#[tokio::test]
async fn hints_that_are_old_repeated_or_broken_disturb_no_step() {
    let stage = Stage::new().await;
    let model = stage
        .with_script(&json!({ "turns": [
        { "steps": [{ "text": "Half of " }, { "barrier": "gate" }, { "text": "the answer." }] },
    ] }))
        .await;
    let chat = stage.create("question").await;
    assert!(model.reached("gate", DEADLINE).await);
    let now = row(&stage, chat).await;
    let hint = |snapshot: i64, status: &str| {
        json!({ "snapshot_version": snapshot, "history_version": now.history_version, "status": status,
                "lease_epoch": now.lease_epoch })
    };
    for _ in 0..20 {
        stage.db.publish(&channels::chat(chat), hint(now.snapshot_version, "running"));
        stage.db.publish(&channels::chat(chat), hint(now.snapshot_version - 1, "interrupting"));
        stage.db.publish(&channels::chat(chat), hint(now.snapshot_version + 9, "running"));
        stage.db.publish(&channels::chat(chat), Value::Null);
    }
    // A change that is none of the step's business.
    send(&stage, chat, "next").await;
    model.release("gate");
    let mut view = stage.view(chat).await;
    view.until("both answers", |view| view.story().len() == 4).await;
    assert_eq!(view.story()[1].1, "Half of the answer.");
    assert_eq!(model.requests().len(), 2, "one for each message");
}

#[tokio::test]
async fn changes_that_no_hint_has_told_are_found_by_looking() {
    let stage = Stage::with_config(watchful()).await;
    let model = stage.with_script(&hangs()).await;
    let chat = stage.create("question").await;
    assert!(model.until_open(1, DEADLINE).await);
    let held = row(&stage, chat).await;
    change(&stage, chat, "status = 'interrupting', snapshot_version = snapshot_version + 1").await;
    until_row(&stage, chat, "the end", |row| row.status == ChatStatus::Waiting.as_str()).await;
    assert!(model.until_open(0, DEADLINE).await, "the model is let go");

    until_row(&stage, chat, "its release", |row| row.worker_id.is_none()).await;
    change(&stage, chat, "status = 'running', snapshot_version = snapshot_version + 1").await;
    let taken = |row: &chats::Model| row.lease_epoch > held.lease_epoch;
    until_row(&stage, chat, "a runner", taken).await;
    until_row(&stage, chat, "the end", |row| row.status == ChatStatus::Waiting.as_str()).await;
}

#[tokio::test]
async fn an_interruption_at_any_moment_arrives_without_anybody_looking() {
    let stage = Stage::with_config(trusting()).await;
    let _model = stage.with_script(&hangs()).await;
    for n in 0..40 {
        let chat = stage.create(&format!("question {n}")).await;
        for _ in 0..n * 25 {
            tokio::task::yield_now().await;
        }
        stage.chat.interrupt(&stage.subject, chat).await.unwrap();
        until_row(&stage, chat, "the end", |row| row.status == ChatStatus::Waiting.as_str()).await;
    }
}

#[tokio::test]
async fn what_a_user_changes_ends_the_answer_that_is_under_way() {
    let stage = Stage::with_config(trusting()).await;
    let model = stage.with_script(&hangs()).await;
    let chat = stage.create("question").await;
    let mut view = stage.view(chat).await;
    view.until("the first words", |view| view.preview_text() == "Half of ").await;
    let first = view.messages[0].id;
    stage.chat.edit(&stage.subject, chat, first, Stage::message("other", BusyBehavior::Queue)).await.unwrap();
    until("the next request", || model.requests().len() == 2).await;
    assert!(model.until_open(1, DEADLINE).await, "the answer to what was cut is let go");
    stage.chat.interrupt(&stage.subject, chat).await.unwrap();
    assert!(model.until_open(0, DEADLINE).await);
    view.until_waiting().await;
    assert_eq!(model.requests().len(), 2, "what a user stopped is not asked again");
    assert_eq!(stage.figure(FAILED_STEPS), 0.0);
}

#[tokio::test]
async fn a_lease_that_somebody_else_has_taken_ends_the_answer_and_nothing_is_written() {
    for epoch in [NEXT, SAME] {
        let stage = Stage::with_config(WorkerConfig { sweep: NEVER, ..watchful() }).await;
        let model = stage.with_script(&hangs()).await;
        let chat = stage.create("question").await;
        let mut view = stage.view(chat).await;
        view.until("the first words", |view| view.preview_text() == "Half of ").await;
        let theirs = take_away(&stage, chat, epoch).await;
        assert!(model.until_open(0, DEADLINE).await, "the model is let go");
        stage.stop().await;
        assert_eq!(row(&stage, chat).await, theirs, "not even given back");
        assert_eq!(stage.figure(FAILED_STEPS), 0.0, "it is nothing to report");
    }
}

/// The number of the lease of whoever takes a chat, and where the database has lost that it was taken before.
const NEXT: &str = "lease_epoch + 1";
const SAME: &str = "lease_epoch";

/// Somebody else takes the chat, and nobody says so.
async fn take_away(stage: &Stage, chat: ChatId, epoch: &str) -> chats::Model {
    let [worker, runner] = [(); 2].map(|()| literal(stage.location(), ChatId::new()));
    let taken = format!(
        "worker_id = {worker}, runner_id = {runner}, lease_epoch = {epoch}, snapshot_version = snapshot_version + 1"
    );
    change(stage, chat, &taken).await;
    row(stage, chat).await
}

#[tokio::test]
async fn a_run_that_ends_after_another_worker_has_taken_its_chat_changes_nothing_and_tells_nobody() {
    for epoch in [NEXT, SAME] {
        run_ends_late(epoch).await;
    }
}

async fn run_ends_late(epoch: &str) {
    let stage = Stage::with_config(trusting()).await;
    let n_tasks = stage.n_tasks();
    let model = stage
        .with_script(&json!({ "turns": [
        { "when": { "purpose": "turn_summary" }, "steps": [{ "text": "Answered" }] },
        { "steps": [{ "text": "Half of " }, { "barrier": "gate" }, { "text": "the answer." }] },
    ] }))
        .await;
    let chat = stage.create("question").await;
    let mut view = stage.view(chat).await;
    view.until("the first words", |view| view.preview_text() == "Half of ").await;
    until("the question for a title", || model.asides().len() == 1).await;
    let theirs = take_away(&stage, chat, epoch).await;
    let parts = async || {
        let (history, attempt) = (theirs.history_version, theirs.generation_attempt);
        query::chat_parts::list(stage.db.reader(), chat, history, attempt, 0).await.unwrap()
    };
    let said = parts().await;
    let channels = [channels::chat(chat), channels::chats_of(stage.subject.user)];
    let mut heard = channels.clone().map(|channel| stage.db.subscribe(&channel));
    model.release("gate");
    // What still runs is the tail of the viewer.
    until("the end of the run", || stage.n_tasks() == n_tasks + 1).await;
    stage.stop().await;
    assert_eq!(row(&stage, chat).await, theirs, "neither status nor title, nor given back");
    assert_eq!(parts().await, said);
    assert_eq!(query::chat_messages::live(stage.db.reader(), chat).await.unwrap().len(), 1);
    for (channel, heard) in channels.iter().zip(&mut heard) {
        stage.db.publish(channel, json!("the end"));
        assert_eq!(heard.next().await, Some(Notice::Hint(json!("the end"))), "nothing before it");
    }
    assert_eq!((model.requests().len(), model.asides().len()), (1, 1));
    assert_eq!(stage.figure(FAILED_STEPS), 0.0);
}

#[tokio::test]
async fn an_end_of_a_turn_that_nobody_was_told_of_is_told_by_its_runner() {
    let stage = Stage::with_config(WorkerConfig { sweep: NEVER, ..watchful() }).await;
    let model = stage.with_script(&hangs()).await;
    let chat = stage.create("question").await;
    assert!(model.until_open(1, DEADLINE).await);
    let mut viewers = stage.db.subscribe(&channels::chat(chat));
    let mut list = stage.db.subscribe(&channels::chats_of(stage.subject.user));
    // As when the answer to a commit gets lost.
    change(&stage, chat, "status = 'waiting', worker_id = NULL, snapshot_version = snapshot_version + 3")
        .await;
    let version = row(&stage, chat).await.snapshot_version;
    let told = async {
        while viewers
            .next()
            .await
            .is_none_or(|notice| !matches!(notice, Notice::Hint(hint) if hint["snapshot_version"] == version))
        {
        }
        while list.next().await != Some(Notice::Hint(json!({ "kind": "status_change", "chat_id": chat }))) {}
    };
    assert!(tokio::time::timeout(DEADLINE, told).await.is_ok());
    assert!(model.until_open(0, DEADLINE).await, "the model is let go");
}

#[tokio::test]
async fn two_steps_of_one_chat_never_run_at_once() {
    let stage = Stage::with_config(trusting()).await;
    let _model = stage
        .with_script(&json!({ "turns": [
        { "when": { "tool_results": 0 }, "steps": [create()] },
        { "steps": [call("execute", json!({ "command": "alone" }))] },
    ] }))
        .await;
    let chat = stage.create("question").await;
    let mut view = stage.view(chat).await;
    for n in 0..10 {
        tokio::time::timeout(DEADLINE, stage.tools.hanging.notified()).await.unwrap();
        view.until("a message", |view| !view.messages.is_empty()).await;
        let message = Stage::message(&format!("question {n}"), BusyBehavior::Queue);
        let first = stage.chat.edit(&stage.subject, chat, view.messages[0].id, message).await.unwrap().id;
        view.until("the edit", |view| view.messages.first().is_some_and(|known| known.id == first)).await;
    }
    stage.stop().await;
    assert_eq!(*stage.tools.alone.borrow(), (0, 1), "now, and at most");
}

/// A chat whose first turn has made a workspace, and a model that answers `text` where `when` holds later.
async fn after_a_turn(stage: &Stage, when: Value, text: &str) -> (ScriptedModel, ChatId, View) {
    let model = stage
        .with_script(&json!({ "turns": [
        { "when": when, "steps": [{ "text": text }] },
        { "when": { "tool_results": 0 }, "steps": [create()] },
        { "steps": [{ "text": "One." }] },
    ] }))
        .await;
    let chat = stage.create("first").await;
    let mut view = stage.view(chat).await;
    view.until_waiting().await;
    (model, chat, view)
}

#[tokio::test]
async fn a_step_that_panics_is_repeated() {
    let stage = Stage::new().await;
    let (_model, chat, mut view) = after_a_turn(&stage, json!({ "user": "second" }), "Two.").await;
    stage.tools.n_panics.store(2, Ordering::Relaxed);
    send(&stage, chat, "second").await;
    view.until("the answer", |view| view.story().last().unwrap().1 == "Two.").await;
    assert_eq!(stage.figure(FAILED_STEPS), 2.0);
    assert!(view.error.is_none());
}

#[tokio::test]
async fn a_step_that_always_fails_ends_the_turn_with_an_error() {
    let stage = Stage::new().await;
    let (model, chat, mut view) = after_a_turn(&stage, json!({ "user": "third" }), "Three.").await;
    let n_asked = model.requests().len();
    stage.tools.n_panics.store(usize::MAX, Ordering::Relaxed);
    send(&stage, chat, "second").await;
    view.until("the error", |view| view.status == Some(ChatStatus::Error)).await;
    let error = view.error.clone().unwrap();
    assert!(error.retryable && error.message.contains("internal error"), "{error:?}");
    assert_eq!(model.requests().len(), n_asked);
    stage.tools.n_panics.store(0, Ordering::Relaxed);
    send(&stage, chat, "third").await;
    view.until("the answer", |view| view.story().last().unwrap().1 == "Three.").await;
}

#[tokio::test]
async fn a_step_that_the_database_fails_is_repeated_until_it_works() {
    let stage = Stage::new().await;
    let model = stage
        .with_script(&json!({ "turns": [{ "steps": [{ "barrier": "gate" }, { "text": "Here." }] }] }))
        .await;
    let chat = stage.create("question").await;
    let mut view = stage.view(chat).await;
    assert!(model.reached("gate", DEADLINE).await);
    rename(&stage, "chat_reservations", "taken_away").await;
    model.release("gate");
    until("two failures", || stage.figure(FAILED_STEPS) >= 2.0).await;
    assert_eq!(row(&stage, chat).await.status, ChatStatus::Running.as_str());
    rename(&stage, "taken_away", "chat_reservations").await;
    view.until_waiting().await;
    assert_eq!(view.story().len(), 2);
    assert_eq!(view.story()[1].1, "Here.");
    assert!(view.error.is_none());
}

#[tokio::test]
async fn what_cannot_be_looked_up_for_a_moment_is_looked_up_again() {
    let stage = Stage::new().await;
    let model = stage.with_script(&json!({ "turns": [{ "steps": [{ "text": "Here." }] }] })).await;
    rename(&stage, "user_settings", "taken_away").await;
    let chat = stage.create("question").await;
    until("a failure", || stage.figure(FAILED_STEPS) >= 1.0).await;
    assert!(model.requests().is_empty());
    rename(&stage, "taken_away", "user_settings").await;
    let mut view = stage.view(chat).await;
    view.until_waiting().await;
    assert_eq!(view.story().last().unwrap().1, "Here.");
    assert_eq!(model.requests().len(), 1);
}

#[tokio::test]
async fn a_turn_waits_for_a_database_that_is_away_however_often_it_is_asked() {
    if !warren_db_testkit::is_postgres() {
        return;
    }
    let stage = Stage::new().await;
    let model = stage.with_script(&json!({ "turns": [{ "steps": [{ "text": "Here." }] }] })).await;
    // As PostgreSQL answers when it shuts down.
    let away = [
        "ALTER TABLE user_settings RENAME TO taken_away",
        "CREATE FUNCTION away() RETURNS boolean LANGUAGE plpgsql STABLE AS \
         $$ BEGIN RAISE EXCEPTION 'away' USING ERRCODE = '57P01'; END $$",
        "CREATE VIEW user_settings AS SELECT * FROM taken_away WHERE away()",
    ];
    sql(&stage.db, &away.map(String::from)).await;
    let chat = stage.create("question").await;
    until("more failures than a turn may have", || stage.figure(FAILED_STEPS) >= 6.0).await;
    assert_eq!(row(&stage, chat).await.status, ChatStatus::Running.as_str());
    let back = ["DROP VIEW user_settings", "ALTER TABLE taken_away RENAME TO user_settings"];
    sql(&stage.db, &back.map(String::from)).await;
    let mut view = stage.view(chat).await;
    view.until_waiting().await;
    assert_eq!(view.story().last().unwrap().1, "Here.");
    assert!(view.error.is_none());
    assert_eq!(model.requests().len(), 1);
}

/// Makes everything that a chat has said unreadable, as a change of its history.
async fn spoil(stage: &Stage, chat: ChatId, status: &str) {
    let id = literal(stage.location(), chat);
    let versions = "snapshot_version = snapshot_version + 1, history_version = snapshot_version + 1";
    sql(
        &stage.db,
        &[
            format!(
                "UPDATE chats SET {versions}, generation_attempt = 0, status = '{status}' WHERE id = {id}"
            ),
            format!(
                "UPDATE chat_messages SET role = 'nobody', \
             revision = (SELECT history_version FROM chats WHERE id = {id}) WHERE chat_id = {id}"
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_history_that_cannot_be_read_stops_a_chat_and_does_not_wedge_it() {
    let stage = Stage::with_config(watchful()).await;
    let _model = stage
        .with_script(&json!({ "turns": [
        { "when": { "tool_results": 0 }, "steps": [call("list_templates", json!({}))] },
        { "steps": [{ "text": "Half of " }, { "stall": null }] },
    ] }))
        .await;
    let chats = [stage.create("one").await, stage.create("two").await];
    for chat in chats {
        let mut view = stage.view(chat).await;
        view.until("the first words", |view| view.preview_text().ends_with("Half of ")).await;
    }
    spoil(&stage, chats[0], "running").await;
    spoil(&stage, chats[1], "interrupting").await;
    let failed = until_row(&stage, chats[0], "the error", |row| row.status == "error").await;
    assert!(failed.last_error.unwrap()["message"].as_str().unwrap().contains("internal error"));
    until_row(&stage, chats[1], "the end", |row| row.status == "waiting").await;
    for chat in chats {
        let archive = warren_chat::ChatPatch { archived: Some(true), ..Default::default() };
        stage.chat.update(stage.caller(), chat, archive).await.unwrap();
    }
}

#[tokio::test]
async fn a_cancellation_by_the_provider_is_repeated_and_one_by_the_user_is_not() {
    let stage = Stage::new().await;
    let error = json!({ "error": { "kind": "server_error", "message": "context canceled" } });
    let model = stage
        .with_script(&json!({ "turns": [
        { "when": { "user": "theirs", "nth": 1 }, "steps": [{ "text": "Half of " }, error] },
        { "when": { "user": "theirs" }, "steps": [{ "text": "The whole." }] },
        { "steps": [{ "text": "Half of " }, { "stall": null }] },
    ] }))
        .await;
    let chat = stage.create("theirs").await;
    let mut view = stage.view(chat).await;
    view.until_waiting().await;
    assert_eq!(view.story().last().unwrap().1, "The whole.");
    assert_eq!((view.retries.len(), model.requests().len()), (1, 2));

    let chat = stage.create("mine").await;
    let mut view = stage.view(chat).await;
    view.until("the first words", |view| view.preview_text() == "Half of ").await;
    stage.chat.interrupt(&stage.subject, chat).await.unwrap();
    view.until_waiting().await;
    assert_eq!(view.story().last().unwrap().1, "Half of ");
    assert!(view.retries.is_empty() && view.error.is_none());
    assert_eq!(model.requests().len(), 3);
    assert_eq!(stage.figure(FAILED_STEPS), 0.0);
}

#[tokio::test]
async fn a_provider_that_is_off_or_has_no_key_ends_the_turn_at_once_and_says_which() {
    let stage = Stage::new().await;
    let model = stage
        .with_script(&json!({ "turns": [
        { "when": { "user": "off" }, "steps": [{ "fail": { "status": 503, "message": "provider_disabled" } }] },
        { "when": { "user": "first" }, "steps": [{ "barrier": "first" }, { "text": "Hi." }] },
        { "when": { "user": "second" }, "steps": [{ "barrier": "second" }, { "text": "Hi." }] },
    ] }))
        .await;
    let chat = stage.create("off").await;
    let mut view = stage.view(chat).await;
    view.until("the error", |view| view.status == Some(ChatStatus::Error)).await;
    let error = view.error.clone().unwrap();
    assert_eq!((error.kind, error.status_code), (Some(ChatErrorKind::ProviderDisabled), Some(503)));
    assert!(view.retries.is_empty() && !error.retryable);
    assert_eq!(model.requests().len(), 1);

    let settings = |user_keys: &str| Some(json!({ "user_keys": user_keys }));
    let turned = |enabled| ProviderPatch { enabled: Some(enabled), ..ProviderPatch::default() };
    let keys = |policy: &str| ProviderPatch { settings: settings(policy), ..ProviderPatch::default() };
    let update = async |patch| stage.chat.update_provider(stage.caller(), "local", patch).await.unwrap();
    for (gate, patch, back, kind) in [
        ("first", turned(false), turned(true), ChatErrorKind::ProviderDisabled),
        ("second", keys("required"), keys("off"), ChatErrorKind::MissingKey),
    ] {
        let chat = stage.create(gate).await;
        let mut view = stage.view(chat).await;
        assert!(model.reached(gate, DEADLINE).await);
        send(&stage, chat, "hello").await;
        let n_asked = model.requests().len();
        update(patch).await;
        model.release(gate);
        view.until("the error", |view| view.status == Some(ChatStatus::Error)).await;
        assert_eq!(view.error.clone().unwrap().kind, Some(kind));
        assert_eq!(model.requests().len(), n_asked, "nobody was asked");
        update(back).await;
    }
    assert_eq!(stage.figure(FAILED_STEPS), 0.0, "nothing is repeated");
}
