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

#[tokio::test]
async fn who_reads_everything_anyway_skips_what_has_come_but_nothing_later() {
    let pubsub = InProcess::default();
    let mut jobs = pubsub.subscribe("jobs");
    for n in 0..=WAITING_MAX {
        pubsub.publish("jobs", json!(n));
    }
    jobs.skip();
    pubsub.publish("jobs", json!("later"));
    assert_eq!(jobs.next().await, Some(Notice::Hint(json!("later"))));
    drop(jobs);
    assert!(pubsub.channels.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_channel_is_forgotten_with_its_last_subscriber() {
    let pubsub = InProcess::default();
    let n_channels = || pubsub.channels.lock().unwrap().len();
    for n in 0..1000 {
        drop(pubsub.subscribe(&format!("chat:{n}")));
    }
    assert_eq!(n_channels(), 0);
    let (first, mut second) = (pubsub.subscribe("jobs"), pubsub.subscribe("jobs"));
    drop(first);
    pubsub.publish("jobs", json!(1));
    assert_eq!(second.next().await, Some(Notice::Hint(json!(1))));
    drop(second);
    assert_eq!(n_channels(), 0);
    let mut third = pubsub.subscribe("jobs");
    drop(pubsub);
    assert_eq!(third.next().await, None, "the publisher is gone");
}
