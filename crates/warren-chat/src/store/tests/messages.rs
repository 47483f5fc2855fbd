//! Messages of users: sent, queued, promoted, edited, and what happens to open calls before them.

use serde_json::json;
use warren_chat_proto::{ChatError, Execution as X, Part};
use warren_vocab::{BusyBehavior, MessageId, MessageRole, QueuedMessageId};

use super::{
    super::{Command, NewMessage, UserMessage},
    stage::{CALL, Stage, answer},
};
use crate::error::ChatServiceError;

const CANCELLED: &str = "The tool call was cancelled before it produced a result.";

fn texts(story: &[(MessageRole, String)]) -> Vec<&str> {
    story.iter().map(|(_, text)| text.as_str()).collect()
}

#[tokio::test]
async fn a_message_to_an_idle_chat_starts_it_and_a_failed_one_takes_its_oldest_first() {
    let stage = Stage::new().await;
    for state in [X::W, X::E0] {
        let chat = stage.chat_in(state, 0).await;
        let sent = stage.apply(chat, stage.send("new", BusyBehavior::Queue)).await.unwrap();
        assert_eq!(sent.state.execution(), X::R0);
        assert!(sent.queued.is_none());
        assert_eq!(texts(&stage.story(chat).await), ["hello", "new"]);
    }
    let chat = stage.chat_in(X::E1, 1).await;
    let sent = stage.apply(chat, stage.send("new", BusyBehavior::Queue)).await.unwrap();
    assert_eq!(sent.state.execution(), X::R1);
    assert!(sent.queued.is_some());
    assert_eq!(texts(&stage.story(chat).await), ["hello", "queued 0"]);
    assert_eq!(stage.queue(chat).await[0].1, "new");
}

#[tokio::test]
async fn a_message_to_a_busy_chat_waits_and_leaves_the_history_alone() {
    let stage = Stage::new().await;
    let chat = stage.create("hello").await;
    let before = stage.state(chat).await.versions.history;
    let sent = stage.apply(chat, stage.send("later", BusyBehavior::Queue)).await.unwrap();
    assert_eq!(sent.queued.unwrap().content, [Part::text("later")]);
    assert_eq!(stage.state(chat).await.versions.history, before);
    assert_eq!(texts(&stage.story(chat).await), ["hello"]);
}

#[tokio::test]
async fn an_interrupting_message_comes_after_the_partial_answer() {
    let stage = Stage::new().await;
    let chat = stage.create("hello").await;
    let sent = stage.apply(chat, stage.send("stop, do this", BusyBehavior::Interrupt)).await.unwrap();
    assert_eq!(sent.state.execution(), X::I1);
    let partial = vec![answer("I was about to")];
    let done = stage.apply(chat, Command::FinishInterruption { partial }).await.unwrap();
    assert_eq!(done.state.execution(), X::R0);
    assert_eq!(texts(&stage.story(chat).await), ["hello", "I was about to", "stop, do this"]);
}

#[tokio::test]
async fn twenty_messages_may_wait_and_no_more() {
    let stage = Stage::new().await;
    let chat = stage.create("hello").await;
    for n in 0..20 {
        stage.apply(chat, stage.send(&format!("{n}"), BusyBehavior::Queue)).await.unwrap();
    }
    let before = stage.stored(chat).await;
    for busy in [BusyBehavior::Queue, BusyBehavior::Interrupt] {
        let refused = stage.apply(chat, stage.send("one too many", busy)).await;
        assert!(matches!(refused, Err(ChatServiceError::QueueFull)));
    }
    assert_eq!(stage.stored(chat).await, before);
    // The failed chat takes its oldest message out as it takes the new one in.
    let error = ChatError::generic("It broke.");
    stage.apply(chat, Command::FinishError { error, partial: Vec::new() }).await.unwrap();
    stage.apply(chat, stage.send("fits", BusyBehavior::Queue)).await.unwrap();
    assert_eq!(stage.queue(chat).await.len(), 20);
}

