//! What every handler can reach.

use std::sync::Arc;

use url::Url;
use uuid::Uuid;
use warren_app::{App, replicas::Registry};
use warren_chat::{ChatConfig, ChatService, PartRelay, WorkerConfig};
use warren_rt::Tasks;
use warren_tunnel::{RelayHub, TunnelNode};

use crate::{
    agent_connections::AgentConnections, agent_executable::AgentExecutable, chat_tools::ChatTools,
    config::ServerConfig, frame::Frame, live::OpenSessions, mesh::Mesh, server::StartError, tunnel,
};

/// The state of the router; clones share it.
#[derive(Clone)]
pub(crate) struct AppState {
    pub(crate) app: App,
    pub(crate) chat: ChatService,
    pub(crate) config: Arc<ServerConfig>,
    pub(crate) deployment: Arc<Deployment>,
    pub(crate) agents: AgentConnections,
    /// The sessions of those who have streams open.
    pub(crate) sessions: OpenSessions,
    pub(crate) executable: AgentExecutable,
    pub(crate) frame: Arc<Frame>,
    /// The relay of the tunnel, and the server's own node in it.
    pub(crate) hub: RelayHub,
    pub(crate) node: TunnelNode,
    /// The connections to other servers; none where the database takes no other one.
    pub(crate) mesh: Option<Mesh>,
    /// Long-lived connections watch its token, so that a shutdown ends them.
    pub(crate) tasks: Tasks,
}

/// Facts about this deployment that do not change while it runs.
#[derive(Debug, Clone)]
pub(crate) struct Deployment {
    pub(crate) id: Uuid,
    pub(crate) access_url: Url,
}

impl AppState {
    /// Starts the tunnel and the chats over the use cases, and puts everything together.
    ///
    /// # Errors
    /// Fails when the tunnel's node cannot be set up, or names the setting that cannot be used.
    pub(crate) fn start(
        app: App,
        registry: Registry,
        config: ServerConfig,
        deployment: Deployment,
        executable: AgentExecutable,
        tasks: &Tasks,
    ) -> Result<Self, StartError> {
        let frame = Arc::new(Frame::new(&config)?);
        let (hub, node) = tunnel::start(&registry, tasks)?;
        let replica = registry.me();
        let mesh = (!app.db().is_exclusive()).then(|| Mesh::new(app.clone(), registry, tasks));
        let relay = mesh.clone().map(|mesh| Arc::new(mesh) as Arc<dyn PartRelay>);
        let chat = ChatService::start(ChatConfig {
            replica,
            relay,
            db: app.db().clone(),
            sealer: app.sealer().clone(),
            tools: Arc::new(ChatTools::new(app.clone(), node.clone())),
            tasks: tasks.clone(),
            worker: worker(&config),
            metrics: frame.metrics.chats(),
        });
        if let Some(mesh) = &mesh {
            mesh.start(chat.clone(), hub.clone());
        }
        Ok(Self {
            app,
            chat,
            config: Arc::new(config),
            deployment: Arc::new(deployment),
            agents: AgentConnections::default(),
            sessions: OpenSessions::default(),
            executable,
            frame,
            hub,
            node,
            mesh,
            tasks: tasks.clone(),
        })
    }
}

fn worker(config: &ServerConfig) -> WorkerConfig {
    let chats = &config.chats;
    let count = |max: u32| usize::try_from(max).unwrap_or(usize::MAX);
    WorkerConfig {
        is_enabled: chats.worker_enable,
        chats_max: count(chats.running_max),
        chats_per_owner_max: count(chats.running_max_per_user),
        steps_max: count(chats.steps_max),
        first_event: chats.first_answer_timeout,
        silence: chats.silence_timeout,
        ..WorkerConfig::default()
    }
}
