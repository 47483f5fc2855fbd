//! The way of a job's log lines to whoever stores them.

use async_trait::async_trait;
use chrono::Utc;
use warren_build_proto::LogLine;
use warren_vocab::{LogLevel, LogSource};

/// Takes a job's log lines in order.
#[async_trait]
pub trait LogSink: Send + Sync {
    /// Stores one line. Waiting here makes Terraform wait.
    async fn write(&self, line: LogLine);
}

/// A log with the name of what the job is doing.
pub(crate) struct StageLog<'a> {
    sink: &'a dyn LogSink,
    stage: &'static str,
}

impl<'a> StageLog<'a> {
    /// Begins a stage and says so.
    pub(crate) async fn begin(sink: &'a dyn LogSink, stage: &'static str) -> Self {
        let log = Self { sink, stage };
        log.write(LogSource::ProvisionerDaemon, LogLevel::Info, stage.to_owned()).await;
        log
    }

    /// Writes a line of Terraform.
    pub(crate) async fn line(&self, level: LogLevel, output: String) {
        self.write(LogSource::Provisioner, level, output).await;
    }

    /// Writes a line of our own.
    pub(crate) async fn note(&self, level: LogLevel, output: String) {
        self.write(LogSource::ProvisionerDaemon, level, output).await;
    }

    async fn write(&self, source: LogSource, level: LogLevel, output: String) {
        let line = LogLine { created_at: Utc::now(), source, level, stage: self.stage.to_owned(), output };
        self.sink.write(line).await;
    }
}
