//! The way into a workspace: a tunnel node for this process, and the SSH client inside it.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use http::{HeaderMap, HeaderValue};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use warren_rt::Tasks;
use warren_sdk::{Client, SESSION_TOKEN_HEADER};
use warren_tunnel::{Identity, NodeConfig, PORT_SSH, PeerConnection, TunnelNode, TunnelStream, link};
use warren_vocab::AgentId;

pub mod reports;
pub mod session;

/// How long the tunnel to a connected agent may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// The tunnel node of this process.
pub struct Tunnel {
    node: TunnelNode,
    tasks: Tasks,
}

impl Tunnel {
    /// Starts dialling the server; nothing is waited for.
    ///
    /// # Errors
    /// When the session token cannot be sent as a header, or QUIC cannot be set up.
    pub fn start(client: &Client) -> anyhow::Result<Self> {
        let tasks = Tasks::new();
        let mut url = client.base().clone();
        let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
        url.set_scheme(scheme).expect("http and ws are both special schemes");
        url.set_path(&format!("{}/api/v2/tunnel", url.path().trim_end_matches('/')));
        let mut headers = HeaderMap::new();
        if let Some(token) = client.token() {
            let value = HeaderValue::from_str(token).context("the session token is not one line of text")?;
            headers.insert(SESSION_TOKEN_HEADER, value);
        }
        let dialer = Arc::new(link::websocket(url, headers, &tasks));
        let node = TunnelNode::start(NodeConfig { identity: Identity::Client }, dialer, &tasks)
            .context("cannot set up the tunnel")?;
        Ok(Self { node, tasks })
    }

    /// Opens a stream to the agent's SSH server.
    ///
    /// # Errors
    /// When the tunnel does not come about in time; the text says how far it came.
    pub async fn ssh_stream(&self, agent: AgentId) -> anyhow::Result<(PeerConnection, TunnelStream)> {
        let connection = self.node.connect(agent, CONNECT_TIMEOUT).await?;
        let stream = connection.open_stream(PORT_SSH).await.context("the agent refused an SSH connection")?;
        Ok((connection, stream))
    }

    /// Says goodbye to the agent and the server.
    pub async fn stop(self, agent: AgentId) {
        self.node.release(agent).await;
        // Whatever is late has no effect outside this process, which is about to end.
        drop(self.tasks.stop(STOP_TIMEOUT).await);
    }
}

/// Carries bytes between a stream and this process's standard input and output until the remote side has ended.
///
/// # Errors
/// When the connection breaks.
pub async fn carry_stdio(stream: impl AsyncRead + AsyncWrite) -> std::io::Result<()> {
    let (mut read, mut write) = tokio::io::split(stream);
    let up = async {
        tokio::io::copy(&mut tokio::io::stdin(), &mut write).await?;
        write.shutdown().await
    };
    let down = async {
        let mut stdout = tokio::io::stdout();
        tokio::io::copy(&mut read, &mut stdout).await?;
        stdout.flush().await
    };
    tokio::pin!(up, down);
    tokio::select! {
        ended = &mut down => return ended,
        sent = &mut up => sent?,
    }
    down.await
}
