//! The control socket of agents.
//!
//! Owns the conversation: hello, welcome, reports and acknowledgements, signs of life. What a report does is decided by
//! the use case.

use std::time::Duration;

use axum::{
    extract::{
        State,
        ws::{CloseFrame, Message, WebSocket, close_code},
    },
    response::Response,
};
use serde::Deserialize;
use tokio::time::{Instant, MissedTickBehavior};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;
use warren_app::{AppError, agents::AgentBoot};
use warren_wire::agent::{
    AgentMessage, ApiVersion, Hello, MESSAGE_BYTES_MAX, Report, SUBPROTOCOL, ServerMessage, VersionError,
    Welcome,
};

use crate::{
    agent_manifest,
    auth::AgentCaller,
    error::{ApiError, ApiResult},
    extract::{Search, Upgrade},
    state::AppState,
};

/// How long an agent may take to say hello.
const HELLO_TIMEOUT: Duration = Duration::from_secs(15);
const PING_INTERVAL: Duration = Duration::from_secs(15);
/// An agent that is silent for two pings is gone.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// How long a message may take to leave.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
struct Query {
    version: Option<String>,
    role: Option<String>,
}

/// Why a conversation ends; the text is the reason in the close frame.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error("the agent left")]
    Left,
    #[error("the agent was silent for too long")]
    Silent,
    #[error("a newer build replaced this agent")]
    Outdated,
    #[error("the server is shutting down")]
    ShuttingDown,
    #[error("the message is not of this protocol: {0}")]
    Protocol(String),
    #[error("the server could not store a report")]
    Storage(#[from] AppError),
}

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(rpc))
}

#[utoipa::path(get, path = "/api/v2/workspaceagents/me/rpc",
    params(("version" = Option<String>, Query), ("role" = Option<String>, Query)), responses((status = 101)))]
async fn rpc(
    State(state): State<AppState>,
    agent: AgentCaller,
    Search(query): Search<Query>,
    Upgrade(upgrade): Upgrade,
) -> ApiResult<Response> {
    let version = served_version(query.version.as_deref()).map_err(|error| {
        ApiError::bad_request("Unknown or unsupported API version").field("version", error.to_string())
    })?;
    // Helpers of the agent use the same token; only the agent itself counts as its presence.
    let is_agent = query.role.as_deref().is_none_or(|role| role.is_empty() || role == "agent");
    let upgrade = upgrade.protocols([SUBPROTOCOL]).max_message_size(MESSAGE_BYTES_MAX);
    Ok(upgrade.on_upgrade(async move |socket| {
        Box::pin(Conversation { id: Uuid::new_v4(), socket, state, agent, version, is_agent }.run()).await;
    }))
}

fn served_version(requested: Option<&str>) -> Result<ApiVersion, VersionError> {
    let version =
        requested.filter(|text| !text.is_empty()).map_or(Ok(ApiVersion::ABSENT), ApiVersion::parse)?;
    ApiVersion::CURRENT.serve(version)?;
    Ok(version)
}

struct Conversation {
    /// An agent that lost its network dials again before its server notices the loss, perhaps at another server: the end
    /// of the old connection must then not mark the agent as gone.
    id: Uuid,
    socket: WebSocket,
    state: AppState,
    agent: AgentCaller,
    version: ApiVersion,
    is_agent: bool,
}

impl Conversation {
    async fn run(mut self) {
        let (id, workspace) = (self.agent.agent_id(), self.agent.workspace_id());
        let open = self.is_agent.then(|| self.state.agents.open());
        let end = match self.converse().await {
            Ok(never) => match never {},
            Err(end) => end,
        };
        tracing::info!(agent.id = %id, reason = %end, "agent disconnected");
        drop(open);
        if self.is_agent
            && let Err(error) = self.state.app.agent_disconnected(id, workspace, self.id).await
        {
            tracing::warn!(agent.id = %id, %error, "cannot write down that an agent disconnected");
        }
        self.say_goodbye(&end).await;
    }

