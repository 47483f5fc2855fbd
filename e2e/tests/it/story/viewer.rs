//! The chat of the story in a browser that stays open over the crash.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::{
    browser::Browser,
    stage::{EMAIL, PASSWORD, Stage},
};
use warren_testkit::Background;

use super::chat;

/// Opens the chat in Chromium. The program prints the transcript whenever it changes, and ends on a line from us.
pub fn watch(stage: &Stage, chat: &str) -> Result<Background> {
    let url = stage.server.url().to_string();
    let variables = [
        ("WARREN_URL", url.as_str()),
        ("WARREN_EMAIL", EMAIL),
        ("WARREN_PASSWORD", PASSWORD),
        ("WARREN_CHAT", chat),
        ("WARREN_UNTIL", chat::SECOND_HALF),
    ];
    Browser::new(&stage.user).start("watch-chat.mjs", &variables)
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
