//! The real binary: its sentences and exit statuses, and how it follows streams that break.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

mod accounts;
mod administration;
mod fake;
mod follow;
mod names;
mod organizations;
mod sentences;
mod server;
mod settings;
mod tokens;
mod users;

use std::time::Duration;

use warren_testkit::{Finished, User, finish};

const DEADLINE: Duration = Duration::from_secs(30);

/// Runs the binary as a user with an empty configuration.
async fn warren(arguments: &[&str], env: &[(&str, &str)]) -> Finished {
    let user = User::new().unwrap();
    let mut command = user.command(env!("CARGO_BIN_EXE_warren"));
    command.args(arguments).envs(env.iter().copied());
    finish(command, DEADLINE).await.unwrap()
}
