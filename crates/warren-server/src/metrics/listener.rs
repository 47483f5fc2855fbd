//! The listener that Prometheus asks, apart from the one of users.

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::net::TcpListener;
use warren_rt::Tasks;

use super::Connections;
use crate::{
    serving::{self, Deadlines, Serving},
    state::AppState,
};

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Serves `/metrics` until the tasks stop.
pub(crate) fn serve(listener: TcpListener, state: AppState, tasks: &Tasks) {
    let router = Router::new().route("/metrics", get(scrape)).route("/", get(scrape)).with_state(state);
    let serving = Serving { tls: None, connections: Connections::default(), deadlines: Deadlines::default() };
    serving::serve(listener, serving, router, tasks);
}

async fn scrape(State(state): State<AppState>) -> Response {
    let metrics = &state.frame.metrics;
    metrics.refresh(state.app.db(), state.agents.n_open()).await;
    match metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
