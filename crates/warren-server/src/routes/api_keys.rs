//! Keys and tokens.

use axum::{Json, extract::State, http::StatusCode};
use chrono::TimeDelta;
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};
use warren_api::{
    api_keys::{ApiKey, ApiKeyWithOwner, CreateTokenRequest, GenerateApiKeyResponse, TokenConfig},
    error::ErrorResponse,
};
use warren_app::api_keys::{NewToken, TokenSearch};

use crate::{
    auth::Caller,
    error::ApiResult,
    extract::{JsonBody, Params, Search},
    state::AppState,
    view::api_keys as view,
};

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(create_session_key))
        .routes(routes!(list, create))
        .routes(routes!(token_config))
        .routes(routes!(get_by_name))
        .routes(routes!(get, delete))
        .routes(routes!(expire))
}

#[utoipa::path(post, path = "/api/v2/users/{user}/keys", params(("user" = String, Path)),
    responses((status = 201, body = GenerateApiKeyResponse)))]
async fn create_session_key(
    State(state): State<AppState>,
    caller: Caller,
    Params(user): Params<String>,
) -> ApiResult<(StatusCode, Json<GenerateApiKeyResponse>)> {
    let user = state.app.find_user(caller.actor(), &user).await?;
    let token = state.app.create_session_key(caller.actor(), &user).await?;
    Ok((StatusCode::CREATED, Json(view::generated(&token))))
}

#[utoipa::path(post, path = "/api/v2/users/{user}/keys/tokens", params(("user" = String, Path)),
    request_body = CreateTokenRequest,
    responses((status = 201, body = GenerateApiKeyResponse), (status = 400, body = ErrorResponse),
        (status = 409, body = ErrorResponse)))]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Params(user): Params<String>,
    JsonBody(body): JsonBody<CreateTokenRequest>,
) -> ApiResult<(StatusCode, Json<GenerateApiKeyResponse>)> {
    let user = state.app.find_user(caller.actor(), &user).await?;
    let new = NewToken {
        lifetime: TimeDelta::nanoseconds(body.lifetime),
        name: body.token_name,
        scope: body.scope,
        scopes: body.scopes,
        allow_list: body.allow_list,
    };
    let token = state.app.create_token(caller.actor(), &user, new).await?;
    Ok((StatusCode::CREATED, Json(view::generated(&token))))
}

#[derive(Deserialize)]
struct ListQuery {
    #[serde(default)]
    include_all: bool,
    #[serde(default)]
    include_expired: bool,
}

#[utoipa::path(get, path = "/api/v2/users/{user}/keys/tokens",
    params(("user" = String, Path), ("include_all" = Option<bool>, Query),
        ("include_expired" = Option<bool>, Query)),
    responses((status = 200, body = Vec<ApiKeyWithOwner>)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Params(user): Params<String>,
    Search(query): Search<ListQuery>,
) -> ApiResult<Json<Vec<ApiKeyWithOwner>>> {
    let user = state.app.find_user(caller.actor(), &user).await?;
    let search = TokenSearch { everybody: query.include_all, expired: query.include_expired };
    let tokens = state.app.list_tokens(caller.actor(), &user, search).await?;
    Ok(Json(tokens.into_iter().map(view::owned).collect::<ApiResult<_>>()?))
}

#[utoipa::path(get, path = "/api/v2/users/{user}/keys/tokens/tokenconfig", params(("user" = String, Path)),
    responses((status = 200, body = TokenConfig)))]
async fn token_config(
    State(state): State<AppState>,
    caller: Caller,
    Params(user): Params<String>,
) -> ApiResult<Json<TokenConfig>> {
    let user = state.app.find_user(caller.actor(), &user).await?;
    Ok(Json(view::token_config(state.app.token_config(caller.actor(), &user)?)))
}

#[utoipa::path(get, path = "/api/v2/users/{user}/keys/tokens/{keyname}",
    params(("user" = String, Path), ("keyname" = String, Path)),
    responses((status = 200, body = ApiKey), (status = 404, body = ErrorResponse)))]
async fn get_by_name(
    State(state): State<AppState>,
    caller: Caller,
    Params((user, name)): Params<(String, String)>,
) -> ApiResult<Json<ApiKey>> {
    let user = state.app.find_user(caller.actor(), &user).await?;
    Ok(Json(view::api_key(state.app.find_token(caller.actor(), &user, &name).await?)?))
}

#[utoipa::path(get, path = "/api/v2/users/{user}/keys/{keyid}",
    params(("user" = String, Path), ("keyid" = String, Path)),
    responses((status = 200, body = ApiKey), (status = 404, body = ErrorResponse)))]
async fn get(
    State(state): State<AppState>,
    caller: Caller,
    Params((user, id)): Params<(String, String)>,
) -> ApiResult<Json<ApiKey>> {
    let user = state.app.find_user(caller.actor(), &user).await?;
    Ok(Json(view::api_key(state.app.find_key(caller.actor(), &user, &id).await?)?))
}

#[utoipa::path(delete, path = "/api/v2/users/{user}/keys/{keyid}",
    params(("user" = String, Path), ("keyid" = String, Path)),
    responses((status = 204), (status = 404, body = ErrorResponse)))]
async fn delete(
    State(state): State<AppState>,
    caller: Caller,
    Params((user, id)): Params<(String, String)>,
) -> ApiResult<StatusCode> {
    let user = state.app.find_user(caller.actor(), &user).await?;
    state.app.delete_key(caller.actor(), &user, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(put, path = "/api/v2/users/{user}/keys/{keyid}/expire",
    params(("user" = String, Path), ("keyid" = String, Path)),
    responses((status = 204), (status = 404, body = ErrorResponse)))]
async fn expire(
    State(state): State<AppState>,
    caller: Caller,
    Params((user, id)): Params<(String, String)>,
) -> ApiResult<StatusCode> {
    let user = state.app.find_user(caller.actor(), &user).await?;
    state.app.expire_key(caller.actor(), &user, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
