//! Standard output as a growing text with, on a terminal, a line below it that comes and goes.

use std::io::IsTerminal as _;

use crate::{
    args::ViewArgs,
    chat_view::Look,
    output, prompt,
    terminal::{self, Size},
};

/// Where lines are cut when there is no terminal.
const COLUMNS_WITHOUT_TERMINAL: usize = 160;
const CLEAR_LINE: &str = "\r\u{1b}[K";

/// What is on the terminal.
pub(super) struct Screen {
    can_redraw: bool,
    has_footer: bool,
}

impl Screen {
    pub(super) fn new() -> Self {
        Self { can_redraw: is_capable(), has_footer: false }
    }

    /// Adds to the text.
    pub(super) fn print(&mut self, text: &str) {
        self.clear();
        if !text.is_empty() {
            output::text_out(text);
        }
    }

    /// Shows a line below the text, instead of the one before.
    pub(super) fn footer(&mut self, line: Option<&str>) {
        match line.filter(|_| self.can_redraw) {
            Some(line) => {
                output::text_out(&format!("{CLEAR_LINE}{line}"));
                self.has_footer = true;
            }
            None => self.clear(),
        }
    }

    /// Takes the line below the text away.
    pub(super) fn clear(&mut self) {
        if std::mem::take(&mut self.has_footer) {
            output::text_out(CLEAR_LINE);
        }
    }

    /// Whether lines can be taken back.
    pub(super) const fn can_redraw(&self) -> bool {
        self.can_redraw
    }
}

/// How a chat is shown here.
pub(super) fn look(args: ViewArgs, stays: bool) -> Look {
    let is_terminal = std::io::stdout().is_terminal();
    let wants_colors = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let Size { columns, .. } = terminal::size();
    Look {
        colors: is_capable() && wants_colors,
        columns: if is_terminal { usize::try_from(columns).unwrap_or(80) } else { COLUMNS_WITHOUT_TERMINAL },
        full: args.full,
        reasoning: args.reasoning,
        asks: terminal::is_interactive() || prompt::is_forced(),
        stays,
    }
}

fn is_capable() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("TERM").is_some_and(|term| term != "dumb")
}
