//! The transition table of a chat, as a pure function.
//!
//! One call is one transition inside one transaction. The text of the table is [`table::TABLE`]; a test compares the two.

pub mod table;

use thiserror::Error;
use warren_vocab::{BusyBehavior, ChatStatus};

use crate::state::{ChatState, Execution, Lease, Versions};

/// What happens to a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// The user makes the chat, with its first messages.
    Create,
    /// The user sends a message.
    Send(BusyBehavior),
    /// The user replaces one of their messages; everything after it goes.
    Edit,
    /// The user takes a message out of the queue.
    DeleteQueued,
    /// The user wants a queued message to be next.
    PromoteQueued,
    /// The user stops the answer.
    Interrupt,
    /// A client has answered all calls of its own tools.
    CompleteRequiresAction,
    SetArchived(bool),
    /// The worker begins an attempt to extend the history.
    RecordAttempt,
    /// The worker's attempt failed and will be repeated.
    RecordRetry,
    /// The worker adds an answer or the results of tools to the history.
    CommitStep,
    /// The worker hands tool calls to a client.
    EnterRequiresAction,
    /// The worker has nothing more to say.
    FinishTurn,
    /// The worker gives up.
    FinishError,
    /// The worker has stopped, with or without a partial answer.
    FinishInterruption,
    /// The client did not answer in time.
    CancelRequiresAction,
    /// The row holds an impossible combination and is repaired.
    Reconcile,
    /// A worker takes the lease.
    Acquire(Lease),
    /// The worker gives the lease back.
    Abandon,
}

/// What the transaction writes besides the state, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Answer every unanswered tool call in the history with "cancelled".
    AnswerOpenCalls,
    /// Mark the edited message and everything after it as deleted.
    CutHistory,
    /// Insert the messages of the partial answer, if there are any.
    InsertPartial,
    /// Insert the worker's new messages.
    InsertStep,
    /// Insert the user's message into the history.
    InsertMessage,
    /// Append the user's message to the queue.
    AppendQueued,
    /// Move the queue's first message into the history.
    PromoteHead,
    /// Move the chosen queued message into the history.
    PromoteChosen,
    /// Make the chosen queued message the first.
    MoveChosenFirst,
    /// Remove the chosen queued message.
    RemoveChosen,
    /// Remove all queued messages.
    ClearQueue,
    SetError,
    ClearError,
    SetRetry,
    ClearRetry,
    /// Set the time until which a client may answer.
    SetDeadline,
    ClearDeadline,
    /// Forget the saved parts of all attempts so far: what they say is committed or superseded.
    DropParts,
}

impl Effect {
    /// Whether the effect changes the history.
    pub const fn touches_history(self) -> bool {
        match self {
            Self::AnswerOpenCalls
            | Self::CutHistory
            | Self::InsertPartial
            | Self::InsertStep
            | Self::InsertMessage
            | Self::PromoteHead
            | Self::PromoteChosen => true,
            Self::AppendQueued
            | Self::MoveChosenFirst
            | Self::RemoveChosen
            | Self::ClearQueue
            | Self::SetError
            | Self::ClearError
            | Self::SetRetry
            | Self::ClearRetry
            | Self::SetDeadline
            | Self::ClearDeadline
            | Self::DropParts => false,
        }
    }

    /// Whether the effect changes the queue.
    pub const fn touches_queue(self) -> bool {
        match self {
            Self::AppendQueued
            | Self::PromoteHead
            | Self::PromoteChosen
            | Self::MoveChosenFirst
            | Self::RemoveChosen
            | Self::ClearQueue => true,
            Self::AnswerOpenCalls
            | Self::CutHistory
            | Self::InsertPartial
            | Self::InsertStep
            | Self::InsertMessage
            | Self::SetError
            | Self::ClearError
            | Self::SetRetry
            | Self::ClearRetry
            | Self::SetDeadline
            | Self::ClearDeadline
            | Self::DropParts => false,
        }
    }

    const fn queue_change(self) -> isize {
        match self {
            Self::AppendQueued => 1,
            Self::PromoteHead | Self::PromoteChosen | Self::RemoveChosen => -1,
            Self::AnswerOpenCalls
            | Self::CutHistory
            | Self::InsertPartial
            | Self::InsertStep
            | Self::InsertMessage
            | Self::MoveChosenFirst
            | Self::ClearQueue
            | Self::SetError
            | Self::ClearError
            | Self::SetRetry
            | Self::ClearRetry
            | Self::SetDeadline
            | Self::ClearDeadline
            | Self::DropParts => 0,
        }
    }
}

/// The transition is not in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a chat in the state {} cannot take {input:?}", from.as_str())]
pub struct Illegal {
    pub from: Execution,
    pub input: Input,
}

/// The state before a chat exists.
pub fn unborn() -> ChatState {
    ChatState {
        status: ChatStatus::Waiting,
        archived: false,
        queue_len: 0,
        versions: Versions::default(),
        has_retry: false,
        lease: None,
        epoch: 0,
    }
}

