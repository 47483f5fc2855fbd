//! Messages and the queue of a chat.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use serde::Deserialize;
use warren_api::{
    chats::{
        ChatMessagesResponse, ChatPrompt, ChatPromptsResponse, CreateChatMessageRequest,
        CreateChatMessageResponse, EditChatMessageRequest, EditChatMessageResponse,
        PromoteChatQueuedMessageResponse,
    },
    error::ErrorResponse,
};
use warren_chat::{SendMessage, Sent};
use warren_db::query::chat_messages::Slice;
use warren_vocab::{BusyBehavior, ChatId, MessageId, QueuedMessageId};

use super::{idempotency, refuse_later_features};
use crate::{
    auth::Caller,
    error::{ApiError, ApiResult},
    extract::{JsonBody, Params, Search, int32},
    state::AppState,
    view,
};

const LIMIT_DEFAULT: u64 = 50;
const LIMIT_MAX: u64 = 200;
const PROMPTS_DEFAULT: u64 = 500;
const PROMPTS_MAX: u64 = 2000;

#[derive(Deserialize)]
pub(super) struct ListQuery {
    before_id: Option<i64>,
    after_id: Option<i64>,
    limit: Option<u64>,
}

#[utoipa::path(get, path = "/api/experimental/chats/{chat}/messages",
    params(("chat" = ChatId, Path), ("before_id" = Option<i64>, Query), ("after_id" = Option<i64>, Query),
        ("limit" = Option<u64>, Query)),
    responses((status = 200, body = ChatMessagesResponse), (status = 400, body = ErrorResponse),
        (status = 404, body = ErrorResponse)))]
pub(super) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Params(id): Params<ChatId>,
    Search(query): Search<ListQuery>,
) -> ApiResult<Json<ChatMessagesResponse>> {
    let subject = &caller.actor().subject;
    let (messages, has_more) = state.chat.messages(subject, id, slice(&query)?).await?;
    let has_cursor = query.before_id.is_some() || query.after_id.is_some();
    let queue = if has_cursor { Vec::new() } else { state.chat.queue(subject, id).await? };
    Ok(Json(ChatMessagesResponse {
        messages: messages.into_iter().map(view::chats::message).collect(),
        queued_messages: queue.into_iter().map(view::chats::queued).collect(),
        has_more,
    }))
}

#[utoipa::path(post, path = "/api/experimental/chats/{chat}/messages", params(("chat" = ChatId, Path)),
    request_body = CreateChatMessageRequest,
    responses((status = 200, body = CreateChatMessageResponse), (status = 400, body = ErrorResponse),
        (status = 404, body = ErrorResponse), (status = 409, body = ErrorResponse), (status = 429, body = ErrorResponse)))]
pub(super) async fn send(
    State(state): State<AppState>,
    caller: Caller,
    Params(id): Params<ChatId>,
    headers: HeaderMap,
    JsonBody(request): JsonBody<CreateChatMessageRequest>,
) -> ApiResult<Json<CreateChatMessageResponse>> {
    let subject = &caller.actor().subject;
    refuse_later_features(request.plan_mode.as_deref(), &request.mcp_server_ids)?;
    let idempotency = idempotency(&headers, &format!("POST /chats/{id}/messages"), &request)?;
    let message = SendMessage {
        content: view::chats::input(request.content)?,
        model_config: request.model_config_id,
        busy: request.busy_behavior.unwrap_or(BusyBehavior::Queue),
        idempotency,
    };
    let (message, queued_message) = match state.chat.send(subject, id, message).await? {
        Sent::InHistory(message) => (Some(view::chats::message(message)), None),
        Sent::InQueue(message) => (None, Some(view::chats::queued(message))),
    };
    let queued = queued_message.is_some();
    Ok(Json(CreateChatMessageResponse { message, queued_message, queued, warnings: Vec::new() }))
}

#[utoipa::path(patch, path = "/api/experimental/chats/{chat}/messages/{message}",
    params(("chat" = ChatId, Path), ("message" = MessageId, Path)), request_body = EditChatMessageRequest,
    responses((status = 200, body = EditChatMessageResponse), (status = 400, body = ErrorResponse),
        (status = 404, body = ErrorResponse), (status = 409, body = ErrorResponse)))]
