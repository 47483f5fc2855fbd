//! The library's errors as ours. Texts of the provider are shortened; bodies, which may hold tokens, are left out.

use openidconnect::{
    ConfigurationError, DiscoveryError, RequestTokenError, StandardErrorResponse, core::CoreErrorResponseType,
};

use crate::{error::UpstreamError, http::HttpError};

/// The longest text of a provider that is passed on, in characters.
const REASON_CHARS_MAX: usize = 200;

pub(super) fn of_discovery(error: DiscoveryError<HttpError>) -> UpstreamError {
    match error {
        DiscoveryError::Request(error) => error.into(),
        DiscoveryError::Response(status, _, _) => {
            UpstreamError::answer(format!("its discovery document has status {}", status.as_u16()))
        }
        DiscoveryError::Parse(_) => UpstreamError::answer("its discovery document is not valid"),
        DiscoveryError::Validation(why) => UpstreamError::answer(shortened(&why)),
        // The library's enum is open to new variants.
        _ => UpstreamError::answer("its discovery document is not valid"),
    }
}

pub(super) fn of_token(
    error: RequestTokenError<HttpError, StandardErrorResponse<CoreErrorResponseType>>,
) -> UpstreamError {
    match error {
        RequestTokenError::ServerResponse(response) => of_response(&response),
        RequestTokenError::Request(error) => error.into(),
        RequestTokenError::Parse(..) => {
            UpstreamError::answer("its token is not valid JSON of the expected form")
        }
        RequestTokenError::Other(_) => UpstreamError::answer("its token answer is empty or of another type"),
    }
}

pub(super) fn of_metadata(_: ConfigurationError) -> UpstreamError {
    UpstreamError::answer("its discovery document has no token endpoint")
}

fn of_response(response: &StandardErrorResponse<CoreErrorResponseType>) -> UpstreamError {
    let code = response.error().as_ref();
    // What the provider says about itself may be different in a moment.
    if ["server_error", "temporarily_unavailable"].contains(&code) {
        return UpstreamError::answer(code);
    }
    let reason = match response.error_description() {
        Some(description) => format!("{code} ({description})"),
        None => code.to_owned(),
    };
    UpstreamError::Refused { reason: shortened(&reason) }
}

pub(crate) fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(REASON_CHARS_MAX).collect()
}
