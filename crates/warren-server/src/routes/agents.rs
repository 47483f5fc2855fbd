//! Agents as users see them: details and logs.

use std::time::Duration;

use axum::{
    Json,
    extract::{
        FromRequestParts, Request, State,
        ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code},
    },
    http::header,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use tokio::time::MissedTickBehavior;
use utoipa_axum::{router::OpenApiRouter, routes};
use warren_api::{
    agents::{WorkspaceAgent, WorkspaceAgentLog},
    error::ErrorResponse,
};
use warren_authz::Action;
use warren_db::channels;
use warren_vocab::AgentId;

use crate::{
    auth::Caller,
    error::{ApiError, ApiResult},
    extract::{Params, Search},
    live::while_signed_in,
    state::AppState,
    view,
};

/// Log lines in one message.
const LINES_PER_MESSAGE: usize = 1000;
const PING_INTERVAL: Duration = Duration::from_secs(15);
/// How long a slow reader may take one message.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
struct LogsQuery {
    /// Its presence is the switch, whatever its value.
    follow: Option<String>,
    after: Option<i64>,
    format: Option<String>,
}

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get)).routes(routes!(logs))
}

#[utoipa::path(get, path = "/api/v2/workspaceagents/{workspaceagent}",
    params(("workspaceagent" = AgentId, Path)),
    responses((status = 200, body = WorkspaceAgent), (status = 404, body = ErrorResponse)))]
async fn get(
    State(state): State<AppState>,
    caller: Caller,
    Params(id): Params<AgentId>,
) -> ApiResult<Json<WorkspaceAgent>> {
    let detail = state.app.find_agent(caller.actor(), id, Action::Read).await?;
    Ok(Json(view::agents::agent(&detail.owner.agent, &detail.rows, state.app.now())?))
}

#[utoipa::path(get, path = "/api/v2/workspaceagents/{workspaceagent}/logs",
    params(("workspaceagent" = AgentId, Path), ("follow" = Option<String>, Query), ("after" = Option<i64>, Query),
        ("format" = Option<String>, Query)),
    responses((status = 200, body = Vec<WorkspaceAgentLog>), (status = 101), (status = 404, body = ErrorResponse)))]
async fn logs(
    State(state): State<AppState>,
    caller: Caller,
    Params(id): Params<AgentId>,
    Search(query): Search<LogsQuery>,
    request: Request,
) -> ApiResult<Response> {
    state.app.find_agent(caller.actor(), id, Action::Read).await?;
    let after = query.after.unwrap_or(0);
    if query.follow.is_none() {
        let lines = read(&state, id, after).await?;
        if query.format.as_deref() == Some("text") {
            return Ok(as_text(&lines).into_response());
        }
        return Ok(Json(lines).into_response());
    }
    let (mut parts, _) = request.into_parts();
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &state).await;
    let upgrade = upgrade.map_err(|_| ApiError::bad_request("Following logs needs a WebSocket."))?;
    Ok(upgrade.on_upgrade(async move |socket| {
        let follower = Follower { socket, state: state.clone(), id, after };
        Box::pin(while_signed_in(&state, &caller, follower.run())).await;
    }))
}

async fn read(state: &AppState, id: AgentId, after: i64) -> ApiResult<Vec<WorkspaceAgentLog>> {
    let rows = state.app.agent_logs(id, after).await?;
    rows.iter().map(view::agents::log).collect()
}

fn as_text(lines: &[WorkspaceAgentLog]) -> impl IntoResponse + use<> {
    let text: String =
        lines.iter().map(|line| format!("{} {}\n", line.created_at.to_rfc3339(), line.output)).collect();
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text)
}

/// One reader that follows the logs of an agent.
struct Follower {
    socket: WebSocket,
    state: AppState,
    id: AgentId,
    after: i64,
}

/// The connection is over.
struct Gone;

impl Follower {
    async fn run(mut self) {
        if self.follow().await.is_ok() {
            let frame = CloseFrame { code: close_code::NORMAL, reason: "the agent was replaced".into() };
            let _ = self.send(Message::Close(Some(frame))).await;
        }
    }

    /// Sends what there is and then what comes, until the agent is not part of the newest build any more.
    async fn follow(&mut self) -> Result<(), Gone> {
        let mut hints = self.state.app.db().subscribe(&channels::agent_logs(self.id));
        let stopped = self.state.tasks.token();
        // The timer keeps the connection alive, and catches lines whose hint was lost.
        let mut tick = tokio::time::interval(PING_INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.send_new(true).await?;
        loop {
            tokio::select! {
                notice = hints.next() => {
                    notice.ok_or(Gone)?;
                    self.send_new(false).await?;
                }
                _ = tick.tick() => {
                    self.send_new(false).await?;
                    if !self.state.app.is_agent_current(self.id).await.map_err(|_| Gone)? {
                        return Ok(());
                    }
                    self.send(Message::Ping(Vec::new().into())).await?;
                }
                message = self.socket.recv() => match message {
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(Message::Text(_) | Message::Binary(_) | Message::Close(_)) | Err(_)) | None => return Err(Gone),
                },
                () = stopped.cancelled() => return Err(Gone),
            }
        }
    }

    async fn send_new(&mut self, even_if_empty: bool) -> Result<(), Gone> {
        let lines = read(&self.state, self.id, self.after).await.map_err(|_| Gone)?;
        if lines.is_empty() && even_if_empty {
            return self.send(Message::Text("[]".into())).await;
        }
        for chunk in lines.chunks(LINES_PER_MESSAGE) {
            let text = serde_json::to_string(chunk).map_err(|_| Gone)?;
            self.send(Message::Text(text.into())).await?;
            self.after = chunk.last().map_or(self.after, |line| line.id);
        }
        Ok(())
    }

    async fn send(&mut self, message: Message) -> Result<(), Gone> {
        match tokio::time::timeout(SEND_TIMEOUT, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }
}

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
