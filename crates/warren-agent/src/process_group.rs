//! Signals to whole process groups.
//!
//! Owns the one place where the agent kills. Must not decide when.

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// A process group that the agent started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProcessGroup(Pid);

impl ProcessGroup {
    /// The group that `child` leads; `None` when it was already waited for.
    pub(crate) fn led_by(child: &tokio::process::Child) -> Option<ProcessGroup> {
        let id = i32::try_from(child.id()?).ok()?;
        Some(ProcessGroup(Pid::from_raw(id)))
    }

    /// Sends `signal` to every process of the group; a group that is gone is not an error.
    pub(crate) fn signal(self, signal: Signal) {
        if let Err(error) = killpg(self.0, signal)
            && error != nix::errno::Errno::ESRCH
        {
            tracing::warn!(group = self.0.as_raw(), %signal, %error, "cannot signal a process group");
        }
    }
}
