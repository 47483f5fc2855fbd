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

    /// Whether processes of the group live on after its leader was waited for. A process that has the leader's number now
    /// is another one, and so is its group.
    pub(crate) fn outlives_its_leader(self) -> bool {
        let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        let mut lives = false;
        for pid in pids {
            if pid == self.0.as_raw() {
                return false;
            }
            lives |= group_of_living(pid) == Some(self.0.as_raw());
        }
        lives
    }
}

/// The process group of a process that is not dead.
fn group_of_living(pid: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it may hold anything.
    let mut fields = stat[stat.rfind(')')? + 1..].split_whitespace();
    let is_dead = matches!(fields.next()?, "Z" | "X");
    let group = fields.nth(1)?.parse().ok()?;
    (!is_dead).then_some(group)
}
