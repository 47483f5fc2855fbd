//! Transitions by behaviour.

use chrono::TimeDelta;
use serde_json::json;
use warren_chat_proto::{ChatError, Execution as X, Message, Part, RetryState};
use warren_db::{Notice, Tx, channels, query};
use warren_vocab::{BusyBehavior, ChatId, ChatStatus, MessageRole, MessageVisibility};

use super::{
    super::{Command, NewMessage, create, transition},
    matrix::retry,
    stage::{CALL, Stage, answer},
};
use crate::{
    error::{ChatResult, ChatServiceError},
    rows, turn,
};

const CANCELLED: &str = "The tool call was cancelled before it produced a result.";

#[tokio::test]
async fn a_chat_needs_a_first_message_but_not_one_of_a_user() {
    let stage = Stage::new().await;
    let make = async |messages: Vec<NewMessage>| {
        stage.db.write(async |tx| create(tx, stage.row(), messages).await).await
    };
    assert!(matches!(make(Vec::new()).await, Err(ChatServiceError::Invalid { .. })));
    let system = NewMessage::new(MessageRole::System, vec![Part::text("Be brief.")]);
    make(vec![system.clone()]).await.unwrap();
    let outcome = make(vec![stage.message("hello").into(), system]).await.unwrap();
    assert_eq!(outcome.state.execution(), X::R0);
}

#[tokio::test]
async fn a_new_chat_begins_its_versions_and_is_announced_after_the_commit() {
    let stage = Stage::new().await;
    let mut hints = stage.db.subscribe(&channels::chats_of(stage.owner));
    let failed: ChatResult<()> = stage
        .db
        .write(async |tx| {
            create(tx, stage.row(), vec![stage.message("lost").into()]).await?;
            Err(ChatServiceError::Forbidden)
        })
        .await;
    assert!(failed.is_err());
    let chat = stage.create("kept").await;
    let versions = stage.state(chat).await.versions;
    assert_eq!((versions.snapshot, versions.history, versions.queue, versions.attempt), (1, 1, 0, 0));
    let Some(Notice::Hint(hint)) = hints.next().await else { panic!("a hint comes") };
    assert_eq!(hint, json!({ "kind": "created", "chat_id": chat }), "the lost chat is not announced");
}

#[tokio::test]
async fn a_transaction_that_fails_leaves_no_trace_and_no_hint() {
    let stage = Stage::new().await;
    let chat = stage.create("hello").await;
    let before = stage.stored(chat).await;
    let mut hints = stage.db.subscribe(&channels::chat(chat));
    let failed: ChatResult<()> = stage
        .db
        .write(async |tx| {
            transition(tx, chat, None, Command::Interrupt).await?;
            Err(ChatServiceError::Forbidden)
        })
        .await;
    assert!(failed.is_err());
    assert_eq!(stage.stored(chat).await, before);
    let seen = stage.apply(chat, Command::RecordAttempt).await.unwrap().state.versions.snapshot;
    let Some(Notice::Hint(hint)) = hints.next().await else { panic!("a hint comes") };
    assert_eq!(hint["snapshot_version"], seen);
    assert_eq!(hint["status"], "running");
}

#[tokio::test]
async fn reading_does_not_move_the_snapshot_and_a_missing_chat_is_not_found() {
    let stage = Stage::new().await;
    let chat = stage.create("hello").await;
    let before = stage.stored(chat).await;
    stage.state(chat).await;
    assert_eq!(stage.stored(chat).await, before);
    let missing = stage.apply(ChatId::new(), Command::Interrupt).await;
    assert!(matches!(missing, Err(ChatServiceError::NotFound)));
}

#[tokio::test]
async fn several_transitions_of_one_transaction_are_applied_in_order() {
    let stage = Stage::new().await;
    let chat = stage.create("hello").await;
    let written: ChatResult<()> = stage
        .db
        .write(async |tx: &Tx| {
            transition(tx, chat, None, Command::CommitStep(vec![answer("hi")])).await?;
            transition(tx, chat, None, Command::FinishTurn).await?;
            transition(tx, chat, None, Command::SetArchived(true)).await?;
            Ok(())
        })
        .await;
    written.unwrap();
    let state = stage.state(chat).await;
    assert_eq!(state.execution(), X::XW);
    assert_eq!(state.versions.snapshot, 4);
}

#[tokio::test]
async fn messages_carry_the_version_that_wrote_them() {
    let stage = Stage::new().await;
    let chat = stage.create("one").await;
    stage.apply(chat, Command::CommitStep(vec![answer("a"), answer("b")])).await.unwrap();
    let revisions: Vec<_> = stage.live(chat).await.iter().map(|message| message.revision).collect();
    assert_eq!(revisions, [1, 2, 2]);
    assert_eq!(stage.state(chat).await.versions.history, 2);
    stage.apply(chat, Command::RecordAttempt).await.unwrap();
    let versions = stage.state(chat).await.versions;
    assert_eq!((versions.snapshot, versions.history, versions.attempt), (3, 2, 1));
    stage.apply(chat, Command::CommitStep(vec![answer("c")])).await.unwrap();
    let versions = stage.state(chat).await.versions;
    assert_eq!((versions.history, versions.attempt), (4, 0), "a new history counts its attempts anew");
}

