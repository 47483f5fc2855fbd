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
    /// The connection broke.
    pub(crate) is_transport: bool,
    /// There never was a connection.
    pub(crate) is_unreachable: bool,
    pub(crate) retry_after: Option<Duration>,
}

/// How the provider is called in sentences, and what must never be in one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Site {
    pub(crate) base_url: String,
    pub(crate) secret: Option<String>,
}

type Verdict = (ChatErrorKind, bool);

/// A history that the provider does not take; asking again does not help.
const BAD_HISTORY: &[&str] = &[
    "without `tool_result`",
    "without tool_result",
    "unexpected `tool_use_id`",
    "no tool output found for function call",
    "no tool call found for function call output",
    "must be followed by tool messages",
    "signature in thinking block",
    "thought signature",
    "thought_signature",
    "without its required following item",
];
const DISABLED: &[&str] = &["provider_disabled", "provider is disabled", "provider disabled"];
const NO_KEY: &[&str] =
    &["invalid api key", "incorrect api key", "invalid x-api-key", "api key not valid", "unauthorized"];
const SPENT: &[&str] = &["quota", "billing", "payment required", "credit balance", "insufficient credits"];
const MISCONFIGURED: &[&str] = &[
    "context length",
    "context_length",
    "context window",
    "prompt is too long",
    "maximum context",
    "model not found",
    "model_not_found",
    "no such model",
    "invalid model",
    "unknown model",
    "model does not exist",
    "unsupported model",
    "unsupported parameter",
    "unsupported value",
    "invalid_request_error",
];
const BROKEN_CONNECTION: &[&str] = &[
    "connection reset",
    "connection refused",
    "connection closed",
    "broken pipe",
    "unexpected eof",
    "timed out",
    "timeout",
    "context canceled",
    "context cancelled",
    "operation was canceled",
    "goaway",
    "refused_stream",
    "enhance_your_calm",
    "bad gateway",
    "service unavailable",
    "gateway timeout",
];

/// Finds the kind of a failure and the sentence for it.
pub(crate) fn classify(failure: &Failure<'_>, site: &Site) -> ModelError {
    let text = site.cleaned(failure.text);
    let (kind, retryable) = kind_of(failure, &text.to_ascii_lowercase());
    ModelError {
        kind,
        message: sentence(kind, failure, &site.shown_url()),
        detail: (!text.trim().is_empty()).then(|| clip(text.trim())),
        retryable,
        status: failure.status,
        retry_after: failure.retry_after,
        is_unreachable: failure.is_unreachable,
    }
}

/// The error for a stream that ended without its end mark.
pub(crate) fn truncated(site: &Site) -> ModelError {
    let url = site.shown_url();
    plain(
        ChatErrorKind::Timeout,
        format!("The model provider at {url} closed the stream before the answer was complete."),
    )
}

/// The error for a stream that does not keep to the protocol. Another attempt may.
pub(crate) fn garbled(site: &Site, what: &str, detail: &str) -> ModelError {
    let url = site.shown_url();
    let message = format!("The model provider at {url} broke the protocol: {what}.");
    let detail = (!detail.is_empty()).then(|| clip(&site.cleaned(detail)));
    ModelError { detail, ..plain(ChatErrorKind::Generic, message) }
}

/// The error for an address that answers with a page for people.
pub(crate) fn web_page(site: &Site) -> ModelError {
    let url = site.shown_url();
    let message = format!("The model provider at {url} answered with a web page; check its base URL.");
    ModelError { is_unreachable: true, ..plain(ChatErrorKind::Config, message) }
}

/// The error for a provider that says nothing for too long.
pub(crate) fn silence(site: &Site, waited: Duration) -> ModelError {
    let (url, seconds) = (site.shown_url(), waited.as_secs());
    let time =
        if seconds >= 120 { format!("{} minutes", seconds / 60) } else { format!("{seconds} seconds") };
    plain(
        ChatErrorKind::StreamSilenceTimeout,
        format!("The model provider at {url} sent nothing for {time}."),
    )
}

/// The error for a configuration that cannot work; nothing was sent.
pub(crate) fn unusable(message: String) -> ModelError {
    ModelError { retryable: false, ..plain(ChatErrorKind::Config, message) }
}

fn plain(kind: ChatErrorKind, message: String) -> ModelError {
    ModelError {
        kind,
        message,
        detail: None,
        retryable: true,
        status: None,
        retry_after: None,
        is_unreachable: false,
    }
}

