//! What a running session tells others: the server that the workspace is in use, and editors how the network does.

use std::{
    io,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use warren_api::workspaces::PostWorkspaceUsageRequest;
use warren_sdk::Client;
use warren_tunnel::PeerConnection;
use warren_vocab::WorkspaceId;

/// How often the server is told.
const USAGE_EVERY: Duration = Duration::from_secs(60);

/// What is reported about one session.
pub struct Reports {
    pub client: Client,
    pub workspace: WorkspaceId,
    /// `None` tells the server nothing.
    pub usage: Option<PostWorkspaceUsageRequest>,
    /// Where editors look for the state of the network.
    pub network_info_dir: Option<PathBuf>,
    pub network_info_interval: Duration,
}

/// The state of the network, as editors read it.
#[derive(Debug, Serialize)]
struct NetworkInfo {
    p2p: bool,
    /// Milliseconds.
    latency: f64,
    preferred_derp: &'static str,
    derp_latency: std::collections::BTreeMap<&'static str, f64>,
    upload_bytes_sec: u64,
    download_bytes_sec: u64,
    using_coder_connect: bool,
}

/// Bytes of a session so far.
#[derive(Debug, Default)]
pub struct Traffic {
    up: AtomicU64,
    down: AtomicU64,
}

impl Reports {
    /// Reports until it is dropped.
    pub async fn run(&self, connection: &PeerConnection, traffic: &Traffic) {
        tokio::join!(self.tell_usage(), self.tell_network(connection, traffic));
    }

    async fn tell_usage(&self) {
        let Some(usage) = &self.usage else { return };
        let mut every = tokio::time::interval(USAGE_EVERY);
        loop {
            every.tick().await;
            if let Err(error) = self.client.post_workspace_usage(self.workspace, usage).await {
                tracing::debug!(%error, "the server was not told of the session");
            }
        }
    }

    async fn tell_network(&self, connection: &PeerConnection, traffic: &Traffic) {
        let Some(directory) = &self.network_info_dir else { return };
        let mut every = tokio::time::interval(self.network_info_interval);
        let (mut up, mut down) = (0, 0);
        loop {
            every.tick().await;
            let (now_up, now_down) = traffic.totals();
            let seconds = self.network_info_interval.as_secs_f64().max(0.001);
            let rate = |bytes: u64| (bytes as f64 / seconds) as u64;
            let latency = connection.rtt().as_secs_f64() * 1000.0;
            let info = NetworkInfo {
                p2p: false,
                latency,
                preferred_derp: "Warren",
                derp_latency: [("Warren", latency)].into(),
                upload_bytes_sec: rate(now_up - up),
                download_bytes_sec: rate(now_down - down),
                using_coder_connect: false,
            };
            (up, down) = (now_up, now_down);
            if let Err(error) = write(directory, &info) {
                tracing::warn!(%error, "the network information cannot be written");
            }
        }
    }
}

impl Traffic {
    fn totals(&self) -> (u64, u64) {
        (self.up.load(Ordering::Relaxed), self.down.load(Ordering::Relaxed))
    }
}

/// The file is named after the process that waits for this one: the `ssh` of an editor.
fn write(directory: &Path, info: &NetworkInfo) -> io::Result<()> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    std::fs::create_dir_all(directory)?;
    let parent = std::os::unix::process::parent_id();
    let (path, aside) =
        (directory.join(format!("{parent}.json")), directory.join(format!(".{parent}.json.new")));
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
    file.write_all(&serde_json::to_vec(info)?)?;
    std::fs::rename(aside, path)
}

/// A stream whose bytes are counted.
pub struct Counted<S> {
    inner: S,
    traffic: Arc<Traffic>,
}

impl<S> Counted<S> {
    /// Counts the bytes of a stream.
    pub fn new(inner: S, traffic: Arc<Traffic>) -> Self {
        Self { inner, traffic }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        self.traffic.down.fetch_add((buf.filled().len() - before) as u64, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let n_written = ready!(Pin::new(&mut self.inner).poll_write(cx, buf))?;
        self.traffic.up.fetch_add(n_written as u64, Ordering::Relaxed);
        Poll::Ready(Ok(n_written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
