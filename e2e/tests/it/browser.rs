//! The dashboard in Debian's Chromium, driven by the scripts in `site/e2e`.

use std::{path::PathBuf, process::Command};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use warren_testkit::{Background, finish, repository};

use crate::stage::{BUILD, PASSWORD, Stage, USERNAME};

/// Runs one step in a browser of its own and returns what the page showed.
pub async fn run(stage: &Stage, step: &str, arguments: &[(&str, &str)]) -> Result<Value> {
    let done = finish(command(stage, step, arguments), BUILD)
        .await
        .with_context(|| format!("browser step {step}"))?;
    ensure!(done.status.success(), "browser step {step}:\n{}\n{}", done.stdout, done.stderr);
    let last = done.stdout.lines().last().context("a step prints its result")?;
    serde_json::from_str(last).with_context(|| format!("browser step {step} printed {last}"))
}

/// Starts a step that goes on while the test does.
pub fn start(stage: &Stage, step: &str, arguments: &[(&str, &str)]) -> Result<Background> {
    Background::start(command(stage, step, arguments))
}

fn command(stage: &Stage, step: &str, arguments: &[(&str, &str)]) -> Command {
    let mut command = Command::new("node");
    command
        .current_dir(repository().join("site"))
        .arg(PathBuf::from("e2e/story.mjs"))
        .args(["--url", stage.server.url().as_str(), "--username", USERNAME, "--email", crate::stage::EMAIL])
        .args(["--password", PASSWORD, "--step", step]);
    for (name, value) in arguments {
        command.arg(format!("--{name}")).arg(value);
    }
    command
}