    async fn converse(&mut self) -> Result<std::convert::Infallible, End> {
        let hello = tokio::time::timeout(HELLO_TIMEOUT, self.hello()).await.map_err(|_| End::Silent)??;
        let boot = AgentBoot {
            agent: self.agent.agent_id(),
            workspace: self.agent.workspace_id(),
            boot: hello.boot_id,
        };
        self.welcome(&hello, boot).await?;
        tracing::info!(agent.id = %boot.agent, version = hello.version, "agent connected");
        let stopped = self.state.tasks.token();
        let mut ping = tokio::time::interval(PING_INTERVAL);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard_at = Instant::now();
        loop {
            tokio::select! {
                message = self.socket.recv() => {
                    heard_at = Instant::now();
                    if let Some(AgentMessage::Report(report)) = decode(message)? {
                        self.store(boot, report).await?;
                    }
                }
                _ = ping.tick() => self.check(heard_at).await?,
                () = stopped.cancelled() => return Err(End::ShuttingDown),
            }
        }
    }

    async fn hello(&mut self) -> Result<Hello, End> {
        loop {
            match decode(self.socket.recv().await)? {
                Some(AgentMessage::Hello(hello)) => return Ok(hello),
                Some(AgentMessage::Report(_)) => {
                    return Err(End::Protocol("a report came before the hello".into()));
                }
                None => {}
            }
        }
    }

    async fn welcome(&mut self, hello: &Hello, boot: AgentBoot) -> Result<(), End> {
        if self.is_agent {
            let api_version = self.version.to_string();
            let versions = (hello.version.as_str(), api_version.as_str());
            self.state.app.agent_connected(boot.agent, boot.workspace, self.id, versions).await?;
        }
        let briefing = self.state.app.agent_briefing(self.agent.owner.clone()).await?;
        let acknowledged = self.state.app.last_agent_report(boot).await?;
        let welcome = Welcome { acknowledged, manifest: agent_manifest::manifest(&briefing) };
        self.send(&ServerMessage::Welcome(Box::new(welcome))).await
    }

    async fn store(&mut self, boot: AgentBoot, report: Report) -> Result<(), End> {
        let Report { sequence, body } = report;
        self.state.app.store_agent_report(boot, sequence, agent_manifest::report(body)).await?;
        self.send(&ServerMessage::Ack { sequence }).await
    }

    async fn check(&mut self, heard_at: Instant) -> Result<(), End> {
        if heard_at.elapsed() > SILENCE_MAX {
            return Err(End::Silent);
        }
        let id = self.agent.agent_id();
        let is_current = match self.is_agent {
            true => self.state.app.agent_seen(id).await?,
            false => self.state.app.is_agent_current(id).await?,
        };
        if !is_current {
            return Err(End::Outdated);
        }
        self.send_frame(Message::Ping(Vec::new().into())).await
    }

    async fn send(&mut self, message: &ServerMessage) -> Result<(), End> {
        let text = serde_json::to_string(message).expect("messages of the protocol have only string keys");
        self.send_frame(Message::Text(text.into())).await
    }

    async fn send_frame(&mut self, frame: Message) -> Result<(), End> {
        let sent = tokio::time::timeout(SEND_TIMEOUT, self.socket.send(frame)).await;
        sent.map_err(|_| End::Silent)?.map_err(|_| End::Left)
    }

    /// Tells an agent that is still there why; one that is gone does not mind.
    async fn say_goodbye(&mut self, end: &End) {
        let code = match end {
            End::Left => return,
            End::Silent | End::Outdated | End::ShuttingDown => close_code::AWAY,
            End::Protocol(_) => close_code::PROTOCOL,
            End::Storage(_) => close_code::ERROR,
        };
        let reason = end.to_string().chars().take(100).collect::<String>();
        let _ = self.send(&ServerMessage::Goodbye { reason: reason.clone() }).await;
        let _ = self.send_frame(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await;
    }
}

/// A message of the protocol; `None` for frames that only keep the connection alive.
fn decode(message: Option<Result<Message, axum::Error>>) -> Result<Option<AgentMessage>, End> {
    match message {
        Some(Ok(Message::Text(text))) => {
            serde_json::from_str(&text).map(Some).map_err(|error| End::Protocol(error.to_string()))
        }
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(None),
        Some(Ok(Message::Binary(_))) => Err(End::Protocol("binary messages are not used".into())),
        Some(Ok(Message::Close(_)) | Err(_)) | None => Err(End::Left),
    }
}
