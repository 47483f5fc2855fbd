use axum::{body::Body, response::IntoResponse};
use serde_json::Value;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_given_up() {
    let never = Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
    let begin = tokio::time::Instant::now();
    let outcome = JsonBody::<Value>::from_request(Request::new(never), &()).await;
    let response = outcome.err().expect("given up").into_response();
    assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
    assert_eq!(begin.elapsed(), JSON_DEADLINE);
}

#[test]
fn nul_characters_are_found_and_their_spelling_is_not() {
    for bad in [r#"{"a":"x\u0000"}"#, r#"{"a":"\\\u0000"}"#, r#"["\n\u0000"]"#] {
        assert!(has_nul(bad.as_bytes()), "{bad}");
    }
    for clean in [r#"{"a":"x"}"#, r#"{"a":"\\u0000"}"#, r#"{"a":"\u0001"}"#, r"\", ""] {
        assert!(!has_nul(clean.as_bytes()), "{clean}");
    }
}
