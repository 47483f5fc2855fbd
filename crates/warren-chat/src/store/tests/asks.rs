//! Calls that wait for a user or a client.

use chrono::TimeDelta;
use serde_json::json;
use warren_chat_proto::Execution as X;
use warren_db::query;
use warren_vocab::{BusyBehavior, ChatId};

use super::{
    super::{Ask, AskReason, ClientResult, Command, Decision, pending},
    stage::Stage,
};
use crate::error::ChatServiceError;

/// A chat that waits: the client for `client`, a user for `rule` and `unknown`.
async fn waiting_chat(stage: &Stage) -> ChatId {
    let chat = stage.create("hello").await;
    let fence = stage.take(chat).await;
    let history_version = stage.commit_calls(chat, &["client", "rule", "unknown"]).await;
    let key = query::chat_tool_calls::Key { chat, history_version, call_id: String::from("unknown") };
    let start = async |tx: &warren_db::Tx| {
        query::chat_tool_calls::start(tx, &key, fence.lease, None, chrono::Utc::now()).await
    };
    assert!(stage.db.write(start).await.unwrap());
    let ask = |call: &str, reason| Ask {
        history_version,
        call_id: call.to_owned(),
        reason,
        message: format!("May {call} run?"),
    };
    let asks = vec![ask("rule", AskReason::Rule), ask("unknown", AskReason::OutcomeUnknown)];
    let command = Command::EnterRequiresAction { asks, within: TimeDelta::hours(24) };
    assert_eq!(stage.apply(chat, command).await.unwrap().state.execution(), X::A0);
    chat
}

fn result(call_id: &str) -> ClientResult {
    ClientResult { call_id: call_id.to_owned(), output: json!({ "answer": 42 }), is_error: false }
}

fn answers(stage: &Stage, results: Vec<ClientResult>, decisions: &[(&str, bool)]) -> Command {
    let decisions = decisions.iter().map(|(call_id, approve)| Decision {
        call_id: (*call_id).to_owned(),
        approve: *approve,
        note: (!approve).then(|| String::from("not on Fridays")),
        decided_by: stage.owner,
    });
    Command::CompleteRequiresAction { results, decisions: decisions.collect() }
}

async fn ledger(stage: &Stage, chat: ChatId) -> Vec<(String, String)> {
    stage.ledger(chat).await.into_iter().collect()
}

fn states(states: [(&str, &str); 3]) -> Vec<(String, String)> {
    states.map(|(call, state)| (call.to_owned(), state.to_owned())).to_vec()
}

#[tokio::test]
async fn what_waits_is_listed_with_its_reason_and_arguments() {
    let stage = Stage::new().await;
    let chat = waiting_chat(&stage).await;
    let calls = pending(stage.db.reader(), chat).await.unwrap();
    let shown: Vec<_> =
        calls.iter().map(|call| (call.call_id.as_str(), call.reason, call.message.as_str())).collect();
    assert_eq!(
        shown,
        [
            ("client", AskReason::Client, ""),
            ("rule", AskReason::Rule, "May rule run?"),
            ("unknown", AskReason::OutcomeUnknown, "May unknown run?"),
        ]
    );
    assert!(calls.iter().all(|call| call.args == json!({}) && call.tool_name == "tool"));
    let expected = states([("client", "asked"), ("rule", "asked"), ("unknown", "unknown")]);
    assert_eq!(ledger(&stage, chat).await, expected);
}

