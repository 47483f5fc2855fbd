//! Joins the tunnel and gives each stream of a peer to the service of its port.
//!
//! Owns the map from ports to services. Which peer may open which port the server decides and the tunnel enforces.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use tokio::net::TcpStream;
use warren_rt::Tasks;
use warren_tunnel::{
    Dial, Identity, Incoming, NodeConfig, PORT_API, PORT_PTY, PORT_SSH, PORT_SSH_STANDARD, TunnelNode,
    TunnelStream, link,
};
use warren_wire::agent::TOKEN_HEADER;

use crate::agent::{AgentConfig, AgentError};
use crate::http::HttpServer;
use crate::reconnecting::TerminalServer;
use crate::ssh::SshServer;
use crate::workplace::Workplace;

/// Path of the tunnel socket, relative to the server's URL.
const PATH: &str = "api/v2/workspaceagents/me/tunnel";
/// Ports up to this one are ours; the others belong to programs of the workspace.
const RESERVED_PORT_MAX: u16 = 8;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Clone)]
struct Services {
    ssh: SshServer,
    terminals: TerminalServer,
    http: HttpServer,
}

/// Joins the server's tunnel and starts to accept streams; everything ends with `tasks`.
///
/// # Errors
/// When the tunnel or a service cannot be set up.
pub(crate) fn serve(
    config: &AgentConfig,
    workplace: &Arc<Workplace>,
    tasks: &Tasks,
) -> Result<(), AgentError> {
    let url = config.socket_url(PATH).ok_or_else(|| AgentError::Url { url: config.url.clone() })?;
    let mut headers = HeaderMap::new();
    if let Ok(token) = HeaderValue::from_str(config.token.expose()) {
        headers.insert(TOKEN_HEADER, token);
    }
    join(Arc::new(link::websocket(url, headers, tasks)), workplace, tasks)
}

fn join(dialer: Arc<dyn Dial>, workplace: &Arc<Workplace>, tasks: &Tasks) -> Result<(), AgentError> {
    let services = Services {
        ssh: SshServer::new(workplace.clone(), tasks.clone())?,
        terminals: TerminalServer::new(workplace.clone(), tasks.clone()),
        http: HttpServer::new(workplace.clone(), tasks.clone()),
    };
    let node_config = NodeConfig { identity: Identity::Agent(workplace.manifest().agent_id) };
    let node = TunnelNode::start(node_config, dialer, tasks)
        .map_err(|error| AgentError::Tunnel { message: error.to_string() })?;
    let streams = tasks.clone();
    tasks.spawn("accept streams", async move {
        while let Some(incoming) = node.accept().await {
            streams.spawn("stream", serve_stream(services.clone(), incoming));
        }
    });
    Ok(())
}

async fn serve_stream(services: Services, incoming: Incoming) {
    let Incoming { peer, port, stream } = incoming;
    tracing::debug!(%peer, port, "a peer opened a stream");
    let result = match port {
        PORT_SSH | PORT_SSH_STANDARD => services.ssh.serve(stream).await.map_err(|error| error.to_string()),
        PORT_PTY => services.terminals.serve(stream).await.map_err(|error| error.to_string()),
        PORT_API => services.http.serve(stream).await.map_err(|error| error.to_string()),
        0..=RESERVED_PORT_MAX => {
            stream.refuse();
            Ok(())
        }
        _ => forward(port, stream).await.map_err(|error| error.to_string()),
    };
    if let Err(error) = result {
        tracing::debug!(%peer, port, error, "a stream ended early");
    }
}

/// Connects a stream to a program of the workspace.
async fn forward(port: u16, mut stream: TunnelStream) -> std::io::Result<()> {
    let connecting = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(("127.0.0.1", port)));
    let Ok(Ok(mut socket)) = connecting.await else {
        stream.refuse();
        return Ok(());
    };
    socket.set_nodelay(true)?;
    tokio::io::copy_bidirectional(&mut stream, &mut socket).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
