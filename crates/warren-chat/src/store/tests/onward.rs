//! What a worker writes together with a step because it is certain to follow.

use serde_json::json;
use warren_chat_proto::{Execution as X, Part};
use warren_db::{Notice, channels};
use warren_vocab::{ChatId, MessageRole};

use super::{
    super::{Command, NewMessage, Outcome, commit_onward, fence},
    stage::{CALL, Stage, answer},
};

async fn commit(stage: &Stage, chat: ChatId, command: Command) -> Outcome {
    let state = stage.state(chat).await;
    let fence = fence(&state, state.status, None).unwrap();
    commit_onward(&stage.db, chat, &fence, command).await.unwrap()
}

#[tokio::test]
async fn a_turn_ends_and_the_chat_is_free_with_its_last_answer() {
    let stage = Stage::new().await;
    let chat = stage.chat_in(X::R0, 0).await;
    let before = stage.state(chat).await.versions;
    let mut hints = stage.db.subscribe(&channels::chat(chat));
    let done = commit(&stage, chat, Command::CommitStep(vec![answer("That is all.")])).await;
    assert_eq!(stage.state(chat).await, done.state);
    assert_eq!((done.state.execution(), done.state.lease), (X::W, None));
    let versions = done.state.versions;
    assert_eq!(
        (versions.snapshot, versions.history),
        (before.snapshot + 3, before.snapshot + 1),
        "one version for the answer, one for the end of the turn, one for the end of the lease"
    );
    let stored = stage.stored(chat).await;
    assert_eq!(stored.messages.len(), 2);
    assert_eq!(stored.chat.snapshot_version, versions.snapshot);
    let Some(Notice::Hint(first)) = hints.next().await else { panic!("a hint comes") };
    assert_eq!(first["snapshot_version"], before.snapshot + 1);
}

#[tokio::test]
async fn an_answer_that_calls_a_tool_ends_no_turn() {
    let stage = Stage::new().await;
    let chat = stage.chat_in(X::R0, 0).await;
    let call = Part::tool_call(CALL, "client_tool", json!({}));
    let asked = NewMessage::new(MessageRole::Assistant, vec![Part::text("I will look."), call]);
    let done = commit(&stage, chat, Command::CommitStep(vec![asked])).await;
    assert!(done.state.execution() == X::R0 && done.state.lease.is_some());
    let result = Part::tool_result(CALL, "client_tool", json!({}), false);
    let result = NewMessage::new(MessageRole::Tool, vec![result]);
    let done = commit(&stage, chat, Command::CommitStep(vec![result])).await;
    assert!(done.state.execution() == X::R0 && done.state.lease.is_some(), "the model is asked again");
}

#[tokio::test]
async fn where_a_message_waits_the_chat_is_kept() {
    let stage = Stage::new().await;
    let chat = stage.chat_in(X::R1, 1).await;
    let done = commit(&stage, chat, Command::CommitStep(vec![answer("That is all.")])).await;
    assert!(done.state.execution() == X::R1 && done.state.lease.is_some(), "the next step ends the turn");
    let done = commit(&stage, chat, Command::FinishTurn).await;
    assert!(done.state.execution() == X::R0 && done.state.lease.is_some(), "the next turn has begun");
}

#[tokio::test]
async fn the_end_of_a_turn_without_an_answer_frees_the_chat() {
    let stage = Stage::new().await;
    let chat = stage.chat_in(X::R0, 0).await;
    let begun = commit(&stage, chat, Command::RecordAttempt).await;
    assert!(begun.state.execution() == X::R0 && begun.state.lease.is_some());
    let done = commit(&stage, chat, Command::FinishTurn).await;
    assert_eq!((done.state.execution(), done.state.lease), (X::W, None));
}
