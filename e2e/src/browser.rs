//! A viewer in Chromium, driven by the dashboard's own test programs.

use std::process::Stdio;

use anyhow::Result;
use warren_testkit::{Background, User, repository};

/// A person in front of the dashboard.
pub struct Browser<'a> {
    user: &'a User,
}

impl<'a> Browser<'a> {
    /// A browser for this user; nothing is started yet.
    pub const fn new(user: &'a User) -> Self {
        Self { user }
    }

    /// Starts one of the programs in `site/e2e` with environment variables that tell it what to do.
    ///
    /// # Errors
    /// Fails when Node.js cannot be started.
    pub fn start(&self, program: &str, variables: &[(&str, &str)]) -> Result<Background> {
        let mut command = self.user.command("node");
        command.arg(repository().join("site/e2e").join(program)).envs(variables.iter().copied());
        command.stderr(Stdio::inherit());
        Background::start(command)
    }
}
