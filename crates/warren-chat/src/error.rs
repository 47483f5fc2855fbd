//! The error of every use case, by what the caller can do about it.

use thiserror::Error;
use warren_authz::Denied;
use warren_chat_proto::{Illegal, Stale};
use warren_db::DbError;
use warren_rt::SealError;

use crate::store::Standing;

const ARCHIVED: &str = "The chat is archived. Unarchive it first.";

/// The result of a use case.
pub type ChatResult<T> = Result<T, ChatServiceError>;

/// Why a use case did not do what was asked.
#[derive(Debug, Error)]
pub enum ChatServiceError {
    /// The object does not exist or the caller may not know that it does.
    #[error("the chat does not exist")]
    NotFound,
    #[error("you do not have permission to do this")]
    Forbidden,
    /// The token reaches less than the tools of a chat do.
    #[error("the token of the request may do less than the tools of a chat")]
    NarrowToken,
    /// A value of the request is not acceptable. The message is a sentence for the user.
    #[error("{message}")]
    Invalid { field: &'static str, message: String },
    /// The state of the chat forbids it. The message is a sentence for the user.
    #[error("{message}")]
    Conflict { message: String },
    #[error("the queue of the chat is full")]
    QueueFull,
    /// The owner has spent what may be spent in this period.
    #[error("the spending limit for chats is reached")]
    UsageLimit(Standing),
    /// Nobody knows what may be spent.
    #[error(
        "The spending limit for chats cannot be read, so models are not asked. An administrator has to set it again."
    )]
    LimitUnreadable,
    /// The model that was asked for a title gave none.
    #[error("the model gave no title")]
    NoTitle,
    /// A worker's write came too late; expected, and nothing to report.
    #[error(transparent)]
    Stale(#[from] Stale),
    /// The program has a mistake; what was not committed was not done.
    #[error("the server panicked")]
    Panicked,
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error("the stored {what} of a chat is not valid")]
    Corrupt { what: &'static str, source: serde_json::Error },
}

impl ChatServiceError {
    pub(crate) fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid { field, message: message.into() }
    }

    /// What an archived chat answers to everything that would change it.
    pub(crate) fn archived() -> Self {
        Self::invalid("chat", ARCHIVED)
    }

    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::Conflict { message: message.into() }
    }
}

impl From<Illegal> for ChatServiceError {
    fn from(illegal: Illegal) -> Self {
        use warren_chat_proto::{Execution as X, Input};
        let message = match (illegal.from, illegal.input) {
            (X::XW | X::XE0 | X::XE1, Input::Reconcile) => {
                "The chat is in a valid state, so there is nothing to repair."
            }
            (X::XW | X::XE0 | X::XE1, _) => ARCHIVED,
            (X::Invalid, _) => "The chat is in an invalid state and must be repaired first.",
            (_, Input::Interrupt) => "The chat is not running, so there is nothing to interrupt.",
            (_, Input::SetArchived(true)) => "The chat is busy. Interrupt it before you archive it.",
            (_, Input::CompleteRequiresAction) => "The chat does not wait for an answer.",
            (_, Input::Reconcile) => "The chat is in a valid state, so there is nothing to repair.",
            (_, Input::SetArchived(false)) => "The chat is not archived.",
            (_, Input::DeleteQueued | Input::PromoteQueued) => "The queue of the chat is empty.",
            (_, _) => "The chat is not in a state that allows this.",
        };
        Self::conflict(message)
    }
}

impl From<Denied> for ChatServiceError {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::NotFound => Self::NotFound,
            Denied::Forbidden => Self::Forbidden,
        }
    }
}
