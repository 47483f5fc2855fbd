//! The servers of this deployment, for its operators.

use axum::{Extension, Json, extract::State, http::StatusCode, response::Response};
use utoipa_axum::{router::OpenApiRouter, routes};
use warren_api::{deployment, error::ErrorResponse};
use warren_app::replicas::Replica;

use crate::{
    auth::{Caller, limit::subscriber},
    error::{ApiError, ApiResult},
    extract::Upgrade,
    mesh::{READ_BUFFER_BYTES, Socket, WIRE_MAX},
    origin::Client,
    state::AppState,
};

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(replicas)).routes(routes!(mesh))
}

#[utoipa::path(get, path = "/api/v2/replicas",
    responses((status = 200, body = Vec<deployment::Replica>), (status = 403, body = ErrorResponse)))]
async fn replicas(
    State(state): State<AppState>,
    caller: Caller,
) -> ApiResult<Json<Vec<deployment::Replica>>> {
    let replicas = state.app.list_replicas(caller.actor()).await?;
    Ok(Json(replicas.into_iter().map(shown).collect()))
}

/// Where the other servers of this deployment connect; who they are is shown inside.
#[utoipa::path(get, path = "/api/v2/replicas/mesh", responses((status = 101), (status = 404, body = ErrorResponse)))]
async fn mesh(
    State(state): State<AppState>,
    Extension(client): Extension<Client>,
    Upgrade(upgrade): Upgrade,
) -> ApiResult<Response> {
    let mesh = state.mesh.ok_or_else(|| {
        ApiError::new(StatusCode::NOT_FOUND, "This server is alone: its database takes no other one.")
    })?;
    let knock = mesh.knock(client.ip.map(subscriber)).ok_or_else(|| {
        let message = "Too many servers are connecting to this one at once. Try again in a moment.";
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, message)
    })?;
    let upgrade =
        upgrade.max_message_size(WIRE_MAX).max_frame_size(WIRE_MAX).read_buffer_size(READ_BUFFER_BYTES);
    Ok(upgrade.on_upgrade(async move |socket| mesh.serve(Socket::accepted(socket), knock).await))
}

fn shown(replica: Replica) -> deployment::Replica {
    let error = match replica.is_alive {
        true => replica.error,
        false => format!(
            "This server has not been heard of for {} seconds. Start it again, or wait until it is forgotten.",
            replica.silence.num_seconds()
        ),
    };
    deployment::Replica {
        id: replica.id.as_uuid(),
        hostname: replica.hostname,
        created_at: replica.started_at,
        relay_address: replica.relay_address.map(String::from).unwrap_or_default(),
        region_id: replica.region_id,
        error,
        database_latency: i32::try_from(replica.database_latency.as_micros()).unwrap_or(i32::MAX),
        version: replica.version,
    }
}
