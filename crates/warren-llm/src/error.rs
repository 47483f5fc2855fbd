//! Why a model did not answer.

use std::time::Duration;

use thiserror::Error;
use warren_vocab::ChatErrorKind;

/// A failed or broken answer. `message` is a sentence for the user that says what to do where something can be done.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct ModelError {
    pub kind: ChatErrorKind,
    pub message: String,
    /// The provider's own words.
    pub detail: Option<String>,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// The HTTP status that the provider answered with.
    pub status: Option<u16>,
    /// The least time that the provider asks to wait.
    pub retry_after: Option<Duration>,
    /// Nothing that answers like a model is there: a wrong address stays wrong.
    pub is_unreachable: bool,
}
