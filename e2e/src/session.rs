//! A command of a user that goes on while other things happen: what it is given and what it prints.

use std::{
    io::{Read, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

/// How long a session may stand still when a server is killed. Unloaded it is well below three seconds.
const STANDSTILL_MAX: Duration = Duration::from_secs(60);

/// A command that goes on, such as `ssh`. Killed when dropped.
pub struct Session {
    child: Child,
    stdin: Option<ChildStdin>,
    output: Receiver<Vec<u8>>,
}

impl Session {
    /// Starts a command.
    ///
    /// # Errors
    /// Fails when it cannot be started.
    pub fn start(mut command: Command) -> Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("no ssh")?;
        let (stdin, mut stdout) = (child.stdin.take(), child.stdout.take().context("output is piped")?);
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(n_bytes @ 1..) = stdout.read(&mut buffer) {
                if sender.send(buffer[..n_bytes].to_vec()).is_err() {
                    return;
                }
            }
        });
        Ok(Self { child, stdin, output })
    }

    /// Gives it bytes.
    ///
    /// # Errors
    /// Fails when it has ended.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let stdin = self.stdin.as_mut().context("the input is closed")?;
        stdin.write_all(bytes).and_then(|()| stdin.flush()).context("ssh takes no input")
    }

    /// Types a line and waits until it comes back; tells how long that took.
    ///
    /// # Errors
    /// Fails when it does not come back, or the command has ended.
    pub fn repeats(&mut self, line: &str) -> Result<Duration> {
        let began = Instant::now();
        self.write(format!("{line}\n").as_bytes())?;
        let mut seen = Vec::new();
        while !String::from_utf8_lossy(&seen).contains(line) {
            match self.output.recv_timeout(STANDSTILL_MAX) {
                Ok(bytes) => seen.extend(bytes),
                Err(RecvTimeoutError::Timeout) => bail!("{line:?} never came back"),
                Err(RecvTimeoutError::Disconnected) => bail!("the session has ended before {line:?}"),
            }
        }
        Ok(began.elapsed())
    }

    /// Ends the input and gives the rest of the output.
    ///
    /// # Errors
    /// Fails when the command does, or does not end.
    pub fn rest(mut self) -> Result<String> {
        drop(self.stdin.take());
        let mut rest = Vec::new();
        loop {
            match self.output.recv_timeout(STANDSTILL_MAX) {
                Ok(bytes) => rest.extend(bytes),
                Err(RecvTimeoutError::Timeout) => bail!("the session does not end"),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        let status = self.child.wait().context("ssh cannot be waited for")?;
        ensure!(status.success(), "ssh ended with {status}");
        Ok(String::from_utf8_lossy(&rest).into_owned())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // It may have ended already, which is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