#[tokio::test]
async fn the_queue_version_moves_with_the_queue_alone() {
    let stage = Stage::new().await;
    let chat = stage.create("hello").await;
    let queue_version = async || stage.state(chat).await.versions.queue;
    stage.apply(chat, Command::RecordAttempt).await.unwrap();
    assert_eq!(queue_version().await, 0);
    for text in ["one", "two"] {
        let sent = stage.apply(chat, stage.send(text, BusyBehavior::Queue)).await.unwrap();
        assert_eq!(queue_version().await, sent.state.versions.snapshot);
    }
    let queue = stage.queue(chat).await;
    let moved = stage.apply(chat, Command::PromoteQueued(queue[1].0)).await.unwrap();
    assert_eq!(queue_version().await, moved.state.versions.snapshot);
    let removed = stage.apply(chat, Command::DeleteQueued(queue[0].0)).await.unwrap();
    assert_eq!(queue_version().await, removed.state.versions.snapshot);
    let before = queue_version().await;
    stage.take(chat).await;
    assert_eq!(queue_version().await, before);
}

#[tokio::test]
async fn a_retry_is_shown_until_the_next_attempt_or_history() {
    let stage = Stage::new().await;
    let chat = stage.create("hello").await;
    let shown = async || stage.row_of(chat).await.retry_state;
    let begin = query::clock::now(stage.db.reader()).await.unwrap();
    let wait = stage.apply(chat, Command::RecordRetry(retry())).await.unwrap();
    assert_eq!(wait.state.versions.retry, wait.state.versions.snapshot);
    let stored = rows::retry(&stage.row_of(chat).await).unwrap().unwrap();
    assert!(stored.retrying_at >= begin + TimeDelta::seconds(1), "by the clock of the database");
    assert_eq!(RetryState { retrying_at: retry().retrying_at, ..stored }, retry());
    let next = stage.apply(chat, Command::RecordAttempt).await.unwrap();
    assert_eq!(shown().await, None);
    assert_eq!(next.state.versions.retry, next.state.versions.snapshot);
    let again = stage.apply(chat, Command::RecordAttempt).await.unwrap();
    assert_eq!(again.state.versions.retry, next.state.versions.snapshot, "nothing to clear, nothing to move");
    stage.apply(chat, Command::RecordRetry(retry())).await.unwrap();
    stage.apply(chat, Command::CommitStep(vec![answer("hi")])).await.unwrap();
    assert_eq!(shown().await, None);
}

#[tokio::test]
async fn a_busy_chat_is_not_archived_and_an_archived_one_comes_back_as_it_was() {
    let stage = Stage::new().await;
    let busy = stage.create("hello").await;
    let before = stage.stored(busy).await;
    assert!(stage.apply(busy, Command::SetArchived(true)).await.is_err());
    assert_eq!(stage.stored(busy).await, before);
    let chat = stage.chat_in(X::E1, 2).await;
    stage.db.write(async |tx| query::chats::set_pin_order(tx, chat, 3).await).await.unwrap();
    let (before, queue) = (stage.row_of(chat).await, stage.queue(chat).await);
    stage.apply(chat, Command::SetArchived(true)).await.unwrap();
    let archived = stage.row_of(chat).await;
    assert_eq!(
        (archived.pin_order, &archived.last_error),
        (0, &before.last_error),
        "the error stays, the pin goes"
    );
    assert!(archived.updated_at > before.updated_at, "retention counts from here");
    let back = stage.apply(chat, Command::SetArchived(false)).await.unwrap();
    assert_eq!(back.state.execution(), X::E1);
    assert_eq!(stage.queue(chat).await, queue);
    assert_eq!(stage.row_of(chat).await.last_error, before.last_error);
}

#[tokio::test]
async fn an_impossible_state_is_repaired_with_an_explanation_and_a_valid_one_left_alone() {
    let stage = Stage::new().await;
    let chat = stage.chat_with("requires_action", true, 1).await;
    let repaired = stage.apply(chat, Command::Reconcile).await.unwrap();
    assert_eq!(repaired.state.execution(), X::E1);
    let row = stage.row_of(chat).await;
    assert!(!row.archived);
    assert_eq!(row.requires_action_deadline_at, None);
    assert!(rows::error(&row).unwrap().unwrap().message.contains("repaired"));
    assert_eq!(stage.ledger(chat).await[CALL], "denied");
    assert_eq!(stage.story(chat).await.last().unwrap().1, format!("{CALL}: {CANCELLED}"));
    let before = stage.stored(chat).await;
    assert!(matches!(stage.apply(chat, Command::Reconcile).await, Err(ChatServiceError::Conflict { .. })));
    assert_eq!(stage.stored(chat).await, before);
}

