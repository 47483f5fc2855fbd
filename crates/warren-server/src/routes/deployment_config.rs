//! The settings of this server and what it counts, for its operators.

use std::{collections::BTreeMap, time::Duration};

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};
use warren_api::{
    deployment::{
        DeploymentStats, SessionCountDeploymentStats, WorkspaceConnectionLatency, WorkspaceDeploymentStats,
    },
    deployment_config::{DeploymentConfig, DeploymentOption, DeploymentOptionGroup},
    error::ErrorResponse,
};
use warren_config::{OptionReport, report, values};

use crate::{auth::Caller, error::ApiResult, state::AppState};

/// What clients are told about how often the numbers change.
const STATS_INTERVAL: Duration = Duration::from_secs(60);

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(config)).routes(routes!(stats))
}

#[utoipa::path(get, path = "/api/v2/deployment/config",
    responses((status = 200, body = DeploymentConfig), (status = 403, body = ErrorResponse)))]
async fn config(State(state): State<AppState>, caller: Caller) -> ApiResult<Json<DeploymentConfig>> {
    state.app.check_reads_config(caller.actor())?;
    let options = report(&state.config).into_iter().map(option).collect();
    Ok(Json(DeploymentConfig { config: values(&state.config), options }))
}

fn option(report: OptionReport) -> DeploymentOption {
    let mut annotations = BTreeMap::new();
    if report.secret {
        annotations.insert(String::from("secret"), String::from("true"));
    }
    DeploymentOption {
        name: report.name.to_owned(),
        description: report.description.to_owned(),
        flag: report.flag.to_owned(),
        env: report.env,
        yaml: report.yaml.to_owned(),
        default: report.default,
        value: report.value,
        group: Some(DeploymentOptionGroup { name: report.group.name().to_owned(), yaml: String::new() }),
        hidden: report.hidden,
        value_source: report.source.as_str().to_owned(),
        annotations,
    }
}

#[utoipa::path(get, path = "/api/v2/deployment/stats",
    responses((status = 200, body = DeploymentStats), (status = 403, body = ErrorResponse)))]
async fn stats(State(state): State<AppState>, caller: Caller) -> ApiResult<Json<DeploymentStats>> {
    let counts = state.app.count_workspaces(caller.actor()).await?;
    let now = state.app.now();
    Ok(Json(DeploymentStats {
        aggregated_from: now,
        collected_at: now,
        next_update_at: now + STATS_INTERVAL,
        workspaces: WorkspaceDeploymentStats {
            pending: counts.pending,
            building: counts.building,
            running: counts.running,
            failed: counts.failed,
            stopped: counts.stopped,
            connection_latency_ms: WorkspaceConnectionLatency::default(),
            rx_bytes: 0,
            tx_bytes: 0,
        },
        session_count: SessionCountDeploymentStats::default(),
    }))
}
