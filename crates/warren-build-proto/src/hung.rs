//! Which jobs nobody works on any more, and what their users are told.

use chrono::{DateTime, TimeDelta, Utc};
use warren_vocab::{LogLevel, LogSource};

use crate::{job::Job, log::LogLine};

/// A job that no worker has taken for this long is ended.
pub const PENDING_MAX_MINUTES: i64 = 30;
/// A running job whose worker has not been heard of for this long is ended.
pub const RUNNING_SILENT_MAX_MINUTES: i64 = 5;

/// Why a job is taken for dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HungKind {
    /// No worker took it.
    Pending,
    /// Its worker went silent.
    Silent,
}

/// A job that the reaper ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HungJob {
    pub kind: HungKind,
}

/// Decides whether a job is to be ended by the reaper.
pub fn hung(job: &Job, now: DateTime<Utc>) -> Option<HungJob> {
    if job.is_complete() {
        return None;
    }
    let silent = now.signed_duration_since(job.updated_at);
    let kind = if job.started_at.is_none() { HungKind::Pending } else { HungKind::Silent };
    (silent > TimeDelta::minutes(kind.minutes())).then_some(HungJob { kind })
}

impl HungKind {
    fn minutes(self) -> i64 {
        match self {
            Self::Pending => PENDING_MAX_MINUTES,
            Self::Silent => RUNNING_SILENT_MAX_MINUTES,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Silent => "hung",
        }
    }
}

impl HungJob {
    /// Returns the job's error text.
    pub fn error(self) -> String {
        format!(
            "Coder: Build has been detected as {} for {} minutes and has been terminated by the reaper.",
            self.kind.words(),
            self.kind.minutes()
        )
    }

    /// Returns the lines that end the job's log; `stage` is that of the last line before.
    pub fn lines(self, stage: &str, now: DateTime<Utc>) -> Vec<LogLine> {
        let rule = "=".repeat(20);
        let found = format!(
            "Coder: Build has been detected as {} for {} minutes and will be terminated.",
            self.kind.words(),
            self.kind.minutes()
        );
        [String::new(), rule.clone(), found, rule, String::new()]
            .into_iter()
            .map(|output| LogLine {
                created_at: now,
                source: LogSource::ProvisionerDaemon,
                level: LogLevel::Error,
                stage: stage.to_owned(),
                output,
            })
            .collect()
    }
}
