//! Settings of chats.

use axum::{
    Json,
    extract::{DefaultBodyLimit, State},
    http::StatusCode,
};
use utoipa_axum::{router::OpenApiRouter, routes};
use warren_api::{
    chats::settings::{
        ChatApprovalAction, ChatApprovalRule, ChatAutoArchiveDays, ChatModelOverride, ChatRetentionDays,
        ChatSystemPrompt, ChatTemplateAllowlist, ChatToolApprovals, ChatWorkspaceTtl,
        UpdateChatModelOverrideRequest, UpdateChatSystemPromptRequest,
    },
    error::ErrorResponse,
};
use warren_chat::proto::approval::{Rule, Verdict};

use crate::{
    auth::Caller,
    error::{ApiError, ApiResult},
    extract::{JsonBody, Params},
    state::AppState,
};

mod own;

/// The largest body of a setting, in bytes.
const BODY_BYTES_MAX: usize = 256 * 1024;
/// The one kind of call to a model whose model can be chosen for all chats so far.
const TITLES: &str = "title_generation";

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(system_prompt, set_system_prompt))
        .routes(routes!(model_override, set_model_override))
        .routes(routes!(retention_days, set_retention_days))
        .routes(routes!(auto_archive_days, set_auto_archive_days))
        .routes(routes!(workspace_ttl, set_workspace_ttl))
        .routes(routes!(template_allowlist, set_template_allowlist))
        .routes(routes!(tool_approvals, set_tool_approvals))
        .merge(own::router())
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

#[utoipa::path(get, path = "/api/experimental/chats/config/system-prompt",
    responses((status = 200, body = ChatSystemPrompt), (status = 404, body = ErrorResponse)))]
async fn system_prompt(State(state): State<AppState>, caller: Caller) -> ApiResult<Json<ChatSystemPrompt>> {
    let found = state.chat.system_prompt(&caller.actor().subject).await?;
    Ok(Json(ChatSystemPrompt {
        system_prompt: found.text,
        include_default_system_prompt: found.includes_default,
        default_system_prompt: found.default.to_owned(),
    }))
}

#[utoipa::path(put, path = "/api/experimental/chats/config/system-prompt",
    request_body = UpdateChatSystemPromptRequest,
    responses((status = 204), (status = 400, body = ErrorResponse), (status = 403, body = ErrorResponse)))]
async fn set_system_prompt(
    State(state): State<AppState>,
    caller: Caller,
    JsonBody(body): JsonBody<UpdateChatSystemPromptRequest>,
) -> ApiResult<StatusCode> {
    let includes_default = body.include_default_system_prompt;
    state.chat.set_system_prompt(caller.chat(), &body.system_prompt, includes_default).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(get, path = "/api/experimental/chats/config/model-override/{context}",
    params(("context" = String, Path)),
    responses((status = 200, body = ChatModelOverride), (status = 400, body = ErrorResponse),
        (status = 404, body = ErrorResponse)))]
async fn model_override(
    State(state): State<AppState>,
    caller: Caller,
    Params(context): Params<String>,
) -> ApiResult<Json<ChatModelOverride>> {
    check_context(&context)?;
    let found = state.chat.title_model(&caller.actor().subject).await?;
    let model_config_id = found.model.map(|model| model.to_string()).unwrap_or_default();
    Ok(Json(ChatModelOverride { context, model_config_id, is_malformed: found.is_malformed }))
}

#[utoipa::path(put, path = "/api/experimental/chats/config/model-override/{context}",
    params(("context" = String, Path)), request_body = UpdateChatModelOverrideRequest,
    responses((status = 204), (status = 400, body = ErrorResponse), (status = 403, body = ErrorResponse)))]
async fn set_model_override(
    State(state): State<AppState>,
    caller: Caller,
    Params(context): Params<String>,
    JsonBody(body): JsonBody<UpdateChatModelOverrideRequest>,
) -> ApiResult<StatusCode> {
    check_context(&context)?;
    let model = match body.model_config_id.trim() {
        "" => None,
        id => Some(id.parse().map_err(|error| {
            ApiError::bad_request("The model is not valid.")
                .field("model_config_id", format!("must be the id of a model, or empty: {error}"))
        })?),
    };
    state.chat.set_title_model(caller.chat(), model).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(get, path = "/api/experimental/chats/config/retention-days",
    responses((status = 200, body = ChatRetentionDays)))]
async fn retention_days(
    State(state): State<AppState>,
    _caller: Caller,
) -> ApiResult<Json<ChatRetentionDays>> {
    Ok(Json(ChatRetentionDays { retention_days: state.chat.retention_days().await? }))
}

#[utoipa::path(put, path = "/api/experimental/chats/config/retention-days", request_body = ChatRetentionDays,
    responses((status = 204), (status = 400, body = ErrorResponse), (status = 403, body = ErrorResponse)))]
async fn set_retention_days(
    State(state): State<AppState>,
    caller: Caller,
    JsonBody(body): JsonBody<ChatRetentionDays>,
) -> ApiResult<StatusCode> {
    state.chat.set_retention_days(caller.chat(), body.retention_days).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(get, path = "/api/experimental/chats/config/auto-archive-days",
    responses((status = 200, body = ChatAutoArchiveDays)))]
