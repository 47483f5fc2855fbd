//! Chats.

mod messages;
mod stream;

use axum::{
    Json,
    extract::{DefaultBodyLimit, State},
    http::StatusCode,
};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};
use warren_api::{
    chats::{Chat, CreateChatRequest, UpdateChatRequest},
    error::ErrorResponse,
};
use warren_chat::{ChatPatch, CreateChat};
use warren_db::{entity::chats, query::Page};
use warren_vocab::{ChatId, ClientType, WorkspaceId};

use crate::{
    auth::Caller,
    error::{ApiError, ApiResult},
    extract::{JsonBody, Params, Search, int32},
    state::AppState,
    view,
};

/// The largest request of a chat, in bytes.
const BODY_BYTES_MAX: usize = 256 * 1024;
const LIST_LIMIT_DEFAULT: u64 = 50;
const LIST_LIMIT_MAX: u64 = 200;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(stream::watch_list))
        .routes(routes!(get, update))
        .routes(routes!(interrupt))
        .routes(routes!(messages::list, messages::send))
        .routes(routes!(messages::edit))
        .routes(routes!(messages::delete_queued))
        .routes(routes!(messages::promote_queued))
        .routes(routes!(stream::watch))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

#[derive(Deserialize)]
struct ListQuery {
    q: Option<String>,
    #[serde(default, deserialize_with = "int32")]
    limit: u64,
    #[serde(default, deserialize_with = "int32")]
    offset: u64,
}

#[utoipa::path(get, path = "/api/experimental/chats",
    params(("q" = Option<String>, Query), ("limit" = Option<u64>, Query), ("offset" = Option<u64>, Query)),
    responses((status = 200, body = Vec<Chat>), (status = 400, body = ErrorResponse)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Search(query): Search<ListQuery>,
) -> ApiResult<Json<Vec<Chat>>> {
    let archived = wants_archived(query.q.as_deref().unwrap_or_default())?;
    let limit = if query.limit == 0 { LIST_LIMIT_DEFAULT } else { query.limit.min(LIST_LIMIT_MAX) };
    let page = Page { limit, offset: query.offset };
    let rows = state.chat.list(&caller.actor().subject, archived, page).await?;
    let unread = state.chat.unread(&rows).await?;
    let shown = rows.into_iter().zip(unread).map(|(row, unread)| view::chats::chat(row, unread));
    Ok(Json(shown.collect::<ApiResult<_>>()?))
}

#[utoipa::path(post, path = "/api/experimental/chats", request_body = CreateChatRequest,
    responses((status = 201, body = Chat), (status = 400, body = ErrorResponse)))]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    JsonBody(request): JsonBody<CreateChatRequest>,
) -> ApiResult<(StatusCode, Json<Chat>)> {
    let request = CreateChat {
        organization: request.organization_id,
        content: view::chats::input(request.content)?,
        system_prompt: request.system_prompt,
        workspace: request.workspace_id,
        model_config: request.model_config_id,
        labels: request.labels.unwrap_or_default(),
        client_type: request.client_type.unwrap_or(ClientType::Api),
    };
    let row = state.chat.create(caller.chat(), request).await?;
    Ok((StatusCode::CREATED, Json(view::chats::chat(row, false)?)))
}

#[utoipa::path(get, path = "/api/experimental/chats/{chat}", params(("chat" = ChatId, Path)),
    responses((status = 200, body = Chat), (status = 404, body = ErrorResponse)))]
async fn get(
    State(state): State<AppState>,
    caller: Caller,
    Params(id): Params<ChatId>,
) -> ApiResult<Json<Chat>> {
    let row = state.chat.get(&caller.actor().subject, id).await?;
    Ok(Json(shown(&state, row).await?))
}

#[utoipa::path(patch, path = "/api/experimental/chats/{chat}", params(("chat" = ChatId, Path)),
    request_body = UpdateChatRequest,
    responses((status = 204), (status = 400, body = ErrorResponse), (status = 404, body = ErrorResponse),
        (status = 409, body = ErrorResponse)))]
async fn update(
    State(state): State<AppState>,
    caller: Caller,
    Params(id): Params<ChatId>,
    JsonBody(request): JsonBody<UpdateChatRequest>,
) -> ApiResult<StatusCode> {
    let patch = ChatPatch {
        title: request.title,
        workspace: request.workspace_id.map(WorkspaceId::non_nil),
        labels: request.labels,
        pin_order: request.pin_order,
        archived: request.archived,
    };
    state.chat.update(caller.chat(), id, patch).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(post, path = "/api/experimental/chats/{chat}/interrupt", params(("chat" = ChatId, Path)),
    responses((status = 200, body = Chat), (status = 404, body = ErrorResponse), (status = 409, body = ErrorResponse)))]
async fn interrupt(
    State(state): State<AppState>,
    caller: Caller,
    Params(id): Params<ChatId>,
) -> ApiResult<Json<Chat>> {
    let row = state.chat.interrupt(&caller.actor().subject, id).await?;
    Ok(Json(shown(&state, row).await?))
}

async fn shown(state: &AppState, row: chats::Model) -> ApiResult<Chat> {
    let unread = state.chat.unread(std::slice::from_ref(&row)).await?;
    view::chats::chat(row, unread.first().copied().unwrap_or(false))
}

/// Reads the search: only `archived:` is known so far.
fn wants_archived(search: &str) -> ApiResult<bool> {
    let mut archived = false;
    for word in search.split_whitespace() {
        archived = match word {
            "archived:true" => true,
            "archived:false" => false,
            other => {
                let detail = format!("{other:?} is not a search that chats know; use archived:true");
                return Err(ApiError::bad_request("The search is not valid.").field("q", detail));
            }
        };
    }
    Ok(archived)
}