#[tokio::test]
async fn an_edit_cuts_what_came_after_and_starts_anew() {
    let stage = Stage::new().await;
    let chat = stage.create("one").await;
    stage.apply(chat, Command::CommitStep(vec![answer("first")])).await.unwrap();
    stage.apply(chat, Command::FinishTurn).await.unwrap();
    let second = stage.apply(chat, stage.send("two", BusyBehavior::Queue)).await.unwrap().messages[0].id;
    stage.apply(chat, Command::CommitStep(vec![answer("second")])).await.unwrap();
    stage.apply(chat, stage.send("waits", BusyBehavior::Queue)).await.unwrap();
    let message = UserMessage { model_config_id: stage.other_model, ..stage.message("two, better") };
    let edited = stage.apply(chat, Command::Edit { message_id: second, message }).await.unwrap();
    assert_eq!(edited.state.execution(), X::R0);
    assert_eq!(texts(&stage.story(chat).await), ["one", "first", "two, better"]);
    assert!(stage.queue(chat).await.is_empty());
    let stored = stage.stored(chat).await;
    let cut: Vec<_> = stored.messages.iter().filter(|message| message.deleted).collect();
    assert_eq!(cut.len(), 2, "what was cut is kept, marked");
    assert!(cut.iter().all(|message| message.revision == edited.state.versions.snapshot));
    assert_eq!(stored.chat.last_model_config_id, stage.other_model.as_uuid());
}

#[tokio::test]
async fn only_messages_of_users_in_this_chat_can_be_edited() {
    let stage = Stage::new().await;
    let (chat, other) = (stage.create("mine").await, stage.create("another").await);
    let said = stage.apply(chat, Command::CommitStep(vec![answer("hi")])).await.unwrap().messages[0].id;
    let foreign = stage.last_user_message(other).await;
    let before = stage.stored(chat).await;
    let edit = async |message_id: MessageId| {
        stage.apply(chat, Command::Edit { message_id, message: stage.message("x") }).await.unwrap_err()
    };
    assert!(matches!(edit(MessageId(999_999)).await, ChatServiceError::NotFound));
    assert!(matches!(edit(foreign).await, ChatServiceError::NotFound));
    assert!(matches!(edit(said).await, ChatServiceError::Invalid { .. }));
    assert_eq!(stage.stored(chat).await, before);
}

#[tokio::test]
async fn an_edit_ends_what_the_chat_waited_for() {
    let stage = Stage::new().await;
    let chat = stage.chat_in(X::A1, 1).await;
    let message_id = stage.last_user_message(chat).await;
    stage.apply(chat, Command::Edit { message_id, message: stage.message("edited") }).await.unwrap();
    assert_eq!(stage.row_of(chat).await.requires_action_deadline_at, None);
    assert_eq!(stage.ledger(chat).await[CALL], "denied");
    assert!(super::super::pending(stage.db.reader(), chat).await.unwrap().is_empty());
    assert_eq!(texts(&stage.story(chat).await), ["edited"]);
}

#[tokio::test]
async fn an_unknown_queued_message_and_an_empty_queue_are_told_apart() {
    let stage = Stage::new().await;
    let chat = stage.chat_in(X::E1, 1).await;
    let unknown = stage.apply(chat, Command::DeleteQueued(QueuedMessageId(999_999))).await;
    assert!(matches!(unknown, Err(ChatServiceError::NotFound)));
    let (id, _) = stage.queue(chat).await[0];
    let last = stage.apply(chat, Command::DeleteQueued(id)).await.unwrap();
    assert_eq!(last.state.execution(), X::E0);
    let empty = stage.apply(chat, Command::DeleteQueued(id)).await;
    assert!(matches!(empty, Err(ChatServiceError::Conflict { .. })));
}

#[tokio::test]
async fn a_promoted_message_goes_in_at_once_or_to_the_head_of_the_queue() {
    let stage = Stage::new().await;
    for state in [X::E1, X::A1] {
        let chat = stage.chat_in(state, 2).await;
        let queue = stage.queue(chat).await;
        let promoted = stage.apply(chat, Command::PromoteQueued(queue[1].0)).await.unwrap();
        assert_eq!(promoted.state.execution(), X::R1);
        assert_eq!(texts(&stage.story(chat).await).last(), Some(&"queued 1"));
        assert_eq!(stage.queue(chat).await, [queue[0].clone()]);
        assert_eq!(stage.row_of(chat).await.last_error, None);
    }
    let chat = stage.chat_in(X::R1, 2).await;
    let queue = stage.queue(chat).await;
    let promoted = stage.apply(chat, Command::PromoteQueued(queue[1].0)).await.unwrap();
    assert_eq!(promoted.state.execution(), X::I1);
    assert!(promoted.messages.is_empty());
    assert_eq!(stage.queue(chat).await, [queue[1].clone(), queue[0].clone()]);
    stage.apply(chat, Command::PromoteQueued(queue[0].0)).await.unwrap();
    assert_eq!(stage.queue(chat).await, queue);
}

