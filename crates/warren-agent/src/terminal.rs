//! Starts a program in a new terminal.
//!
//! Owns the kernel's side of a terminal. Must not know whether SSH or the web looks at it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use pty_process::{Pts, Pty};
use tokio::process::Child;

use crate::environment::Variables;
use crate::workplace::Workplace;

/// Character cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) rows: u16,
    pub(crate) columns: u16,
}

impl Size {
    /// Programs divide by the size, so a client that does not know its own gets the classic one.
    fn or_default(self) -> Size {
        Size {
            rows: if self.rows == 0 { 24 } else { self.rows },
            columns: if self.columns == 0 { 80 } else { self.columns },
        }
    }
}

/// Starts the user's shell with `arguments` as the leader of a session in a terminal of `size`.
///
/// # Errors
/// When the system gives no terminal or cannot start the shell.
pub(crate) fn start(
    workplace: &Workplace,
    mut environment: Variables,
    arguments: &[String],
    size: Size,
    prepare: impl FnOnce(BorrowedFd<'_>),
) -> io::Result<(Pty, Child)> {
    let (pty, pts) = pty_process::open().map_err(io::Error::other)?;
    let size = size.or_default();
    pty.resize(pty_process::Size::new(size.rows, size.columns)).map_err(io::Error::other)?;
    prepare(pts.as_fd());
    if let Some(name) = device_name(&pts) {
        environment.insert("SSH_TTY".into(), name);
    }
    let command = workplace.command(workplace.shell(), environment);
    let child = pty_process::Command::from(command).args(arguments).spawn(pts).map_err(io::Error::other)?;
    Ok((pty, child))
}

/// Resizes a terminal whose halves are elsewhere.
pub(crate) struct Resizer(OwnedFd);

impl Resizer {
    /// Keeps a second handle of the terminal.
    ///
    /// # Errors
    /// When the process has no file descriptor left.
    pub(crate) fn of(pty: &Pty) -> io::Result<Resizer> {
        Ok(Resizer(pty.as_fd().try_clone_to_owned()?))
    }

    /// Tells the terminal its new size; a size of zero is ignored.
    pub(crate) fn resize(&self, size: Size) {
        if size.rows == 0 || size.columns == 0 {
            return;
        }
        let size =
            rustix::termios::Winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 };
        if let Err(error) = rustix::termios::tcsetwinsize(&self.0, size) {
            tracing::debug!(%error, "cannot resize a terminal");
        }
    }
}

fn device_name(pts: &Pts) -> Option<String> {
    let path = nix::unistd::ttyname(pts.as_fd()).ok()?;
    Some(path.to_string_lossy().into_owned())
}
