//! All routes, their documents and the layers around them.

use axum::{Router, extract::DefaultBodyLimit, middleware::from_fn_with_state};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;

use crate::{attempts, auth::limit, middleware, routes, site, state::AppState};

/// The OpenAPI document with the paths and the schemas.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = api().split_for_parts().1;
    for (path, item) in &mut document.paths.paths {
        let operations = [
            ("get", &mut item.get),
            ("post", &mut item.post),
            ("put", &mut item.put),
            ("patch", &mut item.patch),
            ("delete", &mut item.delete),
        ];
        for (method, operation) in operations {
            if let Some(operation) = operation {
                operation.operation_id = Some(operation_id(method, path));
            }
        }
    }
    document
}

/// Names an operation after its route, so that names are unique however handlers are called.
fn operation_id(method: &str, path: &str) -> String {
    let words = path.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    std::iter::once(method).chain(words).collect::<Vec<_>>().join("-")
}

/// The router with everything around it.
pub(crate) fn router(state: AppState) -> Router {
    let (router, _) = api().split_for_parts();
    let body_max = usize::try_from(state.config.http.max_body_bytes).unwrap_or(usize::MAX);
    router
        .fallback(site::fallback)
        .layer(from_fn_with_state(state.clone(), limit::anonymous))
        .layer(from_fn_with_state(state.clone(), middleware::own_host::redirect))
        .layer(DefaultBodyLimit::max(body_max))
        .layer(CatchPanicLayer::custom(middleware::panicked))
        .layer(middleware::compression::layer())
        .layer(from_fn_with_state(state.clone(), attempts::record_failures))
        .layer(from_fn_with_state(state.clone(), middleware::around))
        .with_state(state)
}

fn api() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(warren_api::openapi())
        .merge(routes::deployment::router())
        .merge(routes::deployment_config::router())
        .merge(routes::appearance::router())
        .merge(routes::features::router())
        .merge(routes::replicas::router())
        .merge(routes::openapi::router())
        .merge(routes::agent_binary::router())
        .merge(routes::agent_pty::router())
        .merge(routes::agent_rpc::router())
        .merge(routes::agents::router())
        .merge(routes::tunnel::router())
        .merge(routes::login::router())
        .merge(routes::upstream_login::router())
        .merge(routes::users::router())
        .merge(routes::user_settings::router())
        .merge(routes::api_keys::router())
        .merge(routes::organizations::router())
        .merge(routes::members::router())
        .merge(routes::roles::router())
        .merge(routes::files::router())
        .merge(routes::templates::router())
        .merge(routes::template_versions::router())
        .merge(routes::workspaces::router())
        .merge(routes::builds::router())
        .merge(routes::job_logs::router())
        .merge(routes::ai_providers::router())
        .merge(routes::own_ai_keys::router())
        .merge(routes::audit::router())
        .merge(routes::chat_models::router())
        .merge(routes::chat_providers::router())
        .merge(routes::chat_settings::router())
        .merge(routes::chat_usage::router())
        .merge(routes::chats::router())
}
