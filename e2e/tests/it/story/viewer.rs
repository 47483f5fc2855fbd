//! The chat of the story in a browser that stays open over the crash.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::{browser, stage::Stage};
use warren_testkit::Background;

use super::chat;

/// Opens the chat in Chromium.
pub fn watch(stage: &Stage, id: &str) -> Result<Background> {
    browser::watch(stage, id, chat::SECOND_HALF)
}

/// The transcript on the page holds the answer once, in one piece.
pub async fn ends_whole(browser: Background, answer: &str) -> Result<()> {
    browser.shows("transcript-end", Duration::from_secs(60)).await?;
    let output = browser.output();
    let last = output.rsplit("transcript-begin").next().context("no transcript was printed")?;
    let words: Vec<_> = last.split_whitespace().collect();
    let last = words.join(" ");
    ensure!(last.matches(answer).count() == 1, "the page shows:\n{last}");
    Ok(())
}
