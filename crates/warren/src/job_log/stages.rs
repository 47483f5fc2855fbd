//! The text form of a job's log: a heading per stage, its lines, and how long it took. Pure.

use chrono::{DateTime, Utc};
use warren_api::jobs::ProvisionerJobLog;
use warren_vocab::LogLevel;

/// Turns log lines into what is printed.
#[derive(Debug)]
pub struct Stages {
    verbose: bool,
    current: Option<Stage>,
}

#[derive(Debug)]
struct Stage {
    name: String,
    started: DateTime<Utc>,
    latest: DateTime<Utc>,
}

impl Stages {
    /// Starts before the first line. `verbose` shows trace and debug lines.
    pub fn new(verbose: bool) -> Self {
        Self { verbose, current: None }
    }

    /// Returns the lines to print for one line of the log.
    pub fn line(&mut self, log: &ProvisionerJobLog) -> Vec<String> {
        let mut lines = Vec::new();
        if self.current.as_ref().is_none_or(|stage| stage.name != log.stage) {
            lines.extend(self.end('✔', log.created_at));
            lines.push(format!("==> ⧗ {}", log.stage));
            self.current =
                Some(Stage { name: log.stage.clone(), started: log.created_at, latest: log.created_at });
        }
        if let Some(stage) = &mut self.current {
            stage.latest = log.created_at;
        }
        // The daemon opens a stage with a line that only repeats its name.
        let is_heading = log.output == log.stage;
        if !log.output.is_empty() && !is_heading && self.shows(log.log_level) {
            lines.push(log.output.trim_end().to_owned());
        }
        lines
    }

    /// Returns what to print when the job has ended.
    pub fn finish(&mut self, succeeded: bool) -> Option<String> {
        let latest = self.current.as_ref()?.latest;
        self.end(if succeeded { '✔' } else { '✘' }, latest)
    }

    fn end(&mut self, mark: char, now: DateTime<Utc>) -> Option<String> {
        let stage = self.current.take()?;
        let took = (now - stage.started).num_milliseconds().max(0);
        Some(format!("=== {mark} {} [{took}ms]", stage.name))
    }

    fn shows(&self, level: LogLevel) -> bool {
        match level {
            LogLevel::Trace | LogLevel::Debug => self.verbose,
            LogLevel::Info | LogLevel::Warn | LogLevel::Error => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone as _;
    use warren_vocab::{JobLogId, LogSource};

    use super::*;

    fn log(id: i64, stage: &str, output: &str, level: LogLevel) -> ProvisionerJobLog {
        ProvisionerJobLog {
            id: JobLogId(id),
            created_at: Utc.timestamp_millis_opt(id * 100).unwrap(),
            log_source: LogSource::Provisioner,
            log_level: level,
            stage: stage.into(),
            output: output.into(),
        }
    }

    #[test]
    fn every_stage_has_a_beginning_and_an_end() {
        let mut stages = Stages::new(false);
        let mut lines = stages.line(&log(1, "Plan", "", LogLevel::Info));
        lines.extend(stages.line(&log(2, "Plan", "no changes\n", LogLevel::Info)));
        lines.extend(stages.line(&log(3, "Apply", "done", LogLevel::Info)));
        lines.extend(stages.finish(true));
        let expected =
            ["==> ⧗ Plan", "no changes", "=== ✔ Plan [200ms]", "==> ⧗ Apply", "done", "=== ✔ Apply [0ms]"];
        assert_eq!(lines, expected);
    }

    #[test]
    fn debug_lines_are_shown_on_demand() {
        let line = log(1, "Plan", "details", LogLevel::Debug);
        assert_eq!(Stages::new(false).line(&line), ["==> ⧗ Plan"]);
        assert_eq!(Stages::new(true).line(&line), ["==> ⧗ Plan", "details"]);
    }

    #[test]
    fn the_stage_that_failed_is_marked() {
        let mut stages = Stages::new(false);
        stages.line(&log(1, "Apply", "", LogLevel::Info));
        assert_eq!(stages.finish(false).as_deref(), Some("=== ✘ Apply [0ms]"));
        assert_eq!(Stages::new(false).finish(false), None);
    }
}
