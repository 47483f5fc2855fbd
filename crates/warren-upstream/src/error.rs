//! Why a provider did not say who somebody is.

use std::error::Error;

use thiserror::Error;

use crate::{claims::IdentityError, http::HttpError};

/// Why a conversation with a provider failed, by what the caller can do about it.
#[derive(Debug, Error)]
pub enum UpstreamError {
    /// Nothing is known about the user; trying again may succeed.
    #[error("the sign-in provider cannot be reached")]
    Unreachable(#[source] Box<dyn Error + Send + Sync>),
    /// The provider answered something that is no answer; trying again may succeed.
    #[error("the sign-in provider gave an answer that is not valid: {what}")]
    Answer { what: String },
    /// The provider said no: the code, refresh token or device code is not good, or the user declined.
    #[error("the sign-in provider refused: {reason}")]
    Refused { reason: String },
    /// The user has not typed the device code yet; `reason` is the provider's word, to be passed on.
    #[error("the sign-in is not confirmed yet: {reason}")]
    Pending { reason: &'static str },
    /// What the provider says about the user cannot be trusted.
    #[error("the sign-in provider's token is not valid: {why}")]
    Token { why: String },
    /// The user is known and may not sign in.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

impl UpstreamError {
    /// Whether the provider has decided; otherwise trying later may give another outcome.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Answer { .. } | Self::Pending { .. } => false,
            Self::Refused { .. } | Self::Token { .. } | Self::Identity(_) => true,
        }
    }

    pub(crate) fn answer(what: impl Into<String>) -> Self {
        Self::Answer { what: what.into() }
    }
}

impl From<HttpError> for UpstreamError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::TooLarge => Self::answer("it is too large"),
            HttpError::Send(_) | HttpError::Busy => Self::Unreachable(Box::new(error)),
        }
    }
}
