//! `warren server`.

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use warren_rt::logging;
use warren_server::{Server, ServerConfig};

use crate::{args::ServerArgs, context::parse_url, output};

/// How long requests under way may take to end.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(10);

pub(super) async fn run(args: ServerArgs) -> anyhow::Result<()> {
    let format = if args.log_json { logging::Format::Json } else { logging::Format::Text };
    logging::init(format, "info,sea_orm_migration=warn");
    let access_url =
        args.access_url.as_deref().map(parse_url).transpose().context("--access-url cannot be used")?;
    let mut config = ServerConfig::in_dir(match args.data_dir {
        Some(directory) => directory,
        None => default_data_dir()?,
    });
    config.http.address = Some(args.http_address);
    config.http.access_url = access_url;
    config.provisioner.terraform = args.terraform;
    let mut stop = StopSignals::new()?;
    let server = Server::start(config).await?;
    output::line(&format!("Warren is ready at {}", server.url()));
    stop.wait().await;
    output::note("Stopping; press Ctrl-C again to stop at once.");
    tokio::select! {
        () = server.shutdown(SHUTDOWN_DEADLINE) => {}
        () = stop.wait() => {}
    }
    Ok(())
}

fn default_data_dir() -> anyhow::Result<PathBuf> {
    let named = std::env::var_os("XDG_DATA_HOME").filter(|path| !path.is_empty()).map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share"));
    let base = named.or_else(home).context("HOME is not set; name a directory with --data-dir")?;
    Ok(base.join("warren"))
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
