//! How long a part of an answer takes from the model's socket to a viewer: stored on the way.

use std::time::Duration;

use anyhow::{Context, Result};
use e2e::stage::Stage;
use tokio::time::timeout;
use warren_api::chats::{ChatInputPart, ChatMessagePart, ChatStreamEventType, CreateChatRequest};

use crate::{figures::Figures, timing::Samples};

const PARTS: usize = 500;
const DEADLINE: Duration = Duration::from_secs(60);
/// Each part is the time at which the model said it.
const SCRIPT: &str = r#"{"turns": [{"steps": [{"clock": {"count": 500, "interval_ms": 10}}]}]}"#;

pub async fn measure(figures: &mut Figures) -> Result<()> {
    let stage = Stage::new().await?;
    let _model = stage.with_model(SCRIPT).await?;
    let client = stage.client().await?;
    let organization = client.organization("default").await?;
    let request = CreateChatRequest::new(organization.id, vec![ChatInputPart::text("What time is it?")]);
    let chat = client.create_chat(&request).await?;
    let mut frames = client.follow_chat(chat.id, None).await?;
    let (mut text, mut delays) = (String::new(), Vec::new());
    while delays.len() < PARTS {
        let frame = timeout(DEADLINE, frames.next()).await.context("no more parts arrived")?;
        let events = frame.context("the stream has ended early")??;
        let now = chrono::Utc::now().timestamp_nanos_opt().context("the clock is beyond its range")?;
        for event in events.iter().filter(|event| event.event_type == ChatStreamEventType::MessagePart) {
            if let Some(ChatMessagePart::Text { text: more }) =
                event.message_part.as_ref().map(|part| &part.part)
            {
                text.push_str(more);
            }
        }
        delays.extend(complete_times(&mut text).map(|said| (now - said) as f64 / 1e6));
    }
    let delays = Samples::new(delays);
    for (share, name) in [(0.5, "p50"), (0.99, "p99"), (1.0, "worst")] {
        let how = format!("{name} of {PARTS} parts, 10 ms apart, one viewer");
        figures.add("added latency per chat part", delays.quantile(share), "ms", how);
    }
    Ok(())
}

/// Takes the times off the front that are certain to be complete: those with a blank after them.
fn complete_times(text: &mut String) -> impl Iterator<Item = i64> + use<> {
    let end = text.rfind(' ').map_or(0, |at| at + 1);
    let head: String = text.drain(..end).collect();
    let times: Vec<i64> = head.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    times.into_iter()
}
