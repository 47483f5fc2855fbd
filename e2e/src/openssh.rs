//! OpenSSH's own programs, configured by `warren config-ssh`.

use std::{path::PathBuf, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};
use warren_testkit::{Finished, User, finish};

const DEADLINE: Duration = Duration::from_secs(60);

/// The SSH configuration of a user.
pub struct OpenSsh<'a> {
    user: &'a User,
    config: PathBuf,
}

impl<'a> OpenSsh<'a> {
    /// Lets `warren config-ssh` write a configuration.
    ///
    /// # Errors
    /// Fails when the command does.
    pub async fn configure(user: &'a User) -> Result<Self> {
        let config = user.home().join("ssh_config");
        let path = config.to_str().context("the path is not text")?;
        user.succeed(&["config-ssh", "--ssh-config-file", path, "-y"], DEADLINE).await?;
        Ok(Self { user, config })
    }

    /// Prepares `ssh` with options before the host and a remote command after it.
    pub fn command(&self, options: &[&str], host: &str, remote: &str) -> Command {
        let mut command = self.user.command("ssh");
        command.arg("-F").arg(&self.config).args(["-o", "BatchMode=yes"]).args(options).arg(host);
        if !remote.is_empty() {
            command.arg(remote);
        }
        command
    }

    /// Runs a command on a host.
    ///
    /// # Errors
    /// Fails when `ssh` does not end in time.
    pub async fn run(&self, host: &str, remote: &str) -> Result<Finished> {
        finish(self.command(&[], host, remote), DEADLINE)
            .await
            .with_context(|| format!("ssh {host} {remote}"))
    }

    /// Runs a command on a host, which must succeed, and returns what it printed.
    ///
    /// # Errors
    /// Fails with both outputs when the command does.
    pub async fn succeed(&self, host: &str, remote: &str) -> Result<String> {
        let done = self.run(host, remote).await?;
        ensure!(
            done.status.success(),
            "`{remote}` ended with {}\nstdout: {}\nstderr: {}",
            done.status,
            done.stdout,
            done.stderr
        );
        Ok(done.stdout)
    }

    /// Runs SFTP commands, one a line; the first that fails ends it.
    ///
    /// # Errors
    /// Fails with the output when a command does.
    pub async fn sftp(&self, host: &str, batch: &str) -> Result<()> {
        let file = self.user.home().join("sftp-batch");
        std::fs::write(&file, batch).context("the batch cannot be written")?;
        let mut command = self.user.command("sftp");
        command.arg("-F").arg(&self.config).arg("-b").arg(&file).arg(host);
        let done = finish(command, DEADLINE).await?;
        ensure!(done.status.success(), "sftp failed\nstdout: {}\nstderr: {}", done.stdout, done.stderr);
        Ok(())
    }
}
