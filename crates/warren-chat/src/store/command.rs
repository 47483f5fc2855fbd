//! Transitions with what they need to be written.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use warren_chat_proto::{ChatError, ChatState, Input, Lease, Part, RetryState, Usage};
use warren_vocab::{
    BusyBehavior, ChatStatus, MessageId, MessageRole, MessageVisibility, ModelConfigId, QueuedMessageId,
    UserId,
};

/// A message of a user before it has an id.
#[derive(Debug, Clone)]
pub(crate) struct UserMessage {
    pub(crate) created_by: UserId,
    pub(crate) model_config_id: ModelConfigId,
    pub(crate) content: Vec<Part>,
}

/// A message before it has an id.
#[derive(Debug, Clone)]
pub(crate) struct NewMessage {
    pub(crate) role: MessageRole,
    pub(crate) visibility: MessageVisibility,
    pub(crate) content: Vec<Part>,
    pub(crate) created_by: Option<UserId>,
    pub(crate) model_config_id: Option<ModelConfigId>,
    pub(crate) usage: Option<Usage>,
    pub(crate) runtime_ms: Option<i64>,
    /// A summary, or what stands beside it: it takes no part in later prompts except as the newest summary.
    pub(crate) compressed: bool,
}

impl NewMessage {
    /// A message that everybody sees, without costs.
    pub(crate) const fn new(role: MessageRole, content: Vec<Part>) -> Self {
        Self {
            role,
            visibility: MessageVisibility::Both,
            content,
            created_by: None,
            model_config_id: None,
            usage: None,
            runtime_ms: None,
            compressed: false,
        }
    }
}

impl From<UserMessage> for NewMessage {
    fn from(message: UserMessage) -> Self {
        Self {
            created_by: Some(message.created_by),
            model_config_id: Some(message.model_config_id),
            ..Self::new(MessageRole::User, message.content)
        }
    }
}

/// Why a call cannot go on without somebody outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AskReason {
    /// It is a tool of the client, who answers it.
    Client,
    /// A rule wants a user to approve it.
    Rule,
    /// It may have run, and what became of it was lost; a user decides whether it runs again.
    OutcomeUnknown,
}

/// A call that somebody outside is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ask {
    /// The revision of the message that committed the call.
    pub(crate) history_version: i64,
    pub(crate) call_id: String,
    pub(crate) reason: AskReason,
    /// A sentence for the user.
    pub(crate) message: String,
}

/// What a client says that its tool gave.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientResult {
    pub call_id: String,
    pub output: Value,
    pub is_error: bool,
}

/// What a user decided about a call that was asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub call_id: String,
    pub approve: bool,
    pub note: Option<String>,
    pub decided_by: UserId,
}

/// A transition with what it needs to be written.
#[derive(Debug, Clone)]
pub(crate) enum Command {
    Send {
        message: UserMessage,
        busy: BusyBehavior,
    },
    Edit {
        message_id: MessageId,
        message: UserMessage,
    },
    DeleteQueued(QueuedMessageId),
    PromoteQueued(QueuedMessageId),
    Interrupt,
    SetArchived(bool),
    /// A user or a client answers. While other calls are still open, only these answers are kept and the chat waits on.
    CompleteRequiresAction {
        results: Vec<ClientResult>,
        decisions: Vec<Decision>,
    },
    Reconcile,
    RecordAttempt,
    RecordRetry(RetryState),
    CommitStep(Vec<NewMessage>),
    CommitCompaction(Vec<NewMessage>),
    /// Every open call that is not asked about here is one of the client's. `within` is the time for all of them.
    EnterRequiresAction {
        asks: Vec<Ask>,
        within: TimeDelta,
    },
    /// `why` is told to the model as the result of every call that is still open.
    CancelRequiresAction {
        why: String,
    },
    FinishTurn,
    FinishError {
        error: ChatError,
        partial: Vec<NewMessage>,
    },
    FinishInterruption {
        partial: Vec<NewMessage>,
    },
    /// Takes the lease from now on, by the clock of the database.
    Acquire {
        lease: Lease,
        lasts: TimeDelta,
    },
    Abandon,
}

impl Command {
    pub(super) fn input(&self) -> Input {
        match self {
            Self::Send { busy, .. } => Input::Send(*busy),
            Self::Edit { .. } => Input::Edit,
            Self::DeleteQueued(_) => Input::DeleteQueued,
            Self::PromoteQueued(_) => Input::PromoteQueued,
            Self::Interrupt => Input::Interrupt,
            Self::SetArchived(archived) => Input::SetArchived(*archived),
            Self::CompleteRequiresAction { .. } => Input::CompleteRequiresAction,
            Self::Reconcile => Input::Reconcile,
            Self::RecordAttempt => Input::RecordAttempt,
            Self::RecordRetry(_) => Input::RecordRetry,
            Self::CommitStep(_) | Self::CommitCompaction(_) => Input::CommitStep,
            Self::EnterRequiresAction { .. } => Input::EnterRequiresAction,
            Self::CancelRequiresAction { .. } => Input::CancelRequiresAction,
            Self::FinishTurn => Input::FinishTurn,
            Self::FinishError { .. } => Input::FinishError,
            Self::FinishInterruption { .. } => Input::FinishInterruption,
            Self::Acquire { lease, .. } => Input::Acquire(*lease),
            Self::Abandon => Input::Abandon,
        }
    }

