//! Every transition in every state, through the real store, compared with the text of the table.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde_json::json;
use warren_chat_proto::{ChatError, Execution, Lease, RetryState, step::table::TABLE};
use warren_vocab::{BusyBehavior, ChatId, MessageId, QueuedMessageId, ReplicaId, RunnerId};

use super::{
    super::{ClientResult, Command},
    stage::{CALL, Stage, answer},
};
use crate::error::ChatServiceError;

/// The states of a chat with the status, the flag and the messages in the queue that make them.
const STATES: &[(Execution, &str, bool, usize)] = &[
    (Execution::W, "waiting", false, 0),
    (Execution::E0, "error", false, 0),
    (Execution::E1, "error", false, 1),
    (Execution::E1, "error", false, 2),
    (Execution::R0, "running", false, 0),
    (Execution::R1, "running", false, 1),
    (Execution::R1, "running", false, 2),
    (Execution::I0, "interrupting", false, 0),
    (Execution::I1, "interrupting", false, 1),
    (Execution::I1, "interrupting", false, 2),
    (Execution::A0, "requires_action", false, 0),
    (Execution::A1, "requires_action", false, 1),
    (Execution::A1, "requires_action", false, 2),
    (Execution::XW, "waiting", true, 0),
    (Execution::XE0, "error", true, 0),
    (Execution::XE1, "error", true, 1),
    (Execution::Invalid, "waiting", false, 1),
    (Execution::Invalid, "running", true, 0),
    (Execution::Invalid, "requires_action", true, 1),
    (Execution::Invalid, "pending", false, 0),
    (Execution::Invalid, "completed", false, 1),
];

#[tokio::test]
async fn every_transition_in_every_state_does_what_the_table_says_or_changes_nothing() {
    let stage = Stage::new().await;
    let mut n_allowed = 0;
    for (name, allowed) in table() {
        if name == "Create" {
            continue;
        }
        for &(state, status, archived, n_queued) in STATES {
            let chat = stage.chat_with(status, archived, n_queued).await;
            let before = stage.stored(chat).await;
            let command = command(&stage, &name, chat).await;
            let place = format!("{name} in {} with {n_queued} queued", state.as_str());
            let expected = expected(&allowed, state, n_queued);
            match (stage.apply(chat, command).await, expected) {
                (Ok(outcome), Some(expected)) => {
                    n_allowed += 1;
                    assert_eq!(stage.state(chat).await, outcome.state, "{place}");
                    assert_eq!(outcome.state.execution().as_str(), expected, "{place}");
                    assert_eq!(
                        outcome.state.versions.snapshot,
                        before.chat.snapshot_version + 1,
                        "{place}: one transaction moves the snapshot by one"
                    );
                }
                (Err(error), None) => {
                    let is_refusal = matches!(error, ChatServiceError::Conflict { .. });
                    assert!(is_refusal, "{place}: {error:?}");
                    assert_eq!(stage.stored(chat).await, before, "{place}");
                }
                (Ok(outcome), None) => panic!("{place} went to {}", outcome.state.execution().as_str()),
                (Err(error), Some(expected)) => panic!("{place} must go to {expected}: {error}"),
            }
        }
    }
    assert!(n_allowed > 100, "{n_allowed}");
}

/// The rows of the table: targets by state.
fn table() -> Vec<(String, BTreeMap<String, String>)> {
    let row = |line: &str| {
        let (name, pairs) = line.split_once(' ').unwrap();
        let pairs = pairs.split_whitespace().map(|pair| {
            let (from, to) = pair.split_once('→').unwrap();
            (from.to_owned(), to.to_owned())
        });
        (name.to_owned(), pairs.collect())
    };
    TABLE.trim().lines().map(row).collect()
}

fn expected(allowed: &BTreeMap<String, String>, state: Execution, n_queued: usize) -> Option<String> {
    if allowed.contains_key("*") {
        return Some(state.as_str().to_owned());
    }
    let target = allowed.get(state.as_str())?;
    let Some((empty, rest)) = target.split_once('/') else { return Some(target.clone()) };
    // Of an impossible state the queue stays; elsewhere one message leaves it.
    let n_left = if state == Execution::Invalid { n_queued } else { n_queued - 1 };
    Some(if n_left == 0 { empty } else { rest }.to_owned())
}

async fn command(stage: &Stage, name: &str, chat: ChatId) -> Command {
    let queued = stage.queue(chat).await.last().map_or(QueuedMessageId(999_999), |(id, _)| *id);
    let results = vec![ClientResult { call_id: CALL.to_owned(), output: json!({}), is_error: false }];
    match name {
        "Send(Queue)" => stage.send("new", BusyBehavior::Queue),
        "Send(Interrupt)" => stage.send("new", BusyBehavior::Interrupt),
        "Edit" => {
            let message_id: MessageId = stage.last_user_message(chat).await;
            Command::Edit { message_id, message: stage.message("edited") }
        }
        "DeleteQueued" => Command::DeleteQueued(queued),
        "PromoteQueued" => Command::PromoteQueued(queued),
        "Interrupt" => Command::Interrupt,
        "CompleteRequiresAction" => Command::CompleteRequiresAction { results, decisions: Vec::new() },
        "SetArchived(true)" => Command::SetArchived(true),
        "SetArchived(false)" => Command::SetArchived(false),
        "RecordAttempt" => Command::RecordAttempt,
        "RecordRetry" => Command::RecordRetry(retry()),
        "CommitStep" => Command::CommitStep(vec![answer("said")]),
        "CommitCompaction" => Command::CommitCompaction(vec![answer("said")]),
        "EnterRequiresAction" => {
            Command::EnterRequiresAction { asks: Vec::new(), within: TimeDelta::minutes(5) }
        }
        "FinishTurn" => Command::FinishTurn,
        "FinishError" => {
            Command::FinishError { error: ChatError::generic("It broke."), partial: vec![answer("so far")] }
        }
        "FinishInterruption" => Command::FinishInterruption { partial: vec![answer("so far")] },
        "CancelRequiresAction" => Command::CancelRequiresAction { why: String::from("Too late.") },
        "Reconcile" => Command::Reconcile,
        "Acquire" => {
            let lease = Lease { worker: ReplicaId::new(), runner: RunnerId::new() };
            Command::Acquire { lease, lasts: TimeDelta::seconds(30) }
        }
        "Abandon" => Command::Abandon,
        other => panic!("the table has a new row {other:?}; give it a command here"),
    }
}

pub(super) fn retry() -> RetryState {
    RetryState {
        attempt: 1,
        delay_ms: 1000,
        error: String::from("The provider is overloaded."),
        kind: None,
        provider: None,
        status_code: Some(529),
        retrying_at: chrono::DateTime::UNIX_EPOCH,
    }
}
