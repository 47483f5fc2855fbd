//! What others are told after a transition, and when.

use serde_json::{Value, json};
use warren_chat_proto::{ChatState, Input};
use warren_db::{Database, channels, entity::chats};
use warren_vocab::{ChatId, UserId};

/// What viewers, workers and, where there is a kind, the owner's list are told of a chat as it is now.
pub(super) fn of(chat: &chats::Model, state: &ChatState, kind: Option<&str>) -> Vec<(String, Value)> {
    let (id, versions) = (ChatId::from_uuid(chat.id), state.versions);
    let changed = json!({
        "snapshot_version": versions.snapshot,
        "history_version": versions.history,
        "status": state.status,
        "lease_epoch": state.epoch,
    });
    let mut hints = vec![(channels::chat(id), changed)];
    if state.execution().needs_worker() && state.lease.is_none() {
        hints.push((channels::CHAT_WORK.to_owned(), json!(id)));
    }
    if let Some(kind) = kind {
        let owner = UserId::from_uuid(chat.owner_id);
        hints.push((channels::chats_of(owner), json!({ "kind": kind, "chat_id": id })));
    }
    hints
}

/// Tells everybody of a chat again, in case that they were not told.
pub(crate) fn tell_again(db: &Database, chat: &chats::Model, state: &ChatState) {
    for (channel, hint) in of(chat, state, kind(Input::FinishTurn)) {
        db.publish(&channel, hint);
    }
}

/// The kind of event for the owner's list, if the list shows the change.
pub(super) fn kind(input: Input) -> Option<&'static str> {
    match input {
        Input::SetArchived(true) => Some("deleted"),
        Input::Create | Input::SetArchived(false) => Some("created"),
        Input::Send(_)
        | Input::Edit
        | Input::PromoteQueued
        | Input::Interrupt
        | Input::CompleteRequiresAction
        | Input::CommitStep
        | Input::EnterRequiresAction
        | Input::FinishTurn
        | Input::FinishError
        | Input::FinishInterruption
        | Input::CancelRequiresAction
        | Input::Reconcile => Some("status_change"),
        Input::DeleteQueued
        | Input::RecordAttempt
        | Input::RecordRetry
        | Input::Acquire(_)
        | Input::Abandon => None,
    }
}

/// Whether the chat moves to the top of the list.
pub(super) fn moves_the_list(input: Input) -> bool {
    kind(input).is_some()
}
