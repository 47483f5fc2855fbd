//! Following one workspace: the whole object again after each change, over a WebSocket or as server-sent events.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::{
        State,
        ws::{Message, WebSocket},
    },
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use futures::{Stream, stream};
use serde_json::{Value, json};
use tokio::time::MissedTickBehavior;
use utoipa_axum::{router::OpenApiRouter, routes};
use warren_api::error::ErrorResponse;
use warren_app::{Actor, AppError};
use warren_db::{Subscription, channels};
use warren_vocab::WorkspaceId;

use crate::{
    auth::Caller,
    error::ApiResult,
    extract::{Params, Upgrade},
    live::{session_end, while_signed_in},
    state::AppState,
    view,
};

/// Statuses that only time changes, such as a silent agent, are seen at this interval; so are lost hints.
const SWEEP: Duration = Duration::from_secs(15);

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(watch)).routes(routes!(watch_ws))
}

#[utoipa::path(get, path = "/api/v2/workspaces/{workspace}/watch", params(("workspace" = WorkspaceId, Path)),
    responses((status = 200, content_type = "text/event-stream"), (status = 404, body = ErrorResponse)))]
async fn watch(
    State(state): State<AppState>,
    caller: Caller,
    Params(workspace): Params<WorkspaceId>,
) -> ApiResult<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    let watch = Watch::open(&state, &caller, workspace).await?;
    let stopped = state.tasks.token().cancelled_owned();
    let signed_out = session_end(state.app.clone(), caller.session.clone());
    let over = Box::pin(async move {
        tokio::select! {
            () = stopped => {}
            () = signed_out => {}
        }
    });
    let events = stream::unfold(watch, |mut watch| async {
        let data = watch.next().await?;
        Some((Ok(Event::default().event("data").data(data.to_string())), watch))
    });
    let events = futures::StreamExt::take_until(events, over);
    Ok(Sse::new(events)
        .keep_alive(KeepAlive::new().interval(SWEEP).event(Event::default().event("ping").data("null"))))
}

#[utoipa::path(get, path = "/api/v2/workspaces/{workspace}/watch-ws", params(("workspace" = WorkspaceId, Path)),
    responses((status = 101), (status = 404, body = ErrorResponse)))]
async fn watch_ws(
    State(state): State<AppState>,
    caller: Caller,
    Params(workspace): Params<WorkspaceId>,
    Upgrade(upgrade): Upgrade,
) -> ApiResult<Response> {
    let watch = Watch::open(&state, &caller, workspace).await?;
    let stopped = state.tasks.token();
    let follow = async move |socket| {
        let show = while_signed_in(&state, &caller, send_all(socket, watch));
        let _ = stopped.run_until_cancelled(show).await;
    };
    Ok(upgrade.on_upgrade(follow).into_response())
}

async fn send_all(mut socket: WebSocket, mut watch: Watch) {
    loop {
        tokio::select! {
            data = watch.next() => {
                let Some(data) = data else { return };
                let text = json!({"type": "data", "data": data}).to_string();
                if socket.send(Message::text(text)).await.is_err() {
                    return;
                }
            }
            // Nothing is expected from the client; reading answers its pings and notices its end.
            received = socket.recv() => {
                let Some(Ok(_)) = received else { return };
            }
        }
    }
}

/// One viewer of one workspace.
struct Watch {
    state: AppState,
    actor: Actor,
    workspace: WorkspaceId,
    hints: Subscription,
    sweep: tokio::time::Interval,
    last: Option<Value>,
}

impl Watch {
    async fn open(state: &AppState, caller: &Caller, workspace: WorkspaceId) -> ApiResult<Self> {
        // Subscribed before the first read, so that no change falls between them.
        let hints = state.app.db().subscribe(&channels::workspace(workspace));
        state.app.find_workspace(caller.actor(), workspace, true).await?;
        let mut sweep = tokio::time::interval(SWEEP);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self { state: state.clone(), actor: caller.actor().clone(), workspace, hints, sweep, last: None })
    }

    /// Waits until the workspace looks different; `None` once the viewer may not see it any more. Cancel-safe: what was
    /// waited for is read again.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if self.last.is_some() {
                tokio::select! {
                    notice = self.hints.next() => drop(notice?),
                    _ = self.sweep.tick() => self.actor = self.state.app.actor(self.actor.id()).await.ok()?,
                }
            }
            let shown = match self.show().await {
                Ok(shown) => shown,
                Err(error) => {
                    tracing::debug!(%error, workspace.id = %self.workspace, "a watch ended");
                    return None;
                }
            };
            if self.last.as_ref() != Some(&shown) {
                self.last = Some(shown.clone());
                return Some(shown);
            }
        }
    }

    async fn show(&self) -> Result<Value, AppError> {
        let detail = self.state.app.find_workspace(&self.actor, self.workspace, true).await?;
        let shown = view::workspaces::workspace(detail, self.state.app.now());
        shown
            .map(|workspace| json!(workspace))
            .map_err(|_| AppError::Internal { message: "a workspace cannot be shown" })
    }
}
