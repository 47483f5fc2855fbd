//! Logs of imports and builds, once or as they grow, and what a build has made.

use std::time::Duration;

use axum::{
    Json,
    extract::{
        FromRequestParts, Request, State,
        ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code},
    },
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use tokio::time::MissedTickBehavior;
use utoipa_axum::{router::OpenApiRouter, routes};
use warren_api::{agents::WorkspaceResource, error::ErrorResponse, jobs::ProvisionerJobLog};
use warren_db::{channels, entity::provisioner_job_logs};
use warren_vocab::{BuildId, JobId, JobLogId, TemplateVersionId};

use crate::{
    auth::Caller,
    error::{ApiError, ApiResult},
    extract::{Params, Search},
    live::while_signed_in,
    state::AppState,
    view,
};

/// A look for lines whose hint was lost; it also keeps the connection alive.
const SWEEP_INTERVAL: Duration = Duration::from_secs(5);
/// How long a slow reader may take one message.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
struct LogsQuery {
    /// Its presence is the switch, whatever its value.
    follow: Option<String>,
    after: Option<i64>,
}

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(version_logs))
        .routes(routes!(build_logs))
        .routes(routes!(build_resources))
}

#[utoipa::path(get, path = "/api/v2/templateversions/{templateversion}/logs",
    params(("templateversion" = TemplateVersionId, Path), ("follow" = Option<String>, Query),
        ("after" = Option<i64>, Query)),
    responses((status = 200, body = Vec<ProvisionerJobLog>), (status = 101), (status = 404, body = ErrorResponse)))]
async fn version_logs(
    State(state): State<AppState>,
    caller: Caller,
    Params(version): Params<TemplateVersionId>,
    Search(query): Search<LogsQuery>,
    request: Request,
) -> ApiResult<Response> {
    let job = state.app.version_job(caller.actor(), version).await?;
    logs(state, caller, job, &query, request).await
}

#[utoipa::path(get, path = "/api/v2/workspacebuilds/{workspacebuild}/logs",
    params(("workspacebuild" = BuildId, Path), ("follow" = Option<String>, Query), ("after" = Option<i64>, Query)),
    responses((status = 200, body = Vec<ProvisionerJobLog>), (status = 101), (status = 404, body = ErrorResponse)))]
async fn build_logs(
    State(state): State<AppState>,
    caller: Caller,
    Params(build): Params<BuildId>,
    Search(query): Search<LogsQuery>,
    request: Request,
) -> ApiResult<Response> {
    let job = state.app.build_job(caller.actor(), build).await?;
    logs(state, caller, job, &query, request).await
}

#[utoipa::path(get, path = "/api/v2/workspacebuilds/{workspacebuild}/resources",
    params(("workspacebuild" = BuildId, Path)),
    responses((status = 200, body = Vec<WorkspaceResource>), (status = 404, body = ErrorResponse)))]
async fn build_resources(
    State(state): State<AppState>,
    caller: Caller,
    Params(build): Params<BuildId>,
) -> ApiResult<Json<Vec<WorkspaceResource>>> {
    let (job, rows) = state.app.build_resources(caller.actor(), build).await?;
    Ok(Json(view::agents::resources_of(&rows, job, state.app.now())?))
}

async fn logs(
    state: AppState,
    caller: Caller,
    job: JobId,
    query: &LogsQuery,
    request: Request,
) -> ApiResult<Response> {
    let mut follower = Follower { job, after: query.after.unwrap_or(0), state };
    if query.follow.is_none() {
        return Ok(Json(follower.all().await?).into_response());
    }
    let (mut parts, _) = request.into_parts();
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &follower.state).await;
    let upgrade = upgrade.map_err(|_| ApiError::bad_request("Following logs needs a WebSocket."))?;
    Ok(upgrade.on_upgrade(async move |socket| {
        let state = follower.state.clone();
        Box::pin(while_signed_in(&state, &caller, follower.follow(socket))).await;
    }))
}

/// A reader of one job's log at its place.
struct Follower {
    state: AppState,
    job: JobId,
    after: i64,
}

/// The connection is over.
struct Gone;

impl Follower {
    /// Reads the next lines; none when there are no more for now.
    async fn next(&mut self) -> ApiResult<Vec<ProvisionerJobLog>> {
        let rows = self.state.app.job_logs(self.job, self.after).await?;
        self.after = rows.last().map_or(self.after, |row| row.id);
        rows.iter().map(show).collect()
    }

    async fn all(&mut self) -> ApiResult<Vec<ProvisionerJobLog>> {
        let mut all = vec![];
        loop {
            let lines = self.next().await?;
            if lines.is_empty() {
                return Ok(all);
            }
            all.extend(lines);
        }
    }

    async fn follow(mut self, mut socket: WebSocket) {
        if self.send_until_end(&mut socket).await.is_ok() {
            let frame = CloseFrame { code: close_code::NORMAL, reason: "the job has ended".into() };
            let _ = send(&mut socket, Message::Close(Some(frame))).await;
        }
    }

    /// Sends what there is and then what comes, until the job has ended.
    async fn send_until_end(&mut self, socket: &mut WebSocket) -> Result<(), Gone> {
        let mut hints = self.state.app.db().subscribe(&channels::job_logs(self.job));
        let stopped = self.state.tasks.token();
        let mut sweep = tokio::time::interval(SWEEP_INTERVAL);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // Asked before reading: lines that came before the end are read after it at the latest.
            let open = self.state.app.is_job_open(self.job).await.map_err(|_| Gone)?;
            loop {
                let lines = self.next().await.map_err(|_| Gone)?;
                if lines.is_empty() {
                    break;
                }
                for line in lines {
                    let text = serde_json::to_string(&line).map_err(|_| Gone)?;
                    send(socket, Message::Text(text.into())).await?;
                }
            }
            if !open {
                return Ok(());
            }
            tokio::select! {
                notice = hints.next() => {
                    notice.ok_or(Gone)?;
                }
                _ = sweep.tick() => send(socket, Message::Ping(Vec::new().into())).await?,
                message = socket.recv() => match message {
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Text(_) | Message::Binary(_))) => {}
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Gone),
                },
                () = stopped.cancelled() => return Err(Gone),
            }
        }
    }
}

async fn send(socket: &mut WebSocket, message: Message) -> Result<(), Gone> {
    match tokio::time::timeout(SEND_TIMEOUT, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Gone),
    }
}

fn show(row: &provisioner_job_logs::Model) -> ApiResult<ProvisionerJobLog> {
    Ok(ProvisionerJobLog {
        id: JobLogId(row.id),
        created_at: row.created_at,
        log_source: view::word(&row.source, "log source")?,
        log_level: view::word(&row.level, "log level")?,
        stage: row.stage.clone(),
        output: row.output.clone(),
    })
}
