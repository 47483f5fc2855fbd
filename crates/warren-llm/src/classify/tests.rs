use super::*;

fn site() -> Site {
    Site { base_url: "http://m/v1".into(), secret: Some("very-secret-key".into()) }
}

fn verdict(status: Option<u16>, text: &str) -> (ChatErrorKind, bool) {
    let error = classify(&Failure { status, text, ..Failure::default() }, &site());
    (error.kind, error.retryable)
}

#[test]
fn the_first_rule_that_fits_decides() {
    use ChatErrorKind as K;
    let rows = [
        (Some(529), "", K::Overloaded, true),
        (Some(500), "engine overloaded", K::Overloaded, true),
        (Some(401), "Overloaded", K::Overloaded, true),
        (None, r#"{"type":"overloaded_error"}"#, K::Overloaded, true),
        (Some(429), r#"{"code":"insufficient_quota"}"#, K::UsageLimit, false),
        (Some(401), r#"{"code":"insufficient_quota"}"#, K::UsageLimit, false),
        (Some(429), "quota exceeded for this minute", K::RateLimit, true),
        (Some(402), "", K::UsageLimit, false),
        (Some(400), "Your credit balance is too low", K::UsageLimit, false),
        (Some(401), "check your billing", K::UsageLimit, false),
        (Some(401), "", K::Auth, false),
        (Some(400), "API key not valid. Please pass a valid API key.", K::Auth, false),
        (None, "Incorrect API key provided", K::Auth, false),
        (Some(403), "", K::Auth, false),
        (Some(403), "unsupported model for this account", K::Config, false),
        (Some(503), "provider_disabled", K::ProviderDisabled, false),
        (Some(408), "", K::Timeout, true),
        (Some(502), "", K::Timeout, true),
        (Some(503), "", K::Timeout, true),
        (Some(504), "", K::Timeout, true),
        (Some(500), "server error", K::Generic, true),
        (Some(404), "no such model", K::Config, false),
        (Some(400), "maximum context length is 8192", K::Config, false),
        (Some(413), "", K::Config, false),
        (Some(418), "", K::Generic, false),
        (None, "maximum context length is 8192", K::Config, false),
        (None, "server_error", K::Generic, true),
        (None, "ThrottlingException", K::RateLimit, true),
        (None, "something odd", K::Generic, false),
        (Some(400), "`tool_use` ids were found without `tool_result` blocks", K::Generic, false),
        (
            Some(400),
            "messages.1: Invalid `signature` in `thinking` block: thought signature",
            K::Generic,
            false,
        ),
    ];
    for (status, text, kind, retryable) in rows {
        assert_eq!(verdict(status, text), (kind, retryable), "{status:?} {text}");
    }
}

#[test]
fn a_broken_connection_may_be_tried_again_but_a_broken_protocol_may_not() {
    use ChatErrorKind as K;
    let again = [
        "http2: server sent GOAWAY and closed the connection; LastStreamID=501",
        "stream error: stream ID 429; REFUSED_STREAM",
        "stream error: stream ID 401; INTERNAL_ERROR; received from peer",
        "http2: stream error: CANCEL",
        "ENHANCE_YOUR_CALM",
        "unexpected EOF",
        "dial tcp 10.0.0.1:503: connect: connection refused",
        "context canceled",
    ];
    for text in again {
        assert_eq!(verdict(None, text), (K::Timeout, true), "{text}");
    }
    assert_eq!(verdict(None, "stream error: stream ID 3; PROTOCOL_ERROR"), (K::Generic, false));
    assert_eq!(verdict(Some(401), "stream error: INTERNAL_ERROR"), (K::Auth, false));
}

#[test]
fn a_number_is_a_status_only_where_it_is_called_one() {
    assert_eq!(verdict(None, "upstream answered with status code 429"), (ChatErrorKind::RateLimit, true));
    assert_eq!(verdict(None, "failed with status: 401"), (ChatErrorKind::Auth, false));
    assert_eq!(verdict(None, "line 429 of 503"), (ChatErrorKind::Generic, false));
}

#[test]
fn keys_are_never_in_an_error() {
    let site = Site { base_url: "http://user:pass1234@m/v1?api-key=topsecret".into(), ..site() };
    let text = r#"{"error":"Incorrect API key provided: very-secret-key, sk-proj-0123456789abcdef. Bearer eyJhbGciOiJIUzI1NiJ9"}"#;
    let error = classify(&Failure { status: Some(401), text, ..Failure::default() }, &site);
    let shown = format!("{error} {:?}", error.detail);
    for secret in ["very-secret-key", "0123456789abcdef", "eyJhbGci", "pass1234", "topsecret"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains("http://m/v1") && shown.contains("Incorrect API key"), "{shown}");
}

#[test]
fn a_long_detail_is_cut_between_characters() {
    let text = "ß".repeat(5000);
    let error = classify(&Failure { status: Some(500), text: &text, ..Failure::default() }, &site());
    assert_eq!(error.detail.unwrap().chars().count(), 1001);
}

#[test]
fn a_provider_that_is_not_there_is_named() {
    let failure = Failure { text: "connection refused", is_unreachable: true, ..Failure::default() };
    let error = classify(&failure, &site());
    assert!(error.retryable && error.is_unreachable);
    assert_eq!(
        error.message,
        "The model provider at http://m/v1 cannot be reached; check its base URL and that it runs."
    );
}