    /// The command's name at points where a test lets the server die.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Send { .. } => "send",
            Self::Edit { .. } => "edit",
            Self::DeleteQueued(_) => "delete_queued",
            Self::PromoteQueued(_) => "promote_queued",
            Self::Interrupt => "interrupt",
            Self::SetArchived(_) => "set_archived",
            Self::CompleteRequiresAction { .. } => "complete_requires_action",
            Self::Reconcile => "reconcile",
            Self::RecordAttempt => "record_attempt",
            Self::RecordRetry(_) => "record_retry",
            Self::CommitStep(_) => "commit_step",
            Self::CommitCompaction(_) => "commit_compaction",
            Self::EnterRequiresAction { .. } => "enter_requires_action",
            Self::CancelRequiresAction { .. } => "cancel_requires_action",
            Self::FinishTurn => "finish_turn",
            Self::FinishError { .. } => "finish_error",
            Self::FinishInterruption { .. } => "finish_interruption",
            Self::Acquire { .. } => "acquire",
            Self::Abandon => "abandon",
        }
    }

    pub(super) fn user_message(&self) -> Option<UserMessage> {
        match self {
            Self::Send { message, .. } | Self::Edit { message, .. } => Some(message.clone()),
            Self::DeleteQueued(_)
            | Self::PromoteQueued(_)
            | Self::Interrupt
            | Self::SetArchived(_)
            | Self::CompleteRequiresAction { .. }
            | Self::Reconcile
            | Self::RecordAttempt
            | Self::RecordRetry(_)
            | Self::CommitStep(_)
            | Self::CommitCompaction(_)
            | Self::EnterRequiresAction { .. }
            | Self::CancelRequiresAction { .. }
            | Self::FinishTurn
            | Self::FinishError { .. }
            | Self::FinishInterruption { .. }
            | Self::Acquire { .. }
            | Self::Abandon => None,
        }
    }

    pub(super) fn worker_messages(&self) -> Vec<NewMessage> {
        match self {
            Self::CommitStep(messages)
            | Self::CommitCompaction(messages)
            | Self::FinishError { partial: messages, .. }
            | Self::FinishInterruption { partial: messages } => messages.clone(),
            Self::Send { .. }
            | Self::Edit { .. }
            | Self::DeleteQueued(_)
            | Self::PromoteQueued(_)
            | Self::Interrupt
            | Self::SetArchived(_)
            | Self::CompleteRequiresAction { .. }
            | Self::Reconcile
            | Self::RecordAttempt
            | Self::RecordRetry(_)
            | Self::EnterRequiresAction { .. }
            | Self::CancelRequiresAction { .. }
            | Self::FinishTurn
            | Self::Acquire { .. }
            | Self::Abandon => Vec::new(),
        }
    }

    /// The error that the chat shows afterwards.
    pub(super) fn error(&self) -> Option<ChatError> {
        match self {
            Self::FinishError { error, .. } => Some(error.clone()),
            Self::Reconcile => Some(ChatError::generic(
                "The chat was in a state that should not occur and has been repaired. Send a message to go on.",
            )),
            Self::Send { .. }
            | Self::Edit { .. }
            | Self::DeleteQueued(_)
            | Self::PromoteQueued(_)
            | Self::Interrupt
            | Self::SetArchived(_)
            | Self::CompleteRequiresAction { .. }
            | Self::RecordAttempt
            | Self::RecordRetry(_)
            | Self::CommitStep(_)
            | Self::CommitCompaction(_)
            | Self::EnterRequiresAction { .. }
            | Self::CancelRequiresAction { .. }
            | Self::FinishTurn
            | Self::FinishInterruption { .. }
            | Self::Acquire { .. }
            | Self::Abandon => None,
        }
    }

    /// Whether a call of a model that the worker has set money aside for is over.
    pub(super) fn ends_model_call(&self) -> bool {
        match self {
            Self::Edit { .. }
            | Self::CompleteRequiresAction { .. }
            | Self::Reconcile
            | Self::RecordRetry(_)
            | Self::CommitStep(_)
            | Self::CommitCompaction(_)
            | Self::EnterRequiresAction { .. }
            | Self::CancelRequiresAction { .. }
            | Self::FinishTurn
            | Self::FinishError { .. }
            | Self::FinishInterruption { .. }
            | Self::RecordAttempt
            | Self::Acquire { .. }
            | Self::Abandon => true,
            Self::Send { .. }
            | Self::DeleteQueued(_)
            | Self::PromoteQueued(_)
            | Self::Interrupt
            | Self::SetArchived(_) => false,
        }
    }

    /// Whether the model has said its last of the turn: it calls no tool that somebody has to run.
    pub(super) fn is_last_answer(&self) -> bool {
        let Self::CommitStep(messages) = self else { return false };
        let is_call = |part: &Part| matches!(part, Part::ToolCall { provider_executed: false, .. });
        let is_last = |message: &NewMessage| {
            message.role == MessageRole::Assistant && !message.content.iter().any(is_call)
        };
        messages.last().is_some_and(is_last)
    }

    /// What a worker does in any case with a chat that it has brought to this state. Where messages wait, the next step finds
    /// out, so that one that cannot be read costs no answer.
    pub(super) fn certain_after(state: &ChatState, is_last_answer: bool) -> Option<Self> {
        if state.lease.is_none() || state.queue_len > 0 {
            return None;
        }
        if is_last_answer && state.status == ChatStatus::Running {
            return Some(Self::FinishTurn);
        }
        (!state.execution().needs_worker()).then_some(Self::Abandon)
    }

    /// Whether the answer of a model is committed and its provider has said what it used.
    pub(super) fn says_usage(&self) -> bool {
        let has_tokens = |usage: &Usage| usage.input_tokens.is_some() || usage.output_tokens.is_some();
        self.worker_messages().iter().any(|message| message.usage.as_ref().is_some_and(has_tokens))
    }
}
