//! What an account wants of its chats.

use axum::{Json, extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};
use warren_api::{
    chats::settings::{
        ChatToolApprovals, UpdateUserChatCompactionThresholdRequest, UserChatCompactionThreshold,
        UserChatCompactionThresholds, UserChatCustomPrompt,
    },
    error::ErrorResponse,
};
use warren_vocab::ModelConfigId;

use super::{rule, rule_view};
use crate::{
    auth::Caller,
    error::ApiResult,
    extract::{JsonBody, Params},
    state::AppState,
};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(prompt, set_prompt))
        .routes(routes!(thresholds))
        .routes(routes!(set_threshold, delete_threshold))
        .routes(routes!(tool_approvals, set_tool_approvals))
}

#[utoipa::path(get, path = "/api/experimental/chats/config/user-prompt",
    responses((status = 200, body = UserChatCustomPrompt)))]
async fn prompt(State(state): State<AppState>, caller: Caller) -> ApiResult<Json<UserChatCustomPrompt>> {
    let custom_prompt = state.chat.user_prompt(&caller.actor().subject).await?;
    Ok(Json(UserChatCustomPrompt { custom_prompt }))
}

#[utoipa::path(put, path = "/api/experimental/chats/config/user-prompt", request_body = UserChatCustomPrompt,
    responses((status = 200, body = UserChatCustomPrompt), (status = 400, body = ErrorResponse)))]
async fn set_prompt(
    State(state): State<AppState>,
    caller: Caller,
    JsonBody(body): JsonBody<UserChatCustomPrompt>,
) -> ApiResult<Json<UserChatCustomPrompt>> {
    let custom_prompt = state.chat.set_user_prompt(caller.chat(), &body.custom_prompt).await?;
    Ok(Json(UserChatCustomPrompt { custom_prompt }))
}

#[utoipa::path(get, path = "/api/experimental/chats/config/user-compaction-thresholds",
    responses((status = 200, body = UserChatCompactionThresholds)))]
async fn thresholds(
    State(state): State<AppState>,
    caller: Caller,
) -> ApiResult<Json<UserChatCompactionThresholds>> {
    let found = state.chat.thresholds(&caller.actor().subject).await?;
    let threshold = |(model_config_id, threshold_percent)| UserChatCompactionThreshold {
        model_config_id,
        threshold_percent,
    };
    Ok(Json(UserChatCompactionThresholds { thresholds: found.into_iter().map(threshold).collect() }))
}

#[utoipa::path(put, path = "/api/experimental/chats/config/user-compaction-thresholds/{modelConfig}",
    params(("modelConfig" = ModelConfigId, Path)), request_body = UpdateUserChatCompactionThresholdRequest,
    responses((status = 200, body = UserChatCompactionThreshold), (status = 400, body = ErrorResponse),
        (status = 404, body = ErrorResponse)))]
async fn set_threshold(
    State(state): State<AppState>,
    caller: Caller,
    Params(model_config_id): Params<ModelConfigId>,
    JsonBody(body): JsonBody<UpdateUserChatCompactionThresholdRequest>,
) -> ApiResult<Json<UserChatCompactionThreshold>> {
    let threshold_percent = body.threshold_percent;
    state.chat.set_threshold(caller.chat(), model_config_id, Some(threshold_percent)).await?;
    Ok(Json(UserChatCompactionThreshold { model_config_id, threshold_percent }))
}

#[utoipa::path(delete, path = "/api/experimental/chats/config/user-compaction-thresholds/{modelConfig}",
    params(("modelConfig" = ModelConfigId, Path)),
    responses((status = 204), (status = 404, body = ErrorResponse)))]
async fn delete_threshold(
    State(state): State<AppState>,
    caller: Caller,
    Params(model_config_id): Params<ModelConfigId>,
) -> ApiResult<StatusCode> {
    state.chat.set_threshold(caller.chat(), model_config_id, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(get, path = "/api/experimental/chats/config/user-tool-approvals",
    responses((status = 200, body = ChatToolApprovals)))]
async fn tool_approvals(State(state): State<AppState>, caller: Caller) -> ApiResult<Json<ChatToolApprovals>> {
    let found = state.chat.user_tool_approvals(&caller.actor().subject).await?;
    Ok(Json(ChatToolApprovals { rules: found.into_iter().map(rule_view).collect() }))
}

#[utoipa::path(put, path = "/api/experimental/chats/config/user-tool-approvals", request_body = ChatToolApprovals,
    responses((status = 204), (status = 400, body = ErrorResponse)))]
async fn set_tool_approvals(
    State(state): State<AppState>,
    caller: Caller,
    JsonBody(body): JsonBody<ChatToolApprovals>,
) -> ApiResult<StatusCode> {
    state.chat.set_user_tool_approvals(caller.chat(), body.rules.into_iter().map(rule).collect()).await?;
    Ok(StatusCode::NO_CONTENT)
}
