//! Features, experiments and regions.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;
use warren_api::{
    deployment::{AvailableExperiments, Region, RegionsResponse},
    entitlements::{Entitlements, FEATURES, Feature, RESTRICTIONS},
};

use crate::{auth::Caller, state::AppState};

/// Features that can be tried out with `--experiments`; none is waiting at the moment.
const EXPERIMENTS: &[&str] = &[];

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(entitlements))
        .routes(routes!(experiments))
        .routes(routes!(available_experiments))
        .routes(routes!(regions))
}

#[utoipa::path(get, path = "/api/v2/entitlements", responses((status = 200, body = Entitlements)))]
async fn entitlements() -> Json<Entitlements> {
    let feature = |name: &&str| {
        let enabled = !RESTRICTIONS.contains(name);
        let feature = Feature { entitlement: String::from("entitled"), enabled, limit: None, actual: None };
        (String::from(*name), feature)
    };
    Json(Entitlements {
        features: FEATURES.iter().map(feature).collect::<BTreeMap<_, _>>(),
        warnings: Vec::new(),
        errors: Vec::new(),
        has_license: true,
        trial: false,
        require_telemetry: false,
        refreshed_at: warren_app::now(),
    })
}

#[utoipa::path(get, path = "/api/v2/experiments", responses((status = 200, body = Vec<String>)))]
async fn experiments(State(state): State<AppState>, _caller: Caller) -> Json<Vec<String>> {
    let chosen = &state.config.experiments;
    let is_on = |name: &&str| chosen.iter().any(|one| one == "*" || one == name);
    Json(EXPERIMENTS.iter().copied().filter(is_on).map(String::from).collect())
}

#[utoipa::path(get, path = "/api/v2/experiments/available",
    responses((status = 200, body = AvailableExperiments)))]
async fn available_experiments(_caller: Caller) -> Json<AvailableExperiments> {
    Json(AvailableExperiments { safe: EXPERIMENTS.iter().copied().map(String::from).collect() })
}

#[utoipa::path(get, path = "/api/v2/regions", responses((status = 200, body = RegionsResponse)))]
async fn regions(State(state): State<AppState>, _caller: Caller) -> Json<RegionsResponse> {
    let deployment = &state.deployment;
    let primary = Region {
        id: Uuid::new_v5(&deployment.id, b"primary region"),
        name: String::from("primary"),
        display_name: String::from("Default"),
        icon_url: String::from("/favicon.svg"),
        healthy: true,
        path_app_url: deployment.access_url.to_string(),
        wildcard_hostname: state.config.http.wildcard_access_url.clone(),
    };
    Json(RegionsResponse { regions: vec![primary] })
}