#[tokio::test]
async fn leaving_an_error_forgets_it() {
    let stage = Stage::new().await;
    let chat = stage.create("hello").await;
    let error = ChatError::generic("It broke.");
    stage.apply(chat, Command::FinishError { error: error.clone(), partial: Vec::new() }).await.unwrap();
    assert_eq!(rows::error(&stage.row_of(chat).await).unwrap(), Some(error));
    stage.apply(chat, stage.send("again", BusyBehavior::Queue)).await.unwrap();
    assert_eq!(stage.row_of(chat).await.last_error, None);
    let chat = stage.chat_in(X::E0, 0).await;
    let message_id = stage.last_user_message(chat).await;
    stage.apply(chat, Command::Edit { message_id, message: stage.message("x") }).await.unwrap();
    assert_eq!(stage.row_of(chat).await.last_error, None);
}

#[tokio::test]
async fn a_model_is_told_the_newest_summary_and_what_came_after_it() {
    let stage = Stage::new().await;
    let system = NewMessage {
        visibility: MessageVisibility::Model,
        ..NewMessage::new(MessageRole::System, vec![Part::text("Be brief.")])
    };
    let messages = vec![system, stage.message("one").into()];
    let made = stage.db.write(async |tx| create(tx, stage.row(), messages).await).await;
    let chat = ChatId::from_uuid(made.unwrap().chat.id);
    let working = async || {
        let rows = query::chat_messages::working(stage.db.reader(), chat).await.unwrap();
        rows.into_iter().map(|row| rows::message(row).unwrap()).collect::<Vec<_>>()
    };
    let texts = |messages: &[Message]| {
        let texts = messages.iter().map(|message| match &message.content[0] {
            Part::Text { text } => text.clone(),
            other => format!("{other:?}"),
        });
        texts.collect::<Vec<_>>()
    };
    let told = async || texts(&turn::told(&working().await));
    stage.apply(chat, Command::CommitStep(vec![answer("two")])).await.unwrap();
    assert_eq!(told().await, ["Be brief.", "one", "two"]);
    for n in 1..=2 {
        let summary = NewMessage {
            visibility: MessageVisibility::Model,
            compressed: true,
            ..NewMessage::new(MessageRole::User, vec![Part::text(format!("summary {n}"))])
        };
        let shown = NewMessage { compressed: true, ..answer("It was summarised.") };
        stage.apply(chat, Command::CommitCompaction(vec![summary, shown])).await.unwrap();
        let for_users = NewMessage { visibility: MessageVisibility::User, ..answer("a notice") };
        stage.apply(chat, Command::CommitStep(vec![answer("after"), for_users])).await.unwrap();
        assert_eq!(told().await, ["Be brief.".to_owned(), format!("summary {n}"), "after".to_owned()]);
        assert!(texts(&working().await).contains(&"one".to_owned()), "the turn goes on with its question");
    }
    stage.apply(chat, Command::FinishTurn).await.unwrap();
    stage.apply(chat, stage.send("three", BusyBehavior::Queue)).await.unwrap();
    let needed = ["Be brief.", "summary 2", "It was summarised.", "after", "three"];
    assert_eq!(texts(&working().await), needed, "nothing of what a summary stands for is read again");
    let message_id = stage.last_user_message(chat).await;
    let first = stage.live(chat).await.iter().find(|m| m.content == [Part::text("one")]).unwrap().id;
    assert!(first < message_id);
    stage.apply(chat, Command::Edit { message_id: first, message: stage.message("anew") }).await.unwrap();
    assert_eq!(told().await, ["Be brief.", "anew"], "an edit before a summary takes the summary back");
}

#[tokio::test]
async fn texts_with_nul_characters_come_back_as_they_were() {
    let stage = Stage::new().await;
    let chat = stage.create("before\0after").await;
    let result = Part::tool_result("a", "tool", json!({ "output\0": "\0\u{e000}0" }), false);
    stage.commit_calls(chat, &["a"]).await;
    let step = vec![NewMessage::new(MessageRole::Tool, vec![result.clone()])];
    stage.apply(chat, Command::CommitStep(step)).await.unwrap();
    let live = stage.live(chat).await;
    assert_eq!(live[0].content, [Part::text("before\0after")]);
    assert_eq!(live[2].content, [result]);
}

#[tokio::test]
async fn time_for_answers_begins_with_the_question() {
    let stage = Stage::new().await;
    let chat = stage.create("hello").await;
    stage.commit_calls(chat, &["a"]).await;
    let within = TimeDelta::minutes(5);
    let asked = stage.apply(chat, Command::EnterRequiresAction { asks: Vec::new(), within }).await.unwrap();
    assert_eq!(asked.state.status, ChatStatus::RequiresAction);
    let left = super::super::time_left(stage.db.reader(), &asked.chat).await.unwrap().unwrap();
    assert!(left <= within && left > within - TimeDelta::minutes(1), "{left}");
    let late = stage.create("hello").await;
    stage.commit_calls(late, &["a"]).await;
    let within = TimeDelta::seconds(-1);
    let asked = stage.apply(late, Command::EnterRequiresAction { asks: Vec::new(), within }).await.unwrap();
    assert_eq!(
        super::super::time_left(stage.db.reader(), &asked.chat).await.unwrap(),
        Some(TimeDelta::zero())
    );
}
