//! Liveness, build information and settings of the deployment that clients ask for.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};
use warren_api::{
    deployment::{BuildInfoResponse, SshConfigResponse},
    error::MessageResponse,
};

use crate::{auth::Caller, config::VERSION, state::AppState};

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(healthz))
        .routes(routes!(root))
        .routes(routes!(build_info))
        .routes(routes!(ssh))
}

#[utoipa::path(get, path = "/healthz", responses((status = 200, body = String)))]
async fn healthz() -> &'static str {
    "OK"
}

#[utoipa::path(get, path = "/api/v2", responses((status = 200, body = MessageResponse)))]
async fn root() -> Json<MessageResponse> {
    Json(MessageResponse { message: String::from("Warren") })
}

#[utoipa::path(get, path = "/api/v2/buildinfo", responses((status = 200, body = BuildInfoResponse)))]
async fn build_info(State(state): State<AppState>) -> Json<BuildInfoResponse> {
    Json(BuildInfoResponse {
        external_url: String::from(env!("CARGO_PKG_REPOSITORY")),
        version: String::from(VERSION),
        dashboard_url: state.deployment.access_url.to_string(),
        telemetry: false,
        workspace_proxy: false,
        agent_api_version: String::from("1.0"),
        provisioner_api_version: String::from("1.18"),
        upgrade_message: String::new(),
        deployment_id: state.deployment.id.to_string(),
        webpush_public_key: None,
    })
}

#[utoipa::path(get, path = "/api/v2/deployment/ssh", responses((status = 200, body = SshConfigResponse)))]
async fn ssh(_caller: Caller) -> Json<SshConfigResponse> {
    Json(SshConfigResponse {
        hostname_prefix: String::from("coder."),
        hostname_suffix: String::from("coder"),
        ssh_config_options: BTreeMap::new(),
    })
}
