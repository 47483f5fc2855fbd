//! Log set-up of a process: text or JSON lines on standard error.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

/// The shape of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    #[default]
    Text,
    Json,
}

/// Installs the process-wide subscriber; later calls do nothing.
///
/// `filter` is used when the environment variable `WARREN_LOG` is absent or not a valid filter.
pub fn init(format: Format, filter: &str) {
    let filter = EnvFilter::try_from_env("WARREN_LOG").unwrap_or_else(|_| EnvFilter::new(filter));
    let is_terminal = io::stderr().is_terminal();
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(is_terminal).with_writer(io::stderr);
    let outcome = match format {
        Format::Text => builder.try_init(),
        Format::Json => builder.json().try_init(),
    };
    // A second server in one test process finds the subscriber in place, which is fine.
    drop(outcome);
}
