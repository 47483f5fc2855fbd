use serde_json::json;

use super::*;

#[tokio::test]
async fn hints_reach_the_subscribers_of_their_channel_only() {
    let pubsub = InProcess::default();
    let mut jobs = pubsub.subscribe("jobs");
    pubsub.publish("chats", json!(1));
    pubsub.publish("jobs", json!({"id": 2}));
    assert_eq!(jobs.next().await, Some(Notice::Hint(json!({"id": 2}))));
}

#[tokio::test]
async fn a_slow_subscriber_learns_that_it_missed_hints() {
    let pubsub = InProcess::default();
    let mut slow = pubsub.subscribe("jobs");
    for n in 0..=WAITING_MAX {
        pubsub.publish("jobs", json!(n));
    }
    assert_eq!(slow.next().await, Some(Notice::Lagged));
    assert_eq!(slow.next().await, Some(Notice::Hint(json!(1))));
}

#[test]
fn channels_without_subscribers_are_forgotten() {
    let pubsub = InProcess::default();
    drop(pubsub.subscribe("jobs"));
    pubsub.publish("jobs", json!(1));
    assert!(pubsub.channels.lock().unwrap().is_empty());
}
