//! A person in front of the dashboard: Chromium, driven by the dashboard's own programs in `site/e2e`.

use std::{process::Command, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use warren_testkit::{Background, User, finish, repository};

use crate::stage::{EMAIL, PASSWORD, Stage, USERNAME};

const DEADLINE: Duration = Duration::from_secs(240);

/// Does steps of `site/e2e/story.mjs` one after the other in one browser, as the first user, and returns what each of them
/// reported.
///
/// # Errors
/// Fails with everything that was printed when a step does.
pub async fn steps(user: &User, url: &str, steps: &str, options: &[&str]) -> Result<Vec<Value>> {
    steps_as(user, url, [USERNAME, EMAIL, PASSWORD], steps, options).await
}

/// The same for anybody; `who` is a username, an email address and a password.
///
/// # Errors
/// Fails as [`steps`] does.
pub async fn steps_as(
    user: &User,
    url: &str,
    who: [&str; 3],
    steps: &str,
    options: &[&str],
) -> Result<Vec<Value>> {
    let [username, email, password] = who;
    let mut command = program(user, "story.mjs");
    command.args(["--url", url, "--username", username, "--email", email, "--password", password]);
    command.args(["--step", steps]).args(options);
    let done = finish(command, DEADLINE).await?;
    ensure!(done.status.success(), "the browser failed at {steps}\n{}\n{}", done.stdout, done.stderr);
    let lines = done.stdout.lines().map(|line| serde_json::from_str(line).context("a line is not JSON"));
    let reports: Vec<Value> = lines.collect::<Result<_>>()?;
    Ok(reports.into_iter().filter(|report| report["step"].is_string()).collect())
}

/// Runs `site/e2e/chat-story.mjs`: what a person does in a chat when things do not go straight, against the dashboard's
/// stand-in server. Returns the steps that were done.
///
/// # Errors
/// Fails with everything that was printed when a step does.
pub async fn chat_story(user: &User) -> Result<Vec<String>> {
    let done = finish(program(user, "chat-story.mjs"), DEADLINE).await?;
    ensure!(done.status.success(), "the browser failed\n{}\n{}", done.stdout, done.stderr);
    let step = |line: &str| {
        let report: Value = serde_json::from_str(line).context("a line is not JSON")?;
        Ok(report["step"].as_str().unwrap_or_default().to_owned())
    };
    done.stdout.lines().map(step).collect()
}

/// Opens a chat and stays on it until its answer ends with a text, whatever happens to the server meanwhile. Prints the
/// answer whenever it changes.
///
/// # Errors
/// Fails when Node.js cannot be started.
pub fn watch(stage: &Stage, chat: &str, until: &str) -> Result<Background> {
    let mut command = program(&stage.user, "watch-chat.mjs");
    command
        .env("WARREN_URL", stage.server.url().as_str())
        .env("WARREN_EMAIL", EMAIL)
        .env("WARREN_PASSWORD", PASSWORD)
        .env("WARREN_CHAT", chat)
        .env("WARREN_UNTIL", until);
    Background::start(command)
}

fn program(user: &User, name: &str) -> Command {
    let mut command = user.command("node");
    command.arg(repository().join("site/e2e").join(name));
    command
}