/// Makes a chat.
pub fn create() -> (ChatState, Vec<Effect>) {
    let plan = Plan { status: ChatStatus::Running, effects: vec![Effect::InsertMessage] };
    apply(&unborn(), Input::Create, plan)
}

/// Applies one input to an existing chat. The state is unchanged when it fails.
///
/// # Errors
/// [`Illegal`] for every pair that the table does not list.
pub fn step(state: &ChatState, input: Input) -> Result<(ChatState, Vec<Effect>), Illegal> {
    let from = state.execution();
    let plan = plan(state, from, input).ok_or(Illegal { from, input })?;
    Ok(apply(state, input, plan))
}

struct Plan {
    status: ChatStatus,
    effects: Vec<Effect>,
}

fn plan(state: &ChatState, from: Execution, input: Input) -> Option<Plan> {
    use Execution as X;
    let to = |status: ChatStatus, effects: &[Effect]| Some(Plan { status, effects: effects.to_vec() });
    let stay = |effects: &[Effect]| to(state.status, effects);
    let is_running = matches!(from, X::R0 | X::R1);
    let is_client_turn = matches!(from, X::A0 | X::A1);
    match input {
        Input::Create => None,
        Input::Send(busy) => send(from, busy),
        Input::Edit if from.is_active() => to(
            ChatStatus::Running,
            &[
                Effect::CutHistory,
                Effect::AnswerOpenCalls,
                Effect::ClearQueue,
                Effect::ClearError,
                Effect::ClearDeadline,
                Effect::DropParts,
                Effect::InsertMessage,
            ],
        ),
        Input::DeleteQueued if from.has_queue() => stay(&[Effect::RemoveChosen]),
        Input::PromoteQueued => promote(from),
        Input::Interrupt if is_running => to(ChatStatus::Interrupting, &[]),
        Input::Interrupt if is_client_turn => {
            to(ChatStatus::Running, &[Effect::AnswerOpenCalls, Effect::ClearDeadline])
        }
        Input::CompleteRequiresAction if is_client_turn => {
            to(ChatStatus::Running, &[Effect::InsertStep, Effect::ClearDeadline])
        }
        Input::CancelRequiresAction if is_client_turn => {
            to(ChatStatus::Running, &[Effect::AnswerOpenCalls, Effect::ClearDeadline])
        }
        Input::SetArchived(true) if matches!(from, X::W | X::E0 | X::E1) => stay(&[]),
        Input::SetArchived(false) if matches!(from, X::XW | X::XE0 | X::XE1) => stay(&[]),
        // What the attempt before has said is kept until this one says something.
        Input::RecordAttempt if is_running => stay(&[]),
        Input::RecordRetry if is_running => stay(&[Effect::SetRetry]),
        Input::CommitStep if is_running => stay(&[Effect::InsertStep, Effect::DropParts]),
        Input::EnterRequiresAction if is_running => to(ChatStatus::RequiresAction, &[Effect::SetDeadline]),
        Input::FinishTurn => match from {
            X::R0 => to(ChatStatus::Waiting, &[Effect::DropParts]),
            X::R1 => stay(&[Effect::PromoteHead, Effect::DropParts]),
            _ => None,
        },
        Input::FinishError if is_running => {
            to(ChatStatus::Error, &[Effect::InsertPartial, Effect::SetError, Effect::DropParts])
        }
        Input::FinishInterruption => match from {
            X::I0 => to(ChatStatus::Waiting, &[Effect::InsertPartial, Effect::DropParts]),
            X::I1 => {
                to(ChatStatus::Running, &[Effect::InsertPartial, Effect::PromoteHead, Effect::DropParts])
            }
            _ => None,
        },
        Input::Reconcile if from == X::Invalid => {
            to(ChatStatus::Error, &[Effect::AnswerOpenCalls, Effect::SetError, Effect::ClearDeadline])
        }
        Input::Acquire(_) if from != X::None => stay(&[]),
        Input::Abandon if state.lease.is_some() => stay(&[]),
        Input::Edit
        | Input::DeleteQueued
        | Input::Interrupt
        | Input::CompleteRequiresAction
        | Input::SetArchived(_)
        | Input::RecordAttempt
        | Input::RecordRetry
        | Input::CommitStep
        | Input::EnterRequiresAction
        | Input::FinishError
        | Input::CancelRequiresAction
        | Input::Reconcile
        | Input::Acquire(_)
        | Input::Abandon => None,
    }
}