fn kind_of(failure: &Failure<'_>, text: &str) -> Verdict {
    use ChatErrorKind as K;
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let status = failure.status.or_else(|| told_status(text));
    // Only the provider can have cancelled what we still wait for: our own cancellation drops the call.
    if says(BAD_HISTORY) && status.is_none_or(|status| status < 429) {
        return (K::Generic, false);
    }
    if status == Some(529) || says(&["overloaded"]) {
        return (K::Overloaded, true);
    }
    if says(&["insufficient_quota"]) || status == Some(402) || (status != Some(429) && says(SPENT)) {
        return (K::UsageLimit, false);
    }
    if says(DISABLED) {
        return (K::ProviderDisabled, false);
    }
    if let Some(status) = status {
        return by_status(status, says(MISCONFIGURED), says(NO_KEY));
    }
    by_text(failure, text)
}

fn by_status(status: u16, is_misconfigured: bool, is_key: bool) -> Verdict {
    use ChatErrorKind as K;
    match status {
        401 => (K::Auth, false),
        403 if is_misconfigured => (K::Config, false),
        403 => (K::Auth, false),
        429 => (K::RateLimit, true),
        408 | 502 | 503 | 504 => (K::Timeout, true),
        // A wrong key is a bad request at some providers.
        400 if is_key => (K::Auth, false),
        400 | 404 | 405 | 413 | 422 => (K::Config, false),
        500.. => (K::Generic, true),
        _ => (K::Generic, false),
    }
}

fn by_text(failure: &Failure<'_>, text: &str) -> Verdict {
    use ChatErrorKind as K;
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(NO_KEY) || says(&["authentication_error", "permission_error", "permission denied", "forbidden"]) {
        return (K::Auth, false);
    }
    if says(&["rate limit", "rate_limit", "too many requests", "throttl", "resource_exhausted"]) {
        return (K::RateLimit, true);
    }
    if says(&["protocol_error"]) {
        return (K::Generic, false);
    }
    let is_reset = (says(&["internal_error", "cancel"])) && says(&["http2", "http/2", "stream error"]);
    if failure.is_transport || failure.is_unreachable || is_reset || says(BROKEN_CONNECTION) {
        return (K::Timeout, true);
    }
    if says(MISCONFIGURED) {
        return (K::Config, false);
    }
    if says(&["server error", "server_error", "internal error", "api_error", "internal_error"]) {
        return (K::Generic, true);
    }
    (K::Generic, false)
}

/// A status in a text that calls it one. Numbers of streams, ports and lines are none.
fn told_status(text: &str) -> Option<u16> {
    const NAMES: &[&str] = &["status code: ", "status code ", "status: ", "status ", "http "];
    NAMES.iter().find_map(|name| {
        let rest = &text[text.find(name)? + name.len()..];
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        let status: u16 = digits.parse().ok()?;
        (400..600).contains(&status).then_some(status)
    })
}

fn sentence(kind: ChatErrorKind, failure: &Failure<'_>, url: &str) -> String {
    let status = failure.status.map(|status| format!(" (status {status})")).unwrap_or_default();
    match kind {
        ChatErrorKind::Timeout if failure.is_unreachable => {
            format!("The model provider at {url} cannot be reached; check its base URL and that it runs.")
        }
        ChatErrorKind::Timeout if failure.is_transport => {
            format!("The connection to the model provider at {url} broke.")
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

impl Site {
    /// The address without a user, a password or a query.
    pub(crate) fn shown_url(&self) -> String {
        let Ok(mut url) = reqwest::Url::parse(&self.base_url) else { return self.cleaned(&self.base_url) };
        if url.username().is_empty() && url.password().is_none() && url.query().is_none() {
            return self.cleaned(&self.base_url);
        }
        url.set_query(None);
        // Only addresses that cannot have them refuse, and those have none.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        self.cleaned(url.as_str())
    }

    /// A text without the key, and without what looks like one.
    pub(crate) fn cleaned(&self, text: &str) -> String {
        const SHORTEST: usize = 6;
        let key = self.secret.as_deref().filter(|key| key.len() >= SHORTEST);
        let text = key.map_or_else(|| text.to_owned(), |key| text.replace(key, HIDDEN));
        let words = text.split_inclusive(|c: char| c.is_whitespace() || "\"'`,;()<>{}[]=&".contains(c));
        words.map(|word| if looks_secret(word) { hidden(word) } else { word.to_owned() }).collect()
    }
}

const HIDDEN: &str = "[redacted]";

fn looks_secret(word: &str) -> bool {
    const STARTS: &[&str] = &["sk-", "sk_", "AIza", "AKIA", "ABSK", "ghp_", "xox", "eyJ", "bedrock-api-key-"];
    word.len() >= 16 && STARTS.iter().any(|start| word.starts_with(start))
}

/// Keeps what separates the word from the next one.
fn hidden(word: &str) -> String {
    let end = word.chars().last().filter(|last| !last.is_alphanumeric() && !"-_.".contains(*last));
    end.map_or_else(|| HIDDEN.to_owned(), |end| format!("{HIDDEN}{end}"))
}

fn clip(text: &str) -> String {
    const CHARS_MAX: usize = 1000;
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
