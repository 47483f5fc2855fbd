//! Where log lines and traces of the server process go: text and JSON lines, and OpenTelemetry over gRPC.
//!
//! Installed once per process, before the server starts. What is logged is the business of whoever logs; secrets have
//! types that do not show them.

use std::{
    fs::{File, OpenOptions},
    io::{self, IsTerminal},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use thiserror::Error;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{ParseError, filter_fn},
    fmt::{self, writer::BoxMakeWriter},
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};
use warren_config::{Logging, Trace};

use crate::config::VERSION;

/// Replaces the configured filter, for a quick look.
const FILTER_VARIABLE: &str = "WARREN_LOG";
const SERVICE_NAME: &str = "warren";
/// Where collectors listen unless told otherwise.
const OTLP_ENDPOINT: &str = "http://localhost:4317";
const EXPORT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a collector that does not answer may hold up the end of the process.
const STOP_TIMEOUT: Duration = Duration::from_secs(3);

/// Why logs or traces cannot be written; each text is a sentence for whoever starts the server.
#[derive(Debug, Error)]
pub enum ObservabilityError {
    #[error("the log file {path} cannot be opened; name another with --log-human or --log-json")]
    File { path: PathBuf, source: io::Error },
    #[error("{filter:?} in --log-filter is not a filter such as `info,warren_db=debug`")]
    Filter { filter: String, source: ParseError },
    #[error("traces cannot be sent to {endpoint}; correct --trace-otlp-endpoint")]
    Trace { endpoint: String, source: ExporterBuildError },
}

/// Holds what must be written before the process ends.
#[derive(Debug)]
#[must_use = "spans that wait are lost unless it is stopped"]
pub struct Observability {
    traces: Option<SdkTracerProvider>,
}

type Boxed = Box<dyn Layer<Registry> + Send + Sync>;

impl Observability {
    /// Installs the process-wide subscriber; a later call changes nothing. Needs a Tokio runtime when traces are on.
    ///
    /// # Errors
    /// Names the option that cannot be used.
    pub fn install(logging: &Logging, trace: &Trace) -> Result<Self, ObservabilityError> {
        let filter = std::env::var(FILTER_VARIABLE).ok().filter(|text| !text.is_empty());
        let filter = filter.unwrap_or_else(|| logging.filter.clone());
        let mut layers: Vec<Boxed> = Vec::new();
        if let Some((writer, is_terminal)) = writer(&logging.human)? {
            let lines = fmt::layer().with_ansi(is_terminal).with_writer(writer);
            layers.push(Box::new(lines.with_filter(parse(&filter)?)));
        }
        if let Some((writer, _)) = writer(&logging.json)? {
            let lines = fmt::layer().json().flatten_event(true).with_writer(writer);
            layers.push(Box::new(lines.with_filter(parse(&filter)?)));
        }
        let traces = if trace.enable { Some(provider(trace)?) } else { None };
        if let Some(provider) = &traces {
            layers.push(export(provider, trace.capture_logs));
        }
        // A second server in one process finds the subscriber in place, which is fine.
        let _ = tracing_subscriber::registry().with(layers).try_init();
        Ok(Self { traces })
    }

    /// Sends what waits to be sent.
    pub fn stop(self) {
        if let Some(Err(error)) = self.traces.map(|traces| traces.shutdown_with_timeout(STOP_TIMEOUT)) {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

fn parse(filter: &str) -> Result<EnvFilter, ObservabilityError> {
    let failed = |source| ObservabilityError::Filter { filter: filter.to_owned(), source };
    EnvFilter::builder().parse(filter).map_err(failed)
}

/// Opens a log; also says whether a person reads it on a terminal. An empty name is no log.
fn writer(name: &str) -> Result<Option<(BoxMakeWriter, bool)>, ObservabilityError> {
    match name {
        "" => Ok(None),
        "/dev/stderr" => Ok(Some((BoxMakeWriter::new(io::stderr), io::stderr().is_terminal()))),
        "/dev/stdout" => Ok(Some((BoxMakeWriter::new(io::stdout), io::stdout().is_terminal()))),
        path => Ok(Some((BoxMakeWriter::new(Arc::new(open(path)?)), false))),
    }
}

/// Appends to a file that only the owner and the group can read: it has addresses and names of people.
fn open(path: &str) -> Result<File, ObservabilityError> {
    let opened = OpenOptions::new().append(true).create(true).mode(0o640).open(path);
    opened.map_err(|source| ObservabilityError::File { path: path.into(), source })
}

fn provider(trace: &Trace) -> Result<SdkTracerProvider, ObservabilityError> {
    let endpoint = if trace.otlp_endpoint.is_empty() { OTLP_ENDPOINT } else { &trace.otlp_endpoint };
    let builder = SpanExporter::builder().with_tonic().with_endpoint(endpoint).with_timeout(EXPORT_TIMEOUT);
    let failed = |source| ObservabilityError::Trace { endpoint: endpoint.to_owned(), source };
    let exporter = builder.build().map_err(failed)?;
    let version = opentelemetry::KeyValue::new("service.version", VERSION);
    let resource = Resource::builder().with_service_name(SERVICE_NAME).with_attribute(version).build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

/// Spans of our own code; log lines as their events when wanted.
fn export<S>(provider: &SdkTracerProvider, captures_logs: bool) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    let is_wanted = move |metadata: &Metadata<'_>| {
        let is_ours = metadata.target().starts_with("warren");
        is_ours && *metadata.level() <= Level::INFO && (captures_logs || metadata.is_span())
    };
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer(SERVICE_NAME));
    Box::new(layer.with_filter(filter_fn(is_wanted)))
}

#[cfg(test)]
mod tests;
