//! Liveness, build information and what else clients ask for before they know anybody.

use axum::{
    Json,
    extract::State,
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};
use warren_api::{
    deployment::{BuildInfoResponse, SshConfigResponse, UpdateCheckResponse},
    error::MessageResponse,
};

use crate::{auth::Caller, config::VERSION, extract::JsonBody, state::AppState};

/// Letters of a field of a browser's report that are logged.
const REPORTED_MAX: usize = 200;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(healthz))
        .routes(routes!(latency_check, latency_preflight))
        .routes(routes!(root))
        .routes(routes!(build_info))
        .routes(routes!(update_check))
        .routes(routes!(csp_report))
        .routes(routes!(ssh))
}

#[utoipa::path(get, path = "/healthz", responses((status = 200, body = String)))]
async fn healthz() -> &'static str {
    "OK"
}

/// Measures the way to this server; pages of every site may ask.
#[utoipa::path(get, path = "/latency-check", responses((status = 200, body = String)))]
async fn latency_check() -> Response {
    (open_to_all(), "OK").into_response()
}

#[utoipa::path(options, path = "/latency-check", responses((status = 204)))]
async fn latency_preflight() -> Response {
    (StatusCode::NO_CONTENT, open_to_all()).into_response()
}

/// Any origin may read the answer and its timing, none may send credentials.
fn open_to_all() -> [(HeaderName, &'static str); 5] {
    [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "*"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, OPTIONS"),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
        (HeaderName::from_static("timing-allow-origin"), "*"),
    ]
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
        upgrade_message: state.config.cli_upgrade_message.clone(),
        deployment_id: state.deployment.id.to_string(),
        webpush_public_key: None,
    })
}

/// Warren asks nobody on the internet; operators follow the releases themselves.
#[utoipa::path(get, path = "/api/v2/updatecheck", responses((status = 200, body = UpdateCheckResponse)))]
async fn update_check() -> Json<UpdateCheckResponse> {
    Json(UpdateCheckResponse {
        current: true,
        version: String::from(VERSION),
        url: concat!(env!("CARGO_PKG_REPOSITORY"), "/releases").to_owned(),
    })
}

/// Takes what a browser did not load because of the content security policy.
#[utoipa::path(post, path = "/api/v2/csp/reports", request_body = Object, responses((status = 200)))]
async fn csp_report(JsonBody(report): JsonBody<Value>) -> StatusCode {
    let report = report.get("csp-report").unwrap_or(&report);
    let field = |name: &str| {
        let text = report.get(name).and_then(Value::as_str).unwrap_or("");
        // The query of an address may hold a token.
        text.split(['?', '#']).next().unwrap_or("").chars().take(REPORTED_MAX).collect::<String>()
    };
    let (page, blocked, directive) =
        (field("document-uri"), field("blocked-uri"), field("violated-directive"));
    tracing::warn!(page, blocked, directive, "a browser reports a violation of the content security policy");
    StatusCode::OK
}

#[utoipa::path(get, path = "/api/v2/deployment/ssh", responses((status = 200, body = SshConfigResponse)))]
async fn ssh(State(state): State<AppState>, _caller: Caller) -> Json<SshConfigResponse> {
    let ssh = &state.config.ssh;
    let options = ssh.config_options.iter().filter_map(|line| line.split_once(['=', ' ']));
    let options = options.map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()));
    Json(SshConfigResponse {
        hostname_prefix: ssh.hostname_prefix.clone(),
        hostname_suffix: ssh.hostname_suffix.clone(),
        ssh_config_options: options.collect(),
    })
}