pub(super) async fn edit(
    State(state): State<AppState>,
    caller: Caller,
    Params((id, message)): Params<(ChatId, MessageId)>,
    JsonBody(request): JsonBody<EditChatMessageRequest>,
) -> ApiResult<Json<EditChatMessageResponse>> {
    let new = SendMessage {
        content: view::chats::input(request.content)?,
        model_config: request.model_config_id,
        busy: BusyBehavior::Queue,
        idempotency: None,
    };
    let message = state.chat.edit(&caller.actor().subject, id, message, new).await?;
    Ok(Json(EditChatMessageResponse { message: view::chats::message(message), warnings: Vec::new() }))
}

#[utoipa::path(delete, path = "/api/experimental/chats/{chat}/queue/{queuedMessage}",
    params(("chat" = ChatId, Path), ("queuedMessage" = QueuedMessageId, Path)),
    responses((status = 204), (status = 404, body = ErrorResponse), (status = 409, body = ErrorResponse)))]
pub(super) async fn delete_queued(
    State(state): State<AppState>,
    caller: Caller,
    Params((id, message)): Params<(ChatId, QueuedMessageId)>,
) -> ApiResult<StatusCode> {
    state.chat.delete_queued(&caller.actor().subject, id, message).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(post, path = "/api/experimental/chats/{chat}/queue/{queuedMessage}/promote",
    params(("chat" = ChatId, Path), ("queuedMessage" = QueuedMessageId, Path)),
    responses((status = 202, body = PromoteChatQueuedMessageResponse), (status = 404, body = ErrorResponse), (status = 409, body = ErrorResponse)))]
pub(super) async fn promote_queued(
    State(state): State<AppState>,
    caller: Caller,
    Params((id, message)): Params<(ChatId, QueuedMessageId)>,
) -> ApiResult<(StatusCode, Json<PromoteChatQueuedMessageResponse>)> {
    let promoted = state.chat.promote_queued(&caller.actor().subject, id, message).await?;
    let message = promoted.map(view::chats::message);
    Ok((StatusCode::ACCEPTED, Json(PromoteChatQueuedMessageResponse { message })))
}

#[derive(Deserialize)]
pub(super) struct PromptsQuery {
    #[serde(default, deserialize_with = "int32")]
    limit: u64,
}

#[utoipa::path(get, path = "/api/experimental/chats/{chat}/prompts",
    params(("chat" = ChatId, Path), ("limit" = Option<u64>, Query)),
    responses((status = 200, body = ChatPromptsResponse), (status = 400, body = ErrorResponse),
        (status = 404, body = ErrorResponse)))]
pub(super) async fn prompts(
    State(state): State<AppState>,
    caller: Caller,
    Params(id): Params<ChatId>,
    Search(query): Search<PromptsQuery>,
) -> ApiResult<Json<ChatPromptsResponse>> {
    if query.limit > PROMPTS_MAX {
        let detail = format!("must be between 0 and {PROMPTS_MAX}");
        return Err(ApiError::bad_request("The limit is not valid.").field("limit", detail));
    }
    let limit = if query.limit == 0 { PROMPTS_DEFAULT } else { query.limit };
    let found = state.chat.prompts(&caller.actor().subject, id, limit).await?;
    let prompts = found.into_iter().map(|prompt| ChatPrompt { id: prompt.id, text: prompt.text });
    Ok(Json(ChatPromptsResponse { prompts: prompts.collect() }))
}

/// Without `after_id` the newest come first; with it alone, the oldest after it.
fn slice(query: &ListQuery) -> ApiResult<Slice> {
    if let (Some(after), Some(before)) = (query.after_id, query.before_id)
        && after >= before
    {
        let error = ApiError::bad_request("The range of messages is empty.");
        return Err(error.field("after_id", "must be less than before_id"));
    }
    let limit = query.limit.unwrap_or(LIMIT_DEFAULT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        let detail = format!("must be between 1 and {LIMIT_MAX}");
        return Err(ApiError::bad_request("The limit is not valid.").field("limit", detail));
    }
    Ok(Slice {
        before: query.before_id.map(MessageId),
        after: query.after_id.map(MessageId),
        newest_first: query.before_id.is_some() || query.after_id.is_none(),
        limit,
    })
}
