//! How much later a viewer sees a part than the model said it.

use chrono::Utc;
use serde_json::json;
use warren_chat::proto::{Part, StreamEvent};

use warren_chat::Start;

use crate::support::{DEADLINE, Stage};

/// Prints the figures; the bound is loose because test machines are busy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_reach_the_viewer_soon() {
    let stage = Stage::new().await;
    let _model = stage
        .with_script(&json!({ "turns": [
        { "steps": [{ "clock": { "count": 300, "interval_ms": 10 } }] },
    ] }))
        .await;
    let chat = stage.create("what time is it").await;
    let mut viewer = stage.chat.watch(&stage.subject, chat, Start::default()).await.unwrap();
    let mut delays_us = Vec::new();
    let listening = tokio::time::timeout(DEADLINE, async {
        while delays_us.len() < 250 {
            for event in viewer.next().await.unwrap().events {
                let now = Utc::now().timestamp_nanos_opt().unwrap();
                let StreamEvent::Part(part) = event else { continue };
                let Part::Text { text } = &part.part else { continue };
                let said = text.split_whitespace().map(|time| time.parse::<i64>().unwrap());
                delays_us.extend(said.map(|said| (now - said) / 1000));
            }
        }
    });
    listening.await.unwrap();
    delays_us.sort_unstable();
    let at = |percent: usize| delays_us[(delays_us.len() - 1) * percent / 100];
    println!("part latency: p50 {} us, p90 {} us, p99 {} us", at(50), at(90), at(99));
    assert!(at(50) < 500_000, "half of the parts took longer than {} us", at(50));
}
