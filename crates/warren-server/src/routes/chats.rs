//! Chats.

mod answers;
mod messages;
mod search;
mod stream;
mod titles;

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    Json,
    extract::{DefaultBodyLimit, RawQuery, State},
    http::{HeaderMap, StatusCode},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;
use warren_api::{
    chats::{Chat, CreateChatRequest, DynamicTool, UpdateChatRequest},
    error::ErrorResponse,
};
use warren_chat::{ChatPatch, CreateChat, Idempotency};
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
const IDEMPOTENCY_KEY: &str = "idempotency-key";
const IDEMPOTENCY_KEY_LEN_MAX: usize = 255;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(stream::watch_list))
        .routes(routes!(by_workspace))
        .routes(routes!(get, update))
        .routes(routes!(interrupt))
        .routes(routes!(answers::reconcile))
        .routes(routes!(answers::tool_results))
        .routes(routes!(answers::approvals, answers::decide))
        .routes(routes!(answers::remembered_rules, answers::forget_rules))
        .routes(routes!(messages::prompts))
        .routes(routes!(titles::regenerate))
        .routes(routes!(titles::propose))
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
    after_id: Option<ChatId>,
    #[serde(default, deserialize_with = "int32")]
    limit: u64,
    #[serde(default, deserialize_with = "int32")]
    offset: u64,
}

#[utoipa::path(get, path = "/api/experimental/chats",
    params(("q" = Option<String>, Query), ("label" = Option<String>, Query), ("after_id" = Option<ChatId>, Query),
        ("limit" = Option<u64>, Query), ("offset" = Option<u64>, Query)),
    responses((status = 200, body = Vec<Chat>), (status = 400, body = ErrorResponse)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Search(query): Search<ListQuery>,
    RawQuery(raw): RawQuery,
) -> ApiResult<Json<Vec<Chat>>> {
    let found = search::parse(query.q.as_deref().unwrap_or_default())?;
    let labels = search::labels(raw.as_deref().unwrap_or_default())?;
    let search::Found { search, is_empty } = found;
    let search = warren_chat::ChatSearch { labels, after: query.after_id, ..search };
    let limit = if query.limit == 0 { LIST_LIMIT_DEFAULT } else { query.limit.min(LIST_LIMIT_MAX) };
    let page = Page { limit, offset: query.offset };
    let found = state.chat.list(&caller.actor().subject, search, page).await?;
    if is_empty {
        return Ok(Json(Vec::new()));
    }
    Ok(Json(found.into_iter().map(view::chats::listed).collect::<ApiResult<_>>()?))
}

#[derive(Deserialize)]
struct WorkspacesQuery {
    #[serde(default)]
    workspace_ids: String,
}

#[utoipa::path(get, path = "/api/experimental/chats/by-workspace",
    params(("workspace_ids" = Option<String>, Query)),
    responses((status = 200, body = BTreeMap<Uuid, Chat>), (status = 400, body = ErrorResponse)))]
async fn by_workspace(
    State(state): State<AppState>,
    caller: Caller,
    Search(query): Search<WorkspacesQuery>,
) -> ApiResult<Json<BTreeMap<WorkspaceId, Chat>>> {
    let ids = query.workspace_ids.split(',').map(str::trim).filter(|id| !id.is_empty());
    let ids: Result<BTreeSet<WorkspaceId>, _> = ids.map(str::parse).collect();
    let ids = ids.map_err(|error| {
        ApiError::bad_request("Query parameters have invalid values.")
            .field("workspace_ids", format!("must be ids of workspaces, separated by commas: {error}"))
    })?;
    let found = state.chat.by_workspace(&caller.actor().subject, ids).await?;
    let shown = found.into_iter().map(|(workspace, chat)| Ok((workspace, view::chats::listed(chat)?)));
    Ok(Json(shown.collect::<ApiResult<_>>()?))
}

#[utoipa::path(post, path = "/api/experimental/chats", request_body = CreateChatRequest,
    responses((status = 201, body = Chat), (status = 400, body = ErrorResponse)))]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    JsonBody(request): JsonBody<CreateChatRequest>,
) -> ApiResult<(StatusCode, Json<Chat>)> {
    refuse_later_features(request.plan_mode.as_deref(), &request.mcp_server_ids)?;
    let idempotency = idempotency(&headers, "POST /chats", &request)?;
    let request = CreateChat {
        organization: request.organization_id,
        content: view::chats::input(request.content)?,
        system_prompt: request.system_prompt,
        workspace: request.workspace_id,
        model_config: request.model_config_id,
        labels: request.labels.unwrap_or_default(),
        dynamic_tools: request.unsafe_dynamic_tools.into_iter().map(dynamic_tool).collect(),
        client_type: request.client_type.unwrap_or(ClientType::Api),
        idempotency,
    };
    let row = state.chat.create(caller.chat(), request).await?;
    Ok((StatusCode::CREATED, Json(shown(&state, row).await?)))
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
    refuse_later_features(request.plan_mode.as_deref(), &[])?;
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
    let listed = state.chat.listed(vec![row]).await?.pop().ok_or_else(ApiError::internal)?;
    view::chats::listed(listed)
}

fn dynamic_tool(tool: DynamicTool) -> warren_chat::DynamicTool {
    let DynamicTool { name, description, input_schema } = tool;
    warren_chat::DynamicTool { name, description, input_schema }
}

/// Clients that know plan mode and servers of tools send them empty.
fn refuse_later_features(plan_mode: Option<&str>, mcp_servers: &[Uuid]) -> ApiResult<()> {
    if plan_mode.is_some_and(|mode| !mode.is_empty()) {
        let detail = "must be empty: this server has no plan mode";
        return Err(ApiError::bad_request("Plan mode is not available.").field("plan_mode", detail));
    }
    if let Some(id) = mcp_servers.first() {
        let detail = format!("there is no MCP server {id}");
        return Err(ApiError::bad_request("The MCP server does not exist.").field("mcp_server_ids", detail));
    }
    Ok(())
}

/// The key under which a request may be sent again, with a digest of what the request says.
fn idempotency(headers: &HeaderMap, route: &str, body: &impl Serialize) -> ApiResult<Option<Idempotency>> {
    let Some(key) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let is_fine = |key: &&str| !key.is_empty() && key.len() <= IDEMPOTENCY_KEY_LEN_MAX;
    let key = key.to_str().ok().map(str::trim).filter(is_fine).ok_or_else(|| {
        let message =
            format!("The Idempotency-Key must have 1 to {IDEMPOTENCY_KEY_LEN_MAX} visible ASCII letters.");
        ApiError::bad_request(message.clone()).field("Idempotency-Key", message)
    })?;
    let body = serde_json::to_vec(body).map_err(|_| ApiError::internal())?;
    let mut digest = Sha256::new();
    digest.update(route);
    digest.update([0]);
    digest.update(body);
    Ok(Some(Idempotency { key: key.to_owned(), digest: format!("{:x}", digest.finalize()) }))
}
