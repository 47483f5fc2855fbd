//! Lines of a job's log and the room they may take.

use chrono::{DateTime, Utc};
use warren_vocab::{LogLevel, LogSource};

/// The most bytes of output that one job's log holds.
pub const LOG_BYTES_MAX: usize = 1 << 20;
/// The most characters of one line; the rest is cut.
pub const LOG_LINE_CHARS_MAX: usize = 1024;
/// The most characters of a stage's name.
pub const LOG_STAGE_CHARS_MAX: usize = 128;

const NOTICE: &str = "Provisioner logs exceeded the max size of 1MB. Will not continue to write provisioner logs for workspace build.";
const CUT: &str = " …";

/// One line of a job's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    pub created_at: DateTime<Utc>,
    pub source: LogSource,
    pub level: LogLevel,
    /// What the job was doing, e.g. `Planning Infrastructure`.
    pub stage: String,
    pub output: String,
}

/// How much of a job's log has been used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogBudget {
    pub bytes: usize,
    pub overflowed: bool,
}

/// What of a batch of lines is to be stored, and the budget afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    pub lines: Vec<LogLine>,
    pub budget: LogBudget,
}

impl LogBudget {
    /// Cuts long lines and drops what no longer fits. The first line that does not fit is replaced by a notice,
    /// for which room is always kept.
    pub fn admit(self, lines: Vec<LogLine>) -> Admission {
        let mut budget = self;
        let mut admitted = Vec::with_capacity(lines.len());
        for line in lines {
            if budget.overflowed {
                break;
            }
            let mut line = line.cut();
            if budget.bytes + line.output.len() > LOG_BYTES_MAX - NOTICE.len() {
                budget.overflowed = true;
                line.level = LogLevel::Warn;
                line.output = NOTICE.to_owned();
            }
            budget.bytes += line.output.len();
            admitted.push(line);
        }
        Admission { lines: admitted, budget }
    }
}

impl LogLine {
    /// Cuts the line and its stage to what a row can hold; a cut line ends with an ellipsis.
    fn cut(mut self) -> Self {
        // A NUL character cannot be stored by every database.
        self.output.retain(|c| c != '\0');
        if let Some((at, _)) = self.output.char_indices().nth(LOG_LINE_CHARS_MAX) {
            self.output.truncate(at);
            let keep = self.output.char_indices().rev().nth(CUT.chars().count() - 1).map_or(0, |(at, _)| at);
            self.output.truncate(keep);
            self.output.push_str(CUT);
        }
        if let Some((at, _)) = self.stage.char_indices().nth(LOG_STAGE_CHARS_MAX) {
            self.stage.truncate(at);
        }
        self
    }
}

#[cfg(test)]
mod tests;
