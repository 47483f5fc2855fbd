//! The chat of the story, as a terminal and the API see it.

use anyhow::{Context, Result, ensure};
use e2e::stage::{SOON, Stage};
use warren_testkit::Background;

pub const FIRST_HALF: &str = "The first half of the answer arrived before the crash;";
pub const SECOND_HALF: &str = "the second half arrived after it.";

/// The whole last answer.
pub fn answer() -> String {
    format!("{FIRST_HALF} {SECOND_HALF}")
}

/// Starts a chat and returns its id.
pub async fn begin(stage: &Stage, workspace: &str, task: &str) -> Result<String> {
    let printed = stage.warren(&["chat", "new", "--no-follow", "-w", workspace, task]).await?;
    let id = printed.split_whitespace().last().context("no id was printed")?;
    Ok(id.to_owned())
}

/// Follows a chat in a terminal, as a person who leaves it open does.
pub fn follow_forever(stage: &Stage, chat: &str) -> Result<Background> {
    Background::start(stage.user.warren(&["chat", "follow", "--forever", chat]))
}

/// The committed history holds the answer once, in one piece.
pub async fn is_whole(stage: &Stage, chat: &str) -> Result<()> {
    // A viewer that comes late sees the whole chat and leaves when the turn has ended.
    let shown = stage.user.succeed(&["chat", "follow", chat], SOON).await?;
    let words: Vec<_> = shown.split_whitespace().collect();
    let shown = words.join(" ");
    ensure!(shown.matches(&answer()).count() == 1, "a late viewer sees:\n{shown}");
    ensure!(shown.matches(FIRST_HALF).count() == 1, "a late viewer sees the beginning twice:\n{shown}");
    Ok(())
}

/// The chat takes another message after the crash.
pub async fn goes_on(stage: &Stage, chat: &str) -> Result<()> {
    let shown = stage.user.succeed(&["chat", "send", chat, "Are you still there?"], SOON).await?;
    ensure!(shown.contains("I remember everything"), "the answer is:\n{shown}");
    Ok(())
}
