//! What the dashboard of everybody looks like.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};
use warren_api::{
    appearance::{AppearanceConfig, BannerConfig, UpdateAppearanceConfig},
    error::ErrorResponse,
};
use warren_app::deployment::{Appearance, Banner};

use crate::{
    auth::{Caller, UserOrAgent},
    error::ApiResult,
    extract::JsonBody,
    state::AppState,
};

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get, put))
}

#[utoipa::path(get, path = "/api/v2/appearance", responses((status = 200, body = AppearanceConfig)))]
async fn get(State(state): State<AppState>, _caller: UserOrAgent) -> ApiResult<Json<AppearanceConfig>> {
    let Appearance { application_name, logo_url, announcement_banners } =
        state.app.deployment_appearance().await?;
    let announcement_banners: Vec<_> = announcement_banners.into_iter().map(banner_view).collect();
    let docs_url = match state.config.docs_url.as_str() {
        "" => concat!(env!("CARGO_PKG_REPOSITORY"), "/tree/main/docs").to_owned(),
        url => url.to_owned(),
    };
    Ok(Json(AppearanceConfig {
        application_name,
        logo_url,
        docs_url,
        service_banner: announcement_banners.first().cloned().unwrap_or_default(),
        announcement_banners,
        support_links: Vec::new(),
    }))
}

#[utoipa::path(put, path = "/api/v2/appearance", request_body = UpdateAppearanceConfig,
    responses((status = 200, body = UpdateAppearanceConfig), (status = 403, body = ErrorResponse)))]
async fn put(
    State(state): State<AppState>,
    caller: Caller,
    JsonBody(body): JsonBody<UpdateAppearanceConfig>,
) -> ApiResult<Json<UpdateAppearanceConfig>> {
    let UpdateAppearanceConfig { application_name, logo_url, service_banner, announcement_banners } =
        body.clone();
    let old_form = announcement_banners.is_empty() && !service_banner.message.is_empty();
    let banners = if old_form { vec![service_banner] } else { announcement_banners };
    let announcement_banners = banners.into_iter().map(banner).collect();
    let appearance = Appearance { application_name, logo_url, announcement_banners };
    state.app.set_deployment_appearance(caller.actor(), &appearance).await?;
    Ok(Json(body))
}

fn banner_view(banner: Banner) -> BannerConfig {
    let Banner { enabled, message, background_color } = banner;
    BannerConfig { enabled, message, background_color }
}

fn banner(config: BannerConfig) -> Banner {
    let BannerConfig { enabled, message, background_color } = config;
    Banner { enabled, message, background_color }
}
