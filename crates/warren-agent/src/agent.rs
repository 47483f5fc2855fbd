//! The agent's life: start, work, orderly shutdown.
//!
//! Owns the order of things and the lifecycle states. Must not know how the server is reached or what peers ask for.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use url::Url;
use warren_rt::{Secret, Tasks};
use warren_vocab::AgentLifecycle;
use warren_wire::agent::{Lifecycle, Manifest, ReportBody, ScriptStage, Startup};

use crate::control;
use crate::outbox::Outbox;
use crate::peers;
use crate::scripts::{PhaseOutcome, ScriptRunner};
use crate::ssh::SshError;
use crate::workplace::Workplace;

/// How long sessions and processes may take to end.
const SERVICES_STOP: Duration = Duration::from_secs(5);
/// How long the last reports may take to arrive.
const REPORTS_DRAIN: Duration = Duration::from_secs(5);

/// What an agent needs to start.
#[derive(Debug, Clone)]
pub struct AgentConfig {
    /// The server's access URL.
    pub url: Url,
    /// The agent's token.
    pub token: Secret<String>,
    /// Takes the data and logs of scripts.
    pub data_dir: PathBuf,
    /// Build version, told to the server.
    pub version: String,
}

/// Why an agent stopped by itself.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    #[error(
        "the server at {url} refuses this agent's token: {reason}; rebuild the workspace to give it a new one"
    )]
    Refused { url: Url, reason: String },
    #[error("the url {url} is not an http or https url")]
    Url { url: Url },
    #[error("cannot start the ssh server")]
    Ssh(#[from] SshError),
    #[error("cannot join the tunnel: {message}")]
    Tunnel { message: String },
}

impl AgentConfig {
    /// The WebSocket URL of a path below the access URL; `None` when that is not an HTTP URL.
    pub(crate) fn socket_url(&self, path: &str) -> Option<Url> {
        let mut url = self.url.clone();
        let scheme = match url.scheme() {
            "http" => "ws",
            "https" => "wss",
            _ => return None,
        };
        url.set_scheme(scheme).ok()?;
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}/{path}"));
        Some(url)
    }
}

/// Runs until `cancel`, then shuts down in order and returns.
///
/// # Errors
/// [`AgentError::Refused`] when the server does not know the token, which no retry would change.
pub async fn run(config: AgentConfig, cancel: CancellationToken) -> Result<(), AgentError> {
    let outbox = Arc::new(Outbox::default());
    let (manifest_sender, manifest) = watch::channel(None);
    let work_cancel = cancel.child_token();
    let agent = Agent { config: &config, outbox: outbox.clone(), services: Tasks::new() };
    let control = control::keep_connected(&config, &outbox, &manifest_sender);
    let mut work = std::pin::pin!(agent.work(manifest, work_cancel.clone()));
    tokio::select! {
        refusal = control => {
            // Without a server nobody can authorise peers, so what they started must not go on.
            agent.services.stop(SERVICES_STOP).await;
            Err(refusal)
        }
        result = &mut work => result,
    }
}

struct Agent<'a> {
    config: &'a AgentConfig,
    outbox: Arc<Outbox>,
    services: Tasks,
}

impl Agent<'_> {
    async fn work(
        &self,
        mut manifest: watch::Receiver<Option<Manifest>>,
        cancel: CancellationToken,
    ) -> Result<(), AgentError> {
        let first = tokio::select! {
            first = next_manifest(&mut manifest) => first,
            () = cancel.cancelled() => return Ok(()),
        };
        let (token, url) = (self.config.token.expose(), self.config.url.as_str());
        let workplace = Arc::new(Workplace::of_process(first, token, url, self.config.data_dir.clone()));
        let runner = ScriptRunner { workplace: workplace.clone(), outbox: self.outbox.clone() };
        self.outbox.push(ReportBody::Startup(Startup {
            version: self.config.version.clone(),
            expanded_directory: workplace.expanded_directory(),
            subsystems: Vec::new(),
        }));
        self.enter(AgentLifecycle::Starting);
        peers::serve(self.config, &workplace, &self.services)?;
        let start = async {
            let outcome = runner.run_stage(ScriptStage::Start, &cancel).await;
            if !cancel.is_cancelled() {
                self.enter(after_start(outcome));
            }
            std::future::pending::<()>().await;
        };
        let updates = async {
            loop {
                workplace.set_manifest(next_manifest(&mut manifest).await);
            }
        };
        tokio::select! {
            ((), ()) = async { tokio::join!(start, updates) } => {}
            () = cancel.cancelled() => {}
        }
        self.shut_down(&runner).await;
        Ok(())
    }

    async fn shut_down(&self, runner: &ScriptRunner) {
        self.enter(AgentLifecycle::ShuttingDown);
        let late = self.services.stop(SERVICES_STOP).await;
        if !late.is_empty() {
            tracing::warn!(?late, "services did not stop in time");
        }
        let outcome = runner.run_stage(ScriptStage::Stop, &CancellationToken::new()).await;
        self.enter(after_stop(outcome));
        if tokio::time::timeout(REPORTS_DRAIN, self.outbox.drained()).await.is_err() {
            tracing::warn!("the server did not take the last reports in time");
        }
    }

    fn enter(&self, state: AgentLifecycle) {
        tracing::info!(state = state.as_str(), "agent lifecycle");
        self.outbox.push(ReportBody::Lifecycle(Lifecycle { state, changed_at: Utc::now() }));
    }
}

async fn next_manifest(manifest: &mut watch::Receiver<Option<Manifest>>) -> Manifest {
    loop {
        if manifest.changed().await.is_err() {
            // The sender lives as long as the agent; when it is gone nothing is left to wait for.
            std::future::pending::<()>().await;
        }
        if let Some(manifest) = manifest.borrow_and_update().clone() {
            return manifest;
        }
    }
}

fn after_start(outcome: PhaseOutcome) -> AgentLifecycle {
    match outcome {
        PhaseOutcome::Ok => AgentLifecycle::Ready,
        PhaseOutcome::TimedOut => AgentLifecycle::StartTimeout,
        PhaseOutcome::Failed => AgentLifecycle::StartError,
    }
}

fn after_stop(outcome: PhaseOutcome) -> AgentLifecycle {
    match outcome {
        PhaseOutcome::Ok => AgentLifecycle::Off,
        PhaseOutcome::TimedOut => AgentLifecycle::ShutdownTimeout,
        PhaseOutcome::Failed => AgentLifecycle::ShutdownError,
    }
}

#[cfg(test)]
mod tests;
