//! From a provider's failure to a kind of error. The first rule that fits decides; a typed status beats text.

use std::time::Duration;

use warren_vocab::ChatErrorKind;

use crate::error::ModelError;

/// What is known of a failure.
#[derive(Debug, Default)]
pub(crate) struct Failure<'a> {
    pub(crate) status: Option<u16>,
    /// The body or the transport's text.
    pub(crate) text: &'a str,
    /// Nothing answered at all, or the connection broke.
    pub(crate) is_transport: bool,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) base_url: &'a str,
}

/// Finds the kind of a failure and the sentence for it.
pub(crate) fn classify(failure: &Failure<'_>) -> ModelError {
    let (kind, retryable) = kind_of(failure);
    ModelError {
        kind,
        message: sentence(kind, failure),
        detail: (!failure.text.is_empty()).then(|| clip(failure.text)),
        retryable,
        status: failure.status,
        retry_after: failure.retry_after,
        is_unreachable: failure.is_transport,
    }
}

/// The error for a stream that ended without its end mark.
pub(crate) fn truncated(base_url: &str) -> ModelError {
    ModelError {
        kind: ChatErrorKind::Timeout,
        message: format!(
            "The model provider at {base_url} closed the stream before the answer was complete."
        ),
        detail: None,
        retryable: true,
        status: None,
        retry_after: None,
        is_unreachable: false,
    }
}

fn kind_of(failure: &Failure<'_>) -> (ChatErrorKind, bool) {
    let text = failure.text.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let status = failure.status;
    if status == Some(529) || says(&["overloaded"]) {
        return (ChatErrorKind::Overloaded, true);
    }
    if says(&["insufficient_quota"])
        || (status != Some(429) && says(&["quota", "billing", "payment required"]))
    {
        return (ChatErrorKind::UsageLimit, false);
    }
    match status {
        Some(401) => return (ChatErrorKind::Auth, false),
        Some(403) => return (ChatErrorKind::Auth, false),
        Some(429) => return (ChatErrorKind::RateLimit, true),
        Some(408 | 502 | 503 | 504) => return (ChatErrorKind::Timeout, true),
        Some(500) => return (ChatErrorKind::Generic, true),
        Some(400 | 404 | 422) => return (ChatErrorKind::Config, false),
        Some(_) | None => {}
    }
    if failure.is_transport {
        return (ChatErrorKind::Timeout, true);
    }
    if says(&["invalid api key", "incorrect api key"]) {
        return (ChatErrorKind::Auth, false);
    }
    if says(&["context length", "context_length", "model not found", "model_not_found", "invalid model"]) {
        return (ChatErrorKind::Config, false);
    }
    if says(&["server error", "server_error"]) {
        return (ChatErrorKind::Generic, true);
    }
    (ChatErrorKind::Generic, false)
}

fn sentence(kind: ChatErrorKind, failure: &Failure<'_>) -> String {
    let url = failure.base_url;
    let status = failure.status.map(|status| format!(" (status {status})")).unwrap_or_default();
    match kind {
        ChatErrorKind::Timeout if failure.is_transport => {
            format!("The model provider at {url} cannot be reached; check its base URL and that it runs.")
        }
        ChatErrorKind::Timeout => format!("The model provider at {url} did not answer in time{status}."),
        ChatErrorKind::StreamSilenceTimeout => format!("The model provider at {url} fell silent."),
        ChatErrorKind::Overloaded => format!("The model provider at {url} is overloaded{status}."),
        ChatErrorKind::RateLimit => {
            format!("The model provider at {url} limits the rate of requests{status}.")
        }
        ChatErrorKind::UsageLimit => {
            format!("The account at the model provider {url} has used up its quota{status}.")
        }
        ChatErrorKind::Auth => {
            format!(
                "The model provider at {url} refused the API key{status}; check the key of this provider."
            )
        }
        ChatErrorKind::MissingKey => format!("No API key is set for the model provider at {url}."),
        ChatErrorKind::ProviderDisabled => format!("The model provider at {url} is turned off."),
        ChatErrorKind::Config => {
            format!(
                "The model provider at {url} refused the request{status}; check the model's name and settings."
            )
        }
        ChatErrorKind::Generic => format!("The model provider at {url} failed{status}."),
    }
}

fn clip(text: &str) -> String {
    const CHARS_MAX: usize = 1000;
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_fits_decides() {
        use ChatErrorKind as K;
        let rows = [
            (Some(529), "", K::Overloaded, true),
            (Some(500), "engine overloaded", K::Overloaded, true),
            (Some(429), r#"{"code":"insufficient_quota"}"#, K::UsageLimit, false),
            (Some(429), "quota exceeded for this minute", K::RateLimit, true),
            (Some(402), "payment required", K::UsageLimit, false),
            (Some(401), "", K::Auth, false),
            (Some(403), "", K::Auth, false),
            (Some(503), "", K::Timeout, true),
            (Some(500), "server error", K::Generic, true),
            (Some(404), "no such model", K::Config, false),
            (None, "maximum context length is 8192", K::Config, false),
            (None, "something odd", K::Generic, false),
        ];
        for (status, text, kind, retryable) in rows {
            let error = classify(&Failure { status, text, base_url: "http://m", ..Failure::default() });
            assert_eq!((error.kind, error.retryable), (kind, retryable), "{status:?} {text}");
        }
    }

    #[test]
    fn a_provider_that_is_not_there_is_named() {
        let failure = Failure {
            text: "connection refused",
            is_transport: true,
            base_url: "http://m/v1",
            ..Failure::default()
        };
        let error = classify(&failure);
        assert!(error.retryable);
        assert_eq!(
            error.message,
            "The model provider at http://m/v1 cannot be reached; check its base URL and that it runs."
        );
    }
}
