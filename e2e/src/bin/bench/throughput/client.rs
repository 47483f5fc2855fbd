//! A tunnel node of the bench itself, as `warren ssh` has one.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use e2e::stage::Stage;
use http::{HeaderMap, HeaderValue};
use warren_rt::Tasks;
use warren_sdk::SESSION_TOKEN_HEADER;
use warren_tunnel::{Identity, NodeConfig, PeerConnection, TunnelNode, link};

const CONNECT_MAX: Duration = Duration::from_secs(30);

/// Connects to the agent of a workspace.
pub async fn connect(stage: &Stage, workspace: &str, tasks: &Tasks) -> Result<PeerConnection> {
    let client = stage.client().await?;
    let workspace = client.workspace_by_name("me", workspace).await?;
    let mut agents = workspace.latest_build.resources.iter().flat_map(|resource| resource.agents.iter());
    let agent = agents.next().context("the workspace has no agent")?.id;
    let mut url = stage.server.url().join("api/v2/tunnel")?;
    url.set_scheme("ws").expect("http and ws are both special schemes");
    let token = HeaderValue::from_str(client.token().context("no session")?)?;
    let headers = HeaderMap::from_iter([(SESSION_TOKEN_HEADER.parse()?, token)]);
    let dialer = Arc::new(link::websocket(url, headers, tasks));
    let node = TunnelNode::start(NodeConfig { identity: Identity::Client }, dialer, tasks)?;
    Ok(node.connect(agent, CONNECT_MAX).await?)
}
