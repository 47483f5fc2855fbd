//! The sockets by which agents and users join the tunnel.

use axum::{
    extract::{State, ws::WebSocketUpgrade},
    response::Response,
};
use utoipa_axum::{router::OpenApiRouter, routes};
use warren_api::error::ErrorResponse;
use warren_tunnel::SUBPROTOCOL;
use warren_wire::relay::BATCH_MAX;

use crate::{
    auth::{AgentCaller, Caller},
    extract::Upgrade,
    live::while_signed_in,
    state::AppState,
    tunnel::{self, UserRights},
};

/// Memory that an idle socket keeps for reading, in bytes.
const READ_BUFFER: usize = 16 * 1024;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(agent_tunnel)).routes(routes!(user_tunnel))
}

/// Joins the agent to the tunnel.
#[utoipa::path(get, path = "/api/v2/workspaceagents/me/tunnel",
    responses((status = 101), (status = 401, body = ErrorResponse)))]
async fn agent_tunnel(
    State(state): State<AppState>,
    agent: AgentCaller,
    Upgrade(upgrade): Upgrade,
) -> Response {
    let id = agent.agent_id();
    limited(upgrade).on_upgrade(async move |socket| tunnel::serve_agent(state, socket, id).await)
}

/// Joins a program of the user to the tunnel; which agents it reaches is asked for inside.
#[utoipa::path(get, path = "/api/v2/tunnel", responses((status = 101), (status = 401, body = ErrorResponse)))]
async fn user_tunnel(State(state): State<AppState>, caller: Caller, Upgrade(upgrade): Upgrade) -> Response {
    let rights = UserRights::of(state.app.clone(), &caller);
    limited(upgrade).on_upgrade(async move |socket| {
        let serve = tunnel::serve_user(state.clone(), socket, rights);
        Box::pin(while_signed_in(&state, &caller, serve)).await;
    })
}

fn limited(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade
        .protocols([SUBPROTOCOL])
        .max_message_size(BATCH_MAX)
        .max_frame_size(BATCH_MAX)
        .read_buffer_size(READ_BUFFER)
}