#[tokio::test]
async fn an_interruption_needs_something_to_stop_and_keeps_the_queue() {
    let stage = Stage::new().await;
    for state in [X::W, X::E0] {
        let chat = stage.chat_in(state, 0).await;
        let refused = stage.apply(chat, Command::Interrupt).await;
        assert!(matches!(refused, Err(ChatServiceError::Conflict { .. })));
    }
    let chat = stage.chat_in(X::R1, 2).await;
    let queue = stage.queue(chat).await;
    assert_eq!(stage.apply(chat, Command::Interrupt).await.unwrap().state.execution(), X::I1);
    assert_eq!(stage.queue(chat).await, queue);
}

#[tokio::test]
async fn the_end_of_a_turn_takes_exactly_one_message_and_its_model() {
    let stage = Stage::new().await;
    let chat = stage.create("hello").await;
    for (text, model) in [("one", stage.other_model), ("two", stage.model), ("three", stage.model)] {
        let message = UserMessage { model_config_id: model, ..stage.message(text) };
        stage.apply(chat, Command::Send { message, busy: BusyBehavior::Queue }).await.unwrap();
    }
    assert_eq!(stage.row_of(chat).await.last_model_config_id, stage.model.as_uuid());
    let finished = stage.apply(chat, Command::FinishTurn).await.unwrap();
    assert_eq!(finished.state.execution(), X::R1);
    assert_eq!(texts(&stage.story(chat).await), ["hello", "one"]);
    assert_eq!(finished.messages[0].model_config_id, Some(stage.other_model));
    assert_eq!(stage.row_of(chat).await.last_model_config_id, stage.other_model.as_uuid());
    let left: Vec<_> = stage.queue(chat).await.into_iter().map(|(_, text)| text).collect();
    assert_eq!(left, ["two", "three"]);
}

#[tokio::test]
async fn open_calls_are_answered_before_a_message_of_a_user() {
    let stage = Stage::new().await;
    let expected = |last: &'static str| ["hello", "call a | call b", "a: done", "b: CANCELLED", last];
    let with_open_call = async |state: &str| {
        let chat = stage.create("hello").await;
        stage.commit_calls(chat, &["a", "b"]).await;
        let done = Part::tool_result("a", "tool", json!({ "error": "done" }), false);
        let step = vec![NewMessage::new(MessageRole::Tool, vec![done])];
        stage.apply(chat, Command::CommitStep(step)).await.unwrap();
        stage.apply(chat, stage.send("next", BusyBehavior::Queue)).await.unwrap();
        match state {
            "running" => stage.apply(chat, Command::FinishTurn).await.unwrap(),
            "interrupted" => {
                stage.apply(chat, Command::Interrupt).await.unwrap();
                stage.apply(chat, Command::FinishInterruption { partial: Vec::new() }).await.unwrap()
            }
            "failed, sent" | "failed, promoted" => {
                let error = ChatError::generic("It broke.");
                stage.apply(chat, Command::FinishError { error, partial: Vec::new() }).await.unwrap();
                let (id, _) = stage.queue(chat).await[0];
                match state {
                    "failed, sent" => {
                        stage.apply(chat, stage.send("more", BusyBehavior::Queue)).await.unwrap()
                    }
                    _ => stage.apply(chat, Command::PromoteQueued(id)).await.unwrap(),
                }
            }
            other => panic!("{other}"),
        };
        let story = stage.story(chat).await;
        story.into_iter().map(|(_, text)| text.replace(CANCELLED, "CANCELLED")).collect::<Vec<_>>()
    };
    for state in ["running", "interrupted", "failed, sent", "failed, promoted"] {
        assert_eq!(with_open_call(state).await, expected("next"), "{state}");
    }
}

#[tokio::test]
async fn calls_that_the_provider_ran_itself_need_no_answer() {
    let stage = Stage::new().await;
    let chat = stage.create("hello").await;
    let call = Part::ToolCall {
        tool_call_id: String::from("p"),
        tool_name: String::from("web_search"),
        args: Some(json!({})),
        args_delta: None,
        provider_executed: true,
        provider_metadata: None,
        created_at: None,
    };
    let step = vec![NewMessage::new(MessageRole::Assistant, vec![call])];
    stage.apply(chat, Command::CommitStep(step)).await.unwrap();
    stage.apply(chat, stage.send("next", BusyBehavior::Queue)).await.unwrap();
    stage.apply(chat, Command::FinishTurn).await.unwrap();
    assert_eq!(texts(&stage.story(chat).await), ["hello", "call p", "next"]);
}
