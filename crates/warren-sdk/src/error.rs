//! Why a call to the server failed.

use thiserror::Error;
use url::Url;
use warren_api::error::{ErrorResponse, ValidationError};

/// A failed call. The variants differ by what the caller can do about it.
#[derive(Debug, Error)]
pub enum SdkError {
    /// The server answered with an error.
    #[error("{}", api_text(.body))]
    Api {
        /// The HTTP status.
        status: u16,
        body: ErrorResponse,
    },
    /// The client cannot be made as it is asked for.
    #[error("{reason}")]
    Options { reason: String },
    /// Nothing answered at the URL.
    #[error("cannot reach the server at {url}: {reason}; check that it runs and that the URL is right")]
    Unreachable { url: Url, reason: String },
    /// The server did not answer in time.
    #[error("the server at {url} did not answer within {seconds} s")]
    TimedOut { url: Url, seconds: u64 },
    /// Something answered, but not the way this API answers.
    #[error("unexpected answer from {url}: {reason}; is it a Warren server, of a compatible version?")]
    Unexpected { url: Url, reason: String },
    /// A stream broke off.
    #[error("the connection to {url} broke off: {reason}")]
    Broken { url: Url, reason: String },
}

impl SdkError {
    /// Returns the HTTP status that the server answered with, if it answered.
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Api { status, .. } => Some(*status),
            Self::Options { .. }
            | Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::Unexpected { .. }
            | Self::Broken { .. } => None,
        }
    }

    /// Returns what the server said about single fields.
    pub fn validations(&self) -> &[ValidationError] {
        match self {
            Self::Api { body, .. } => &body.validations,
            Self::Options { .. }
            | Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::Unexpected { .. }
            | Self::Broken { .. } => &[],
        }
    }

    /// Reports whether trying again later may help: the server was not there, or said that it is busy.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::TimedOut { .. } | Self::Broken { .. } => true,
            Self::Api { status, .. } => matches!(status, 429 | 502 | 503 | 504),
            Self::Options { .. } | Self::Unexpected { .. } => false,
        }
    }
}

fn api_text(body: &ErrorResponse) -> String {
    let mut text = body.message.clone();
    for validation in &body.validations {
        text.push_str(&format!(" ({}: {})", validation.field, validation.detail));
    }
    if let Some(detail) = body.detail.as_deref().filter(|detail| !detail.is_empty()) {
        text.push_str(&format!(" [{detail}]"));
    }
    text
}
