//! An OpenSSH server of our own on a free port of the loopback interface.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command as StdCommand, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use tokio::{
    net::{TcpListener, TcpStream},
    process::Command,
};
use warren_testkit::{User, eventually};

/// A running `sshd`; ends when dropped.
pub struct Sshd {
    child: Child,
    port: u16,
    directory: PathBuf,
}

/// Starts `sshd`, or returns `None` where it is not installed.
pub async fn start(user: &User) -> Result<Option<Sshd>> {
    let Some(program) =
        ["/usr/sbin/sshd", "/usr/bin/sshd"].into_iter().find(|path| fs::exists(path).unwrap_or(false))
    else {
        return Ok(None);
    };
    let directory = user.home().join("sshd");
    fs::create_dir_all(&directory)?;
    for name in ["host", "key"] {
        let mut keygen = StdCommand::new("ssh-keygen");
        keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(directory.join(name));
        ensure!(keygen.status()?.success(), "ssh-keygen failed");
    }
    fs::copy(directory.join("key.pub"), directory.join("authorized"))?;
    // Started as root, sshd wants its empty directory; in a container nothing has made it yet.
    let _ = fs::create_dir_all("/run/sshd");
    let port = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port();
    let mut command = StdCommand::new(program);
    command.args(["-D", "-e", "-f", "/dev/null", "-h"]).arg(directory.join("host"));
    let authorized = format!("AuthorizedKeysFile={}", directory.join("authorized").display());
    let listen = format!("ListenAddress=127.0.0.1:{port}");
    for option in
        [&*authorized, &*listen, "StrictModes=no", "UsePAM=no", "PidFile=none", "PermitRootLogin=yes"]
    {
        command.args(["-o", option]);
    }
    let child = command.stderr(Stdio::null()).spawn().context("sshd cannot be started")?;
    let sshd = Sshd { child, port, directory };
    let answers = || async { TcpStream::connect(("127.0.0.1", port)).await.ok() };
    eventually("the start of sshd", Duration::from_secs(10), answers).await?;
    Ok(Some(sshd))
}

impl Sshd {
    /// Prepares `ssh` to this server, up to the remote command.
    pub fn ssh(&self) -> Command {
        let mut command = Command::new("ssh");
        command.args([
            "-F",
            "/dev/null",
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
        ]);
        command.args(["-o", "LogLevel=ERROR", "-o", "BatchMode=yes", "-p", &self.port.to_string(), "-i"]);
        command.arg(self.directory.join("key")).arg("127.0.0.1");
        command
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        // It may have ended already, which is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
