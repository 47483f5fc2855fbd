//! How the view looks on the terminal at hand. Pure.

/// What the terminal can do, and what its reader wants to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    pub colors: bool,
    /// Width of the terminal in cells.
    pub columns: usize,
    /// Outputs and results are shown whole.
    pub full: bool,
    /// Thoughts of the model are shown.
    pub reasoning: bool,
    /// Whoever shows the view asks for answers itself, so no commands for that are printed.
    pub asks: bool,
    /// The view stays open after the turn, so it tells of failures itself.
    pub stays: bool,
}

/// How a piece of text stands out, where there are colours.
#[derive(Debug, Clone, Copy)]
pub(super) enum Style {
    Bold,
    Dim,
    Red,
    Green,
    Yellow,
    Cyan,
}

impl Look {
    /// Makes a text stand out.
    pub(super) fn paint(&self, style: Style, text: &str) -> String {
        if !self.colors || text.is_empty() {
            return text.to_owned();
        }
        let code = match style {
            Style::Bold => "1",
            Style::Dim => "2",
            Style::Red => "31",
            Style::Green => "32",
            Style::Yellow => "33",
            Style::Cyan => "36",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// Cuts a line to so many cells.
pub(super) fn cut(line: &str, n_cells_max: usize) -> String {
    let mut n_cells = 0;
    for (at, c) in line.char_indices() {
        // Wide letters and pictures take two; counting too many only cuts earlier.
        n_cells += if u32::from(c) >= 0x1100 && !('\u{2000}'..'\u{2e80}').contains(&c) { 2 } else { 1 };
        if n_cells > n_cells_max {
            let mut short: String = line[..at].chars().collect();
            short.pop();
            short.push('…');
            return short;
        }
    }
    line.to_owned()
}
