//! Messages and the queue of a chat.

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use warren_api::{
    chats::{
        ChatMessagesResponse, CreateChatMessageRequest, CreateChatMessageResponse, EditChatMessageRequest,
        EditChatMessageResponse,
    },
    error::ErrorResponse,
};
use warren_chat::{SendMessage, Sent};
use warren_db::query::chat_messages::Slice;
use warren_vocab::{BusyBehavior, ChatId, MessageId, QueuedMessageId};

use crate::{
    auth::Caller,
    error::{ApiError, ApiResult},
    extract::{JsonBody, Params, Search},
    state::AppState,
    view,
};

const LIMIT_DEFAULT: u64 = 50;
const LIMIT_MAX: u64 = 200;

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
    JsonBody(request): JsonBody<CreateChatMessageRequest>,
) -> ApiResult<Json<CreateChatMessageResponse>> {
    let subject = &caller.actor().subject;
    if state.chat.get(subject, id).await?.archived {
        return Err(ApiError::bad_request("The chat is archived. Unarchive it first."));
    }
    let message = SendMessage {
        content: view::chats::input(request.content)?,
        model_config: request.model_config_id,
        busy: request.busy_behavior.unwrap_or(BusyBehavior::Queue),
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
    responses((status = 202), (status = 404, body = ErrorResponse), (status = 409, body = ErrorResponse)))]
pub(super) async fn promote_queued(
    State(state): State<AppState>,
    caller: Caller,
    Params((id, message)): Params<(ChatId, QueuedMessageId)>,
) -> ApiResult<(StatusCode, Json<Value>)> {
    let promoted = state.chat.promote_queued(&caller.actor().subject, id, message).await?;
    let message = promoted.map(view::chats::message);
    Ok((
        StatusCode::ACCEPTED,
        Json(message.map_or_else(|| json!({}), |message| json!({ "message": message }))),
    ))
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
