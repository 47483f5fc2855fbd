//! Waiting between attempts.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use warren_vocab::{ChatErrorKind, ChatStatus};

use crate::{
    rows::{now, until, until_row},
    support::Stage,
};

fn refused_once(header: &str, value: &str) -> serde_json::Value {
    let fail = json!({ "status": 429, "message": "slow down", "headers": { header: value } });
    json!({ "turns": [
        { "when": { "nth": 1 }, "steps": [{ "fail": fail }] },
        { "steps": [{ "text": "Here." }] },
    ] })
}

#[tokio::test]
async fn a_provider_that_wants_to_be_left_alone_for_long_ends_the_turn() {
    for (header, value, when) in [
        ("retry-after", "31536000", "365 days"),
        ("retry-after", "4000", "67 minutes"),
        ("retry-after-ms", "1e300", "days"),
        ("retry-after", "Wed, 21 Oct 2099 07:28:00 GMT", "days"),
    ] {
        let stage = Stage::new().await;
        let model = stage.with_script(&refused_once(header, value)).await;
        let chat = stage.create("question").await;
        let mut view = stage.view(chat).await;
        view.until("the end", |view| view.status.is_some_and(|status| status != ChatStatus::Running)).await;
        if view.status == Some(ChatStatus::Waiting) {
            assert_eq!(value, "1e300", "a header that cannot be read counts for nothing");
            continue;
        }
        let error = view.error.clone().unwrap();
        assert_eq!(error.kind, Some(ChatErrorKind::RateLimit));
        assert!(error.message.contains(when) && error.retryable, "{error:?}");
        assert_eq!(model.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_wait_before_the_next_attempt_survives_the_server() {
    let stage = Stage::new().await;
    let model = stage.with_script(&refused_once("retry-after-ms", "4000")).await;
    let begun = now(&stage.db).await;
    let chat = stage.create("question").await;
    let row = until_row(&stage, chat, "the wait", |row| row.retry_state.is_some()).await;
    let until_when: DateTime<Utc> =
        serde_json::from_value(row.retry_state.unwrap()["retrying_at"].clone()).unwrap();
    let wait = until_when - begun;
    assert!(wait > TimeDelta::seconds(3) && wait < TimeDelta::seconds(60), "{wait}");
    stage.stop().await;
    let stage = stage.crash().await;
    until("the next attempt", || model.requests().len() == 2).await;
    // The wait itself is by the machine's clock.
    let early = until_when - now(&stage.db).await;
    assert!(early < TimeDelta::seconds(1), "not sooner than the provider wants: {early}");
    until_row(&stage, chat, "the answer", |row| row.status == ChatStatus::Waiting.as_str()).await;
}
