//! Answers to a chat that waits for its owner or its client.

use axum::{Json, extract::State, http::StatusCode};
use warren_api::{
    chats::{
        Chat, ChatApprovalsResponse, DecideChatApprovalsRequest, SubmitToolResultsRequest,
        settings::ChatToolApprovals,
    },
    error::ErrorResponse,
};
use warren_chat::{Answer, ClientResult};
use warren_vocab::ChatId;

use super::{super::chat_settings::rule_view, shown};
use crate::{
    auth::Caller,
    error::ApiResult,
    extract::{JsonBody, Params},
    state::AppState,
    view,
};

#[utoipa::path(get, path = "/api/experimental/chats/{chat}/approvals", params(("chat" = ChatId, Path)),
    responses((status = 200, body = ChatApprovalsResponse), (status = 404, body = ErrorResponse)))]
pub(super) async fn approvals(
    State(state): State<AppState>,
    caller: Caller,
    Params(id): Params<ChatId>,
) -> ApiResult<Json<ChatApprovalsResponse>> {
    let found = state.chat.approvals(&caller.actor().subject, id).await?;
    Ok(Json(ChatApprovalsResponse { approvals: found.into_iter().map(view::chats::approval).collect() }))
}

#[utoipa::path(post, path = "/api/experimental/chats/{chat}/approvals", params(("chat" = ChatId, Path)),
    request_body = DecideChatApprovalsRequest,
    responses((status = 204), (status = 400, body = ErrorResponse), (status = 403, body = ErrorResponse),
        (status = 404, body = ErrorResponse), (status = 409, body = ErrorResponse)))]
pub(super) async fn decide(
    State(state): State<AppState>,
    caller: Caller,
    Params(id): Params<ChatId>,
    JsonBody(request): JsonBody<DecideChatApprovalsRequest>,
) -> ApiResult<StatusCode> {
    let answers = request.decisions.into_iter().map(|decision| Answer {
        call_id: decision.tool_call_id,
        approve: decision.approve,
        note: decision.note,
        remember: decision.remember,
    });
    state.chat.answer(caller.chat(), id, answers.collect()).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(get, path = "/api/experimental/chats/{chat}/approval-rules", params(("chat" = ChatId, Path)),
    responses((status = 200, body = ChatToolApprovals), (status = 404, body = ErrorResponse)))]
pub(super) async fn remembered_rules(
    State(state): State<AppState>,
    caller: Caller,
    Params(id): Params<ChatId>,
) -> ApiResult<Json<ChatToolApprovals>> {
    let rules = state.chat.remembered_rules(&caller.actor().subject, id).await?;
    Ok(Json(ChatToolApprovals { rules: rules.into_iter().map(rule_view).collect() }))
}

#[utoipa::path(delete, path = "/api/experimental/chats/{chat}/approval-rules", params(("chat" = ChatId, Path)),
    responses((status = 204), (status = 403, body = ErrorResponse), (status = 404, body = ErrorResponse)))]
pub(super) async fn forget_rules(
    State(state): State<AppState>,
    caller: Caller,
    Params(id): Params<ChatId>,
) -> ApiResult<StatusCode> {
    state.chat.forget_rules(caller.chat(), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(post, path = "/api/experimental/chats/{chat}/tool-results", params(("chat" = ChatId, Path)),
    request_body = SubmitToolResultsRequest,
    responses((status = 204), (status = 400, body = ErrorResponse), (status = 403, body = ErrorResponse),
        (status = 404, body = ErrorResponse), (status = 409, body = ErrorResponse)))]
pub(super) async fn tool_results(
    State(state): State<AppState>,
    caller: Caller,
    Params(id): Params<ChatId>,
    JsonBody(request): JsonBody<SubmitToolResultsRequest>,
) -> ApiResult<StatusCode> {
    let results = request.results.into_iter().map(|result| ClientResult {
        call_id: result.tool_call_id,
        output: result.output,
        is_error: result.is_error,
    });
    state.chat.take_results(&caller.actor().subject, id, results.collect()).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(post, path = "/api/experimental/chats/{chat}/reconcile-invalid", params(("chat" = ChatId, Path)),
    responses((status = 200, body = Chat), (status = 404, body = ErrorResponse), (status = 409, body = ErrorResponse)))]
pub(super) async fn reconcile(
    State(state): State<AppState>,
    caller: Caller,
    Params(id): Params<ChatId>,
) -> ApiResult<Json<Chat>> {
    let row = state.chat.reconcile(&caller.actor().subject, id).await?;
    Ok(Json(shown(&state, row).await?))
}