async fn auto_archive_days(
    State(state): State<AppState>,
    _caller: Caller,
) -> ApiResult<Json<ChatAutoArchiveDays>> {
    Ok(Json(ChatAutoArchiveDays { auto_archive_days: state.chat.auto_archive_days().await? }))
}

#[utoipa::path(put, path = "/api/experimental/chats/config/auto-archive-days", request_body = ChatAutoArchiveDays,
    responses((status = 204), (status = 400, body = ErrorResponse), (status = 403, body = ErrorResponse)))]
async fn set_auto_archive_days(
    State(state): State<AppState>,
    caller: Caller,
    JsonBody(body): JsonBody<ChatAutoArchiveDays>,
) -> ApiResult<StatusCode> {
    state.chat.set_auto_archive_days(caller.chat(), body.auto_archive_days).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(get, path = "/api/experimental/chats/config/workspace-ttl",
    responses((status = 200, body = ChatWorkspaceTtl)))]
async fn workspace_ttl(State(state): State<AppState>, _caller: Caller) -> ApiResult<Json<ChatWorkspaceTtl>> {
    Ok(Json(ChatWorkspaceTtl { workspace_ttl_ms: state.chat.workspace_ttl_ms().await? }))
}

#[utoipa::path(put, path = "/api/experimental/chats/config/workspace-ttl", request_body = ChatWorkspaceTtl,
    responses((status = 204), (status = 400, body = ErrorResponse), (status = 403, body = ErrorResponse)))]
async fn set_workspace_ttl(
    State(state): State<AppState>,
    caller: Caller,
    JsonBody(body): JsonBody<ChatWorkspaceTtl>,
) -> ApiResult<StatusCode> {
    state.chat.set_workspace_ttl_ms(caller.chat(), body.workspace_ttl_ms).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(get, path = "/api/experimental/chats/config/template-allowlist",
    responses((status = 200, body = ChatTemplateAllowlist), (status = 404, body = ErrorResponse)))]
async fn template_allowlist(
    State(state): State<AppState>,
    caller: Caller,
) -> ApiResult<Json<ChatTemplateAllowlist>> {
    let found = state.chat.template_allowlist(&caller.actor().subject).await?;
    Ok(Json(ChatTemplateAllowlist { template_ids: found.into_iter().collect() }))
}

#[utoipa::path(put, path = "/api/experimental/chats/config/template-allowlist", request_body = ChatTemplateAllowlist,
    responses((status = 204), (status = 400, body = ErrorResponse), (status = 403, body = ErrorResponse)))]
async fn set_template_allowlist(
    State(state): State<AppState>,
    caller: Caller,
    JsonBody(body): JsonBody<ChatTemplateAllowlist>,
) -> ApiResult<StatusCode> {
    state.chat.set_template_allowlist(caller.chat(), body.template_ids.into_iter().collect()).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(get, path = "/api/experimental/chats/config/tool-approvals",
    responses((status = 200, body = ChatToolApprovals), (status = 404, body = ErrorResponse)))]
async fn tool_approvals(State(state): State<AppState>, caller: Caller) -> ApiResult<Json<ChatToolApprovals>> {
    let found = state.chat.tool_approvals(&caller.actor().subject).await?;
    Ok(Json(ChatToolApprovals { rules: found.into_iter().map(rule_view).collect() }))
}

#[utoipa::path(put, path = "/api/experimental/chats/config/tool-approvals", request_body = ChatToolApprovals,
    responses((status = 204), (status = 400, body = ErrorResponse), (status = 403, body = ErrorResponse)))]
async fn set_tool_approvals(
    State(state): State<AppState>,
    caller: Caller,
    JsonBody(body): JsonBody<ChatToolApprovals>,
) -> ApiResult<StatusCode> {
    state.chat.set_tool_approvals(caller.chat(), body.rules.into_iter().map(rule).collect()).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn check_context(context: &str) -> ApiResult<()> {
    match context {
        TITLES => Ok(()),
        other => {
            let detail = format!("{other:?} is not {TITLES:?}");
            Err(ApiError::bad_request("No model can be chosen for this.").field("context", detail))
        }
    }
}

pub(super) fn rule_view(rule: Rule) -> ChatApprovalRule {
    let Rule { tool, path, command, workdir, args, action } = rule;
    let action = match action {
        Verdict::Allow => ChatApprovalAction::Allow,
        Verdict::Ask => ChatApprovalAction::Ask,
        Verdict::Deny => ChatApprovalAction::Deny,
    };
    ChatApprovalRule { tool, path, command, workdir, args, action }
}

fn rule(rule: ChatApprovalRule) -> Rule {
    let ChatApprovalRule { tool, path, command, workdir, args, action } = rule;
    let action = match action {
        ChatApprovalAction::Allow => Verdict::Allow,
        ChatApprovalAction::Ask => Verdict::Ask,
        ChatApprovalAction::Deny => Verdict::Deny,
    };
    Rule { tool, path, command, workdir, args, action }
}