fn send(from: Execution, busy: BusyBehavior) -> Option<Plan> {
    use Execution as X;
    let to = |status: ChatStatus, effects: &[Effect]| Some(Plan { status, effects: effects.to_vec() });
    match (from, busy) {
        (X::W, _) => to(ChatStatus::Running, &[Effect::AnswerOpenCalls, Effect::InsertMessage]),
        (X::E0, _) => {
            to(ChatStatus::Running, &[Effect::ClearError, Effect::AnswerOpenCalls, Effect::InsertMessage])
        }
        (X::E1, _) => to(
            ChatStatus::Running,
            &[Effect::ClearError, Effect::AnswerOpenCalls, Effect::AppendQueued, Effect::PromoteHead],
        ),
        (X::R0 | X::R1, BusyBehavior::Queue) => to(ChatStatus::Running, &[Effect::AppendQueued]),
        (X::R0 | X::R1, BusyBehavior::Interrupt) | (X::I0 | X::I1, _) => {
            to(ChatStatus::Interrupting, &[Effect::AppendQueued])
        }
        (X::A0 | X::A1, BusyBehavior::Queue) => to(ChatStatus::RequiresAction, &[Effect::AppendQueued]),
        // The message goes in at once: the model is not asked about cancelled results before it.
        (X::A0, BusyBehavior::Interrupt) => {
            to(ChatStatus::Running, &[Effect::AnswerOpenCalls, Effect::ClearDeadline, Effect::InsertMessage])
        }
        (X::A1, BusyBehavior::Interrupt) => to(
            ChatStatus::Running,
            &[Effect::AnswerOpenCalls, Effect::ClearDeadline, Effect::AppendQueued, Effect::PromoteHead],
        ),
        (X::None | X::XW | X::XE0 | X::XE1 | X::Invalid, _) => None,
    }
}

fn promote(from: Execution) -> Option<Plan> {
    use Execution as X;
    let to = |status: ChatStatus, effects: &[Effect]| Some(Plan { status, effects: effects.to_vec() });
    match from {
        X::E1 => {
            to(ChatStatus::Running, &[Effect::ClearError, Effect::AnswerOpenCalls, Effect::PromoteChosen])
        }
        X::A1 => {
            to(ChatStatus::Running, &[Effect::AnswerOpenCalls, Effect::ClearDeadline, Effect::PromoteChosen])
        }
        X::R1 | X::I1 => to(ChatStatus::Interrupting, &[Effect::MoveChosenFirst]),
        X::None | X::W | X::E0 | X::R0 | X::I0 | X::A0 | X::XW | X::XE0 | X::XE1 | X::Invalid => None,
    }
}

/// Moves the versions: one snapshot per transition, the others to the snapshot that changed them.
fn apply(state: &ChatState, input: Input, plan: Plan) -> (ChatState, Vec<Effect>) {
    let Plan { status, mut effects } = plan;
    let mut next = ChatState { status, ..state.clone() };
    next.versions.snapshot += 1;
    let snapshot = next.versions.snapshot;
    let history_changes = effects.iter().any(|effect| effect.touches_history());
    if history_changes {
        next.versions.history = snapshot;
        next.versions.attempt = 0;
    }
    if effects.iter().any(|effect| effect.touches_queue()) {
        next.versions.queue = snapshot;
    }
    if effects.contains(&Effect::ClearQueue) {
        next.queue_len = 0;
    }
    let change: isize = effects.iter().map(|effect| effect.queue_change()).sum();
    next.queue_len = next.queue_len.saturating_add_signed(change);
    match input {
        Input::SetArchived(archived) => next.archived = archived,
        Input::RecordAttempt => next.versions.attempt += 1,
        Input::RecordRetry => {
            next.has_retry = true;
            next.versions.retry = snapshot;
        }
        Input::Reconcile => next.archived = false,
        Input::Acquire(lease) => {
            next.lease = Some(lease);
            next.epoch += 1;
        }
        Input::Abandon => next.lease = None,
        Input::Create
        | Input::Send(_)
        | Input::Edit
        | Input::DeleteQueued
        | Input::PromoteQueued
        | Input::Interrupt
        | Input::CompleteRequiresAction
        | Input::CommitStep
        | Input::EnterRequiresAction
        | Input::FinishTurn
        | Input::FinishError
        | Input::FinishInterruption
        | Input::CancelRequiresAction => {}
    }
    // The countdown belongs to one attempt of a running chat.
    let is_over = history_changes || input == Input::RecordAttempt || next.status != ChatStatus::Running;
    if is_over && next.has_retry {
        next.has_retry = false;
        next.versions.retry = snapshot;
        effects.push(Effect::ClearRetry);
    }
    (next, effects)
}

impl Execution {
    /// Whether the chat exists in a legal state and is not archived.
    const fn is_active(self) -> bool {
        match self {
            Self::W
            | Self::E0
            | Self::E1
            | Self::R0
            | Self::R1
            | Self::I0
            | Self::I1
            | Self::A0
            | Self::A1 => true,
            Self::None | Self::XW | Self::XE0 | Self::XE1 | Self::Invalid => false,
        }
    }

    const fn has_queue(self) -> bool {
        match self {
            Self::E1 | Self::R1 | Self::I1 | Self::A1 => true,
            Self::None
            | Self::W
            | Self::E0
            | Self::R0
            | Self::I0
            | Self::A0
            | Self::XW
            | Self::XE0
            | Self::XE1
            | Self::Invalid => false,
        }
    }
}

#[cfg(test)]
mod tests;
