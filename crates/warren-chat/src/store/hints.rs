//! What others are told after a transition, and when.

use warren_chat_proto::Input;

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
