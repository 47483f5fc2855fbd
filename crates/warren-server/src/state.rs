//! What every handler can reach.

use std::sync::Arc;

use url::Url;
use uuid::Uuid;
use warren_app::App;
use warren_chat::ChatService;
use warren_rt::Tasks;
use warren_tunnel::{RelayHub, TunnelNode};

use crate::{agent_connections::AgentConnections, agent_executable::AgentExecutable, config::ServerConfig};

/// The state of the router; clones share it.
#[derive(Clone)]
pub(crate) struct AppState {
    pub(crate) app: App,
    pub(crate) chat: ChatService,
    pub(crate) config: Arc<ServerConfig>,
    pub(crate) deployment: Arc<Deployment>,
    pub(crate) agents: AgentConnections,
    pub(crate) executable: AgentExecutable,
    /// The relay of the tunnel, and the server's own node in it.
    pub(crate) hub: RelayHub,
    pub(crate) node: TunnelNode,
    /// Long-lived connections watch its token, so that a shutdown ends them.
    pub(crate) tasks: Tasks,
}

/// Facts about this deployment that do not change while it runs.
#[derive(Debug, Clone)]
pub(crate) struct Deployment {
    pub(crate) id: Uuid,
    pub(crate) access_url: Url,
}
