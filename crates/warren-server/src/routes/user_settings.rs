//! What an account chooses for itself.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};
use warren_api::{
    error::ErrorResponse,
    user_settings::{
        GitSshKey, UpdateUserAppearanceSettingsRequest, UpdateUserPreferenceSettingsRequest,
        UpdateUserQuietHoursScheduleRequest, UserAppearanceSettings, UserParameter, UserPreferenceSettings,
        UserQuietHoursScheduleResponse,
    },
};
use warren_app::users::settings::{NewAppearance, NewPreferences};
use warren_vocab::TemplateId;

use crate::{
    auth::Caller,
    error::ApiResult,
    extract::{JsonBody, Params, Search},
    state::AppState,
    view::user_settings as view,
};

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(appearance, update_appearance))
        .routes(routes!(preferences, update_preferences))
        .routes(routes!(autofill_parameters))
        .routes(routes!(git_ssh_key, regenerate_git_ssh_key))
        .routes(routes!(quiet_hours, update_quiet_hours))
}

#[utoipa::path(get, path = "/api/v2/users/{user}/appearance", params(("user" = String, Path)),
    responses((status = 200, body = UserAppearanceSettings)))]
async fn appearance(
    State(state): State<AppState>,
    caller: Caller,
    Params(user): Params<String>,
) -> ApiResult<Json<UserAppearanceSettings>> {
    let user = state.app.find_user(caller.actor(), &user).await?;
    Ok(Json(view::appearance(state.app.appearance(caller.actor(), &user).await?)))
}

#[utoipa::path(put, path = "/api/v2/users/{user}/appearance", params(("user" = String, Path)),
    request_body = UpdateUserAppearanceSettingsRequest,
    responses((status = 200, body = UserAppearanceSettings), (status = 400, body = ErrorResponse)))]
async fn update_appearance(
    State(state): State<AppState>,
    caller: Caller,
    Params(user): Params<String>,
    JsonBody(body): JsonBody<UpdateUserAppearanceSettingsRequest>,
) -> ApiResult<Json<UserAppearanceSettings>> {
    let user = state.app.find_user(caller.actor(), &user).await?;
    let new = NewAppearance {
        theme_preference: body.theme_preference,
        theme_mode: body.theme_mode,
        theme_light: body.theme_light,
        theme_dark: body.theme_dark,
        terminal_font: body.terminal_font,
    };
    Ok(Json(view::appearance(state.app.set_appearance(caller.actor(), &user, new).await?)))
}

#[utoipa::path(get, path = "/api/v2/users/{user}/preferences", params(("user" = String, Path)),
    responses((status = 200, body = UserPreferenceSettings)))]
async fn preferences(
    State(state): State<AppState>,
    caller: Caller,
    Params(user): Params<String>,
) -> ApiResult<Json<UserPreferenceSettings>> {
    let user = state.app.find_user(caller.actor(), &user).await?;
    Ok(Json(view::preferences(state.app.preferences(caller.actor(), &user).await?)))
}

#[utoipa::path(put, path = "/api/v2/users/{user}/preferences", params(("user" = String, Path)),
    request_body = UpdateUserPreferenceSettingsRequest,
    responses((status = 200, body = UserPreferenceSettings), (status = 400, body = ErrorResponse)))]
async fn update_preferences(
    State(state): State<AppState>,
    caller: Caller,
    Params(user): Params<String>,
    JsonBody(body): JsonBody<UpdateUserPreferenceSettingsRequest>,
) -> ApiResult<Json<UserPreferenceSettings>> {
    let user = state.app.find_user(caller.actor(), &user).await?;
    let new = NewPreferences {
        task_notification_alert_dismissed: body.task_notification_alert_dismissed,
        thinking_display_mode: body.thinking_display_mode,
        shell_tool_display_mode: body.shell_tool_display_mode,
        code_diff_display_mode: body.code_diff_display_mode,
        agent_chat_send_shortcut: body.agent_chat_send_shortcut,
    };
    Ok(Json(view::preferences(state.app.set_preferences(caller.actor(), &user, new).await?)))
}

#[derive(Deserialize)]
struct AutofillQuery {
    template_id: TemplateId,
}

#[utoipa::path(get, path = "/api/v2/users/{user}/autofill-parameters",
    params(("user" = String, Path), ("template_id" = uuid::Uuid, Query)),
    responses((status = 200, body = Vec<UserParameter>), (status = 400, body = ErrorResponse)))]
async fn autofill_parameters(
    State(state): State<AppState>,
    caller: Caller,
    Params(user): Params<String>,
    Search(query): Search<AutofillQuery>,
) -> ApiResult<Json<Vec<UserParameter>>> {
    let user = state.app.find_user(caller.actor(), &user).await?;
    let values = state.app.autofill_parameters(caller.actor(), &user, query.template_id).await?;
    Ok(Json(values.into_iter().map(|(name, value)| UserParameter { name, value }).collect()))
}

#[utoipa::path(get, path = "/api/v2/users/{user}/gitsshkey", params(("user" = String, Path)),
    responses((status = 200, body = GitSshKey)))]
async fn git_ssh_key(
    State(state): State<AppState>,
    caller: Caller,
    Params(user): Params<String>,
) -> ApiResult<Json<GitSshKey>> {
    let user = state.app.find_user(caller.actor(), &user).await?;
    Ok(Json(view::git_ssh_key(state.app.git_ssh_key(caller.actor(), &user).await?)))
}

#[utoipa::path(put, path = "/api/v2/users/{user}/gitsshkey", params(("user" = String, Path)),
    responses((status = 200, body = GitSshKey)))]
async fn regenerate_git_ssh_key(
    State(state): State<AppState>,
    caller: Caller,
    Params(user): Params<String>,
) -> ApiResult<Json<GitSshKey>> {
    let user = state.app.find_user(caller.actor(), &user).await?;
    Ok(Json(view::git_ssh_key(state.app.regenerate_git_ssh_key(caller.actor(), &user).await?)))
}

#[utoipa::path(get, path = "/api/v2/users/{user}/quiet-hours", params(("user" = String, Path)),
    responses((status = 200, body = UserQuietHoursScheduleResponse)))]
async fn quiet_hours(
    State(state): State<AppState>,
    caller: Caller,
    Params(user): Params<String>,
) -> ApiResult<Json<UserQuietHoursScheduleResponse>> {
    let user = state.app.find_user(caller.actor(), &user).await?;
    Ok(Json(view::quiet_hours(state.app.quiet_hours(caller.actor(), &user)?)))
}

#[utoipa::path(put, path = "/api/v2/users/{user}/quiet-hours", params(("user" = String, Path)),
    request_body = UpdateUserQuietHoursScheduleRequest,
    responses((status = 200, body = UserQuietHoursScheduleResponse), (status = 400, body = ErrorResponse)))]
async fn update_quiet_hours(
    State(state): State<AppState>,
    caller: Caller,
    Params(user): Params<String>,
    JsonBody(body): JsonBody<UpdateUserQuietHoursScheduleRequest>,
) -> ApiResult<Json<UserQuietHoursScheduleResponse>> {
    let user = state.app.find_user(caller.actor(), &user).await?;
    let set = state.app.set_quiet_hours(caller.actor(), &user, &body.schedule).await?;
    Ok(Json(view::quiet_hours(set)))
}
