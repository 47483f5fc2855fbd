//! The local terminal during a remote shell: raw mode and size.

use std::{io::IsTerminal as _, os::fd::AsFd as _};

use rustix::termios::{self, OptionalActions, Termios};

/// Raw mode, until it is dropped.
pub struct RawMode {
    before: Termios,
}

/// Columns and rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub columns: u32,
    pub rows: u32,
}

/// Whether both directions are a terminal.
pub fn is_interactive() -> bool {
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

/// Returns the size of the terminal; 80 by 24 when there is none.
pub fn size() -> Size {
    match termios::tcgetwinsize(std::io::stdout().as_fd()) {
        Ok(size) if size.ws_col > 0 => Size { columns: size.ws_col.into(), rows: size.ws_row.into() },
        Ok(_) | Err(_) => Size { columns: 80, rows: 24 },
    }
}

impl RawMode {
    /// Lets every key pass unchanged, if standard input is a terminal.
    pub fn enter() -> Option<Self> {
        let stdin = std::io::stdin();
        let before = termios::tcgetattr(stdin.as_fd()).ok()?;
        let mut raw = before.clone();
        raw.make_raw();
        termios::tcsetattr(stdin.as_fd(), OptionalActions::Now, &raw).ok()?;
        Some(Self { before })
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // A terminal that has gone away needs no restoring.
        let _ = termios::tcsetattr(std::io::stdin().as_fd(), OptionalActions::Now, &self.before);
    }
}
