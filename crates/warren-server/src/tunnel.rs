//! The server's part of the tunnel: the relay, the server's own node, and who may reach which agent.
//!
//! Owns the join between WebSockets and the relay hub. Must not decide permissions itself: the use case of agents does.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::extract::ws::{Message, WebSocket};
use futures::{SinkExt, StreamExt, future};
use warren_app::{App, AppError, identity::Session, replicas::Registry};
use warren_authz::Action;
use warren_rt::Tasks;
use warren_tunnel::{
    AllowedPorts, Authorizer, Frame, Identity, NodeConfig, QuicSetUpError, RelayHub, TunnelNode, Verdict,
    link,
};
use warren_vocab::AgentId;

use crate::{auth::Caller, state::AppState};

/// Time in which nodes are told that the server stops.
const GOODBYE: Duration = Duration::from_millis(100);

/// How often the rights behind an open terminal are looked up again; the relay does the same for tunnels.
const RECHECK_INTERVAL: Duration = Duration::from_secs(60);

/// Starts the relay and the server's node in it; both end with `tasks`.
///
/// # Errors
/// When QUIC cannot be set up.
pub(crate) fn start(registry: &Registry, tasks: &Tasks) -> Result<(RelayHub, TunnelNode), QuicSetUpError> {
    let hub = RelayHub::start(tasks);
    let dialer = hub.dialer(Identity::Server, Arc::new(Everything), tasks);
    let config = NodeConfig { identity: Identity::Server };
    let node = TunnelNode::start(config, Arc::new(dialer), tasks)?;
    let (goodbye, stopped, servers) = (hub.clone(), tasks.token(), registry.roster());
    tasks.spawn_graceful("tunnel goodbye", async move {
        stopped.cancelled().await;
        let n_alive = servers.borrow().iter().filter(|server| server.is_alive).count();
        goodbye.announce_restart(n_alive > 1);
    });
    Ok((hub, node))
}

/// Serves an agent's socket until it ends.
pub(crate) async fn serve_agent(state: AppState, socket: WebSocket, agent: AgentId) {
    serve(state, socket, Identity::Agent(agent), Arc::new(Nothing)).await;
}

/// Serves a user's socket until it ends.
pub(crate) async fn serve_user(state: AppState, socket: WebSocket, rights: UserRights) {
    serve(state, socket, Identity::Client, Arc::new(rights)).await;
}

async fn serve(state: AppState, socket: WebSocket, identity: Identity, authorizer: Arc<dyn Authorizer>) {
    let (near, far) = link::pair();
    let (sink, stream) = socket.split();
    let incoming = stream
        .take_while(|message| future::ready(message.is_ok()))
        .filter_map(|message| future::ready(message.ok().and_then(frame_of)));
    let outgoing = sink.with(|frame| future::ready(Ok::<_, axum::Error>(message_of(frame))));
    let stopped = state.tasks.token();
    let serving = async {
        tokio::join!(link::pump(near, incoming, outgoing), state.hub.serve(far, identity, authorizer))
    };
    tokio::select! {
        ((), reason) = serving => tracing::debug!(?identity, reason, "tunnel link has ended"),
        () = async {
            stopped.cancelled().await;
            tokio::time::sleep(GOODBYE).await;
        } => {}
    }
}

fn frame_of(message: Message) -> Option<Frame> {
    match message {
        Message::Text(text) => Some(Frame::Text(text.as_str().to_owned())),
        // Takes the buffer over where nobody else holds it.
        Message::Binary(bytes) => Some(Frame::Binary(bytes.into())),
        Message::Ping(_) | Message::Pong(_) | Message::Close(_) => None,
    }
}

fn message_of(frame: Frame) -> Message {
    match frame {
        Frame::Text(text) => Message::Text(text.into()),
        Frame::Binary(bytes) => Message::Binary(bytes.freeze()),
    }
}

/// The rights of the server's own node: it acts for users whom the routes have checked already.
struct Everything;

#[async_trait]
impl Authorizer for Everything {
    async fn authorize(&self, _agent: AgentId) -> Verdict {
        Ok(AllowedPorts::Any)
    }
}

/// The rights of agents: they are reached, they reach nobody.
struct Nothing;

#[async_trait]
impl Authorizer for Nothing {
    async fn authorize(&self, _agent: AgentId) -> Verdict {
        Err("agents may not reach other workspaces".to_owned())
    }
}

/// The rights of a user's session, looked up anew for every question.
pub(crate) struct UserRights {
    app: App,
    session: Session,
}

impl UserRights {
    pub(crate) fn of(app: App, caller: &Caller) -> UserRights {
        UserRights { app, session: caller.session.clone() }
    }

    async fn check(&self, agent: AgentId) -> Result<(), AppError> {
        let actor = self.app.recheck(&self.session).await?;
        self.app.find_agent(&actor, agent, Action::Ssh).await.map(drop)
    }
}

/// Returns when the caller may not connect to the agent any more, with the reason.
pub(crate) async fn revoked(rights: UserRights, agent: AgentId) -> String {
    loop {
        tokio::time::sleep(RECHECK_INTERVAL).await;
        if let Err(reason) = rights.authorize(agent).await {
            return reason;
        }
    }
}

#[async_trait]
impl Authorizer for UserRights {
    async fn authorize(&self, agent: AgentId) -> Verdict {
        match self.check(agent).await {
            Ok(()) => Ok(AllowedPorts::Any),
            Err(AppError::NotFound) => {
                Err("there is no such workspace agent, or you may not see it".to_owned())
            }
            Err(AppError::Forbidden(_)) => {
                Err("you may see this workspace, but not connect to it".to_owned())
            }
            Err(AppError::Unauthenticated(why)) => Err(why.message),
            Err(error) => {
                tracing::error!(%error, agent.id = %agent, "a tunnel's permission could not be checked");
                Err("the server could not check your permission, its log has the details".to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests;
