//! How commands end: the exit status, and the sentence of a failure.

use warren_sdk::SdkError;

use crate::{output, program};

/// The exit status of a command that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit(pub u8);

impl Exit {
    /// All is well.
    pub const OK: Self = Self(0);
}

/// The user said no, or pressed Ctrl-C.
#[derive(Debug, thiserror::Error)]
#[error("canceled")]
pub struct Canceled;

/// A command that must end with a certain status after saying why.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Ended {
    pub status: u8,
    pub message: String,
}

/// Prints an error as one sentence and returns the exit status.
pub fn report(error: &anyhow::Error) -> u8 {
    output::note(&format!("error: {}", sentence(error)));
    error.downcast_ref::<Ended>().map_or(1, |ended| ended.status)
}

fn sentence(error: &anyhow::Error) -> String {
    let text = format!("{error:#}");
    match error.downcast_ref::<SdkError>().and_then(SdkError::status) {
        Some(401) => format!("{text} (sign in with `{} login <url>`)", program::name()),
        Some(_) | None => text,
    }
}

#[cfg(test)]
mod tests {
    use warren_api::error::{ErrorResponse, ValidationError};

    use super::*;

    fn api(status: u16) -> anyhow::Error {
        let validations = vec![ValidationError { field: "name".into(), detail: "already taken".into() }];
        let body = ErrorResponse { message: "Workspace exists.".into(), detail: None, validations };
        SdkError::Api { status, body }.into()
    }

    #[test]
    fn a_refusal_names_the_fields_that_are_wrong() {
        assert_eq!(sentence(&api(409)), "Workspace exists. (name: already taken)");
    }

    #[test]
    fn a_lost_session_says_how_to_sign_in_again() {
        assert!(sentence(&api(401)).ends_with("(sign in with `warren login <url>`)"));
    }

    #[test]
    fn the_outer_context_comes_first() {
        let error = anyhow::anyhow!("no such file").context("cannot read main.tf");
        assert_eq!(sentence(&error), "cannot read main.tf: no such file");
    }

    #[test]
    fn a_failure_may_choose_its_status() {
        assert_eq!(report(&Ended { status: 255, message: "the connection was lost".into() }.into()), 255);
    }
}
