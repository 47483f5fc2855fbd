//! `warren server`.

use std::collections::BTreeMap;

use anyhow::Context as _;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};
use warren_config::{Inputs, ServerConfig};
use warren_server::{Observability, RunningServer, Server, VERSION};

use super::maintenance;
use crate::{
    args::{ServerArgs, ServerCommand},
    output, program,
};

/// Open files that are asked for, when the system allows as many.
const OPEN_FILES_MAX: u64 = 65_536;

pub(super) async fn run(args: ServerArgs) -> anyhow::Result<()> {
    match args.command {
        Some(ServerCommand::CreateAdminUser(args)) => return maintenance::create_admin(args).await,
        Some(ServerCommand::Db(command)) => return maintenance::db(command).await,
        Some(ServerCommand::Dbcrypt(command)) => return maintenance::dbcrypt(command).await,
        None => {}
    }
    let config = config(args)?;
    let observability = Observability::install(&config.logging, &config.telemetry.trace)?;
    allow_many_connections();
    let deadline = config.http.shutdown_timeout;
    let mut stop = StopSignals::new()?;
    let server = Server::start(config).await?;
    output::line(&announcement(&server).await);
    stop.wait().await;
    output::note("Stopping; press Ctrl-C again to stop at once.");
    tokio::select! {
        () = server.shutdown(deadline) => {}
        () = stop.wait() => {}
    }
    // It waits for the collector, so it must not hold up the runtime that talks to it.
    tokio::task::spawn_blocking(move || observability.stop()).await.context("the last traces were lost")
}

/// Every connection needs a file descriptor, and systems commonly give a process few until it asks.
fn allow_many_connections() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.unwrap_or(OPEN_FILES_MAX).min(OPEN_FILES_MAX);
    if limit.current.is_none_or(|current| current >= wanted) {
        return;
    }
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), ..limit }) {
        tracing::warn!(%error, "the limit of open files cannot be raised");
    }
}

fn config(args: ServerArgs) -> anyhow::Result<ServerConfig> {
    let inputs = Inputs { flags: args.flags.0, env: environment(), file: args.config };
    Ok(warren_config::load(&inputs)?)
}

/// The environment as far as it is text; the rest belongs to somebody else.
pub(super) fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// What is said once the server answers. It serves already, so a database that is away at this moment must not end it.
async fn announcement(server: &RunningServer) -> String {
    let is_fresh = server.needs_first_user().await.unwrap_or_else(|error| {
        tracing::warn!(%error, "it is not known whether there is a first user");
        false
    });
    banner(server.url().as_str().trim_end_matches('/'), is_fresh)
}

fn banner(url: &str, is_fresh: bool) -> String {
    let ready = format!("Warren is ready at {url}/");
    if !is_fresh {
        return ready;
    }
    format!(
        "Warren {VERSION}\n\n  Open {url}/ in a browser to create the first user,\n  \
         or run `{} login {url}`.\n\n{ready}",
        program::name()
    )
}

/// Ctrl-C and the polite signal of service managers.
pub(super) struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    pub(super) fn new() -> anyhow::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?,
            terminate: signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?,
        })
    }

    pub(super) async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use warren_testkit::in_process::TestSite;

    use super::*;

    #[tokio::test]
    async fn a_server_whose_database_is_away_when_it_begins_says_where_it_is_and_goes_on() {
        let running = TestSite::new().await.start(|_| {}).await;
        let server = &running.server;
        let url = server.url().as_str().trim_end_matches('/').to_owned();
        assert_eq!(announcement(server).await, banner(&url, true));
        server.database().close().await.unwrap();
        server.needs_first_user().await.unwrap_err();
        assert_eq!(announcement(server).await, format!("Warren is ready at {url}/"));
    }
}