#[tokio::test]
async fn a_chat_goes_on_when_everybody_has_answered() {
    let stage = Stage::new().await;
    let chat = waiting_chat(&stage).await;
    let before = stage.row_of(chat).await;
    let first = stage.apply(chat, answers(&stage, Vec::new(), &[("unknown", true)])).await.unwrap();
    assert_eq!(first.state.execution(), X::A0);
    let row = stage.row_of(chat).await;
    assert_eq!(row.snapshot_version, before.snapshot_version + 1, "viewers look again");
    assert_eq!(
        (row.history_version, row.requires_action_deadline_at),
        (before.history_version, before.requires_action_deadline_at)
    );
    let second = stage.apply(chat, answers(&stage, vec![result("client")], &[])).await.unwrap();
    assert_eq!(second.state.execution(), X::A0);
    assert_eq!(pending(stage.db.reader(), chat).await.unwrap().len(), 1);
    let last = stage.apply(chat, answers(&stage, Vec::new(), &[("rule", false)])).await.unwrap();
    assert_eq!(last.state.execution(), X::R0);
    assert_eq!(stage.row_of(chat).await.requires_action_deadline_at, None);
    let expected = states([("client", "finished"), ("rule", "denied"), ("unknown", "approved")]);
    assert_eq!(ledger(&stage, chat).await, expected);
    let story = stage.story(chat).await;
    let told = &story.last().unwrap().1;
    assert!(told.starts_with(r#"client: {"answer":42} | rule: The user did not allow"#), "{told}");
    assert!(!told.contains("unknown:"), "the approved call is still to run");
    let calls = stage.stored(chat).await.calls;
    let runs: Vec<_> = calls.iter().map(|call| (call.call_id.as_str(), call.run)).collect();
    assert_eq!(runs, [("client", 1), ("rule", 1), ("unknown", 2)], "a repeated call has a new key");
    assert_eq!(calls[1].note.as_deref(), Some("not on Fridays"));
    assert_eq!(calls[1].decided_by, Some(stage.owner.as_uuid()));
}

#[tokio::test]
async fn an_unknown_outcome_that_is_not_repeated_is_told_to_the_model() {
    let stage = Stage::new().await;
    let chat = waiting_chat(&stage).await;
    let all = answers(&stage, vec![result("client")], &[("rule", true), ("unknown", false)]);
    assert_eq!(stage.apply(chat, all).await.unwrap().state.execution(), X::R0);
    let story = stage.story(chat).await;
    assert!(story.last().unwrap().1.contains("unknown: The outcome of this tool call is unknown"));
    let expected = states([("client", "finished"), ("rule", "approved"), ("unknown", "denied")]);
    assert_eq!(ledger(&stage, chat).await, expected);
}

#[tokio::test]
async fn answers_that_nobody_asked_for_are_refused_and_change_nothing() {
    let stage = Stage::new().await;
    let chat = waiting_chat(&stage).await;
    let before = stage.stored(chat).await;
    for command in [
        answers(&stage, vec![result("nothing")], &[]),
        answers(&stage, vec![result("rule")], &[]),
        answers(&stage, vec![result("client"), result("client")], &[]),
        answers(&stage, Vec::new(), &[("client", true)]),
        answers(&stage, Vec::new(), &[("rule", true), ("rule", false)]),
        answers(&stage, vec![result("client")], &[("nothing", true)]),
    ] {
        let refused = stage.apply(chat, command).await;
        assert!(matches!(refused, Err(ChatServiceError::Invalid { .. })), "{refused:?}");
        assert_eq!(stage.stored(chat).await, before);
    }
    stage.apply(chat, answers(&stage, Vec::new(), &[("rule", true)])).await.unwrap();
    let twice = stage.apply(chat, answers(&stage, Vec::new(), &[("rule", true)])).await;
    assert!(matches!(twice, Err(ChatServiceError::Invalid { .. })));
    let running = stage.create("hello").await;
    let early = stage.apply(running, answers(&stage, vec![result("client")], &[])).await;
    assert!(matches!(early, Err(ChatServiceError::Conflict { .. })));
}

#[tokio::test]
async fn a_client_answers_all_of_its_calls_at_once() {
    let stage = Stage::new().await;
    let chat = stage.create("hello").await;
    stage.commit_calls(chat, &["a", "b"]).await;
    let command = Command::EnterRequiresAction { asks: Vec::new(), within: TimeDelta::minutes(5) };
    stage.apply(chat, command).await.unwrap();
    let half = stage.apply(chat, answers(&stage, vec![result("b")], &[])).await;
    assert!(matches!(half, Err(ChatServiceError::Invalid { .. })));
    let both = answers(&stage, vec![result("b"), result("a")], &[]);
    assert_eq!(stage.apply(chat, both).await.unwrap().state.execution(), X::R0);
    let story = stage.story(chat).await;
    let told = &story.last().unwrap().1;
    assert!(told.find("a:") < told.find("b:"), "in the order of the calls: {told}");
}

#[tokio::test]
async fn what_was_answered_counts_when_the_time_is_over() {
    let stage = Stage::new().await;
    let chat = waiting_chat(&stage).await;
    stage.apply(chat, answers(&stage, vec![result("client")], &[])).await.unwrap();
    let command = Command::CancelRequiresAction { why: String::from("Nobody answered in time.") };
    assert_eq!(stage.apply(chat, command).await.unwrap().state.execution(), X::R0);
    let story = stage.story(chat).await;
    assert_eq!(
        story.last().unwrap().1,
        r#"client: {"answer":42} | rule: Nobody answered in time. | unknown: The outcome of this tool call is unknown: it was started, and its answer was lost. It was not run again."#
    );
    assert!(pending(stage.db.reader(), chat).await.unwrap().is_empty());
    let expected = states([("client", "finished"), ("rule", "denied"), ("unknown", "denied")]);
    assert_eq!(ledger(&stage, chat).await, expected);
}

#[tokio::test]
async fn the_time_of_a_client_cancels_neither_what_was_approved_nor_what_a_user_is_asked() {
    let stage = Stage::new().await;
    let chat = waiting_chat(&stage).await;
    stage.apply(chat, answers(&stage, Vec::new(), &[("rule", true)])).await.unwrap();
    let command = Command::CancelRequiresAction { why: String::from("Nobody answered in time.") };
    assert_eq!(stage.apply(chat, command).await.unwrap().state.execution(), X::R0);
    assert_eq!(stage.story(chat).await.last().unwrap().1, "client: Nobody answered in time.");
    let expected = states([("client", "denied"), ("rule", "approved"), ("unknown", "unknown")]);
    assert_eq!(ledger(&stage, chat).await, expected);
}

#[tokio::test]
async fn a_user_may_interrupt_instead_of_answering() {
    let stage = Stage::new().await;
    for command in [Command::Interrupt, stage.send("never mind", BusyBehavior::Interrupt)] {
        let chat = waiting_chat(&stage).await;
        stage.apply(chat, command).await.unwrap();
        assert!(pending(stage.db.reader(), chat).await.unwrap().is_empty());
        let story = stage.story(chat).await;
        let n_cancelled: usize = story.iter().map(|said| said.1.matches("was cancelled").count()).sum();
        assert_eq!(n_cancelled, 2);
        assert!(
            story.iter().any(|said| said.1.contains("unknown: The outcome of this tool call is unknown"))
        );
        let expected = states([("client", "denied"), ("rule", "denied"), ("unknown", "denied")]);
        assert_eq!(ledger(&stage, chat).await, expected);
        assert_eq!(stage.row_of(chat).await.requires_action_deadline_at, None);
    }
}
