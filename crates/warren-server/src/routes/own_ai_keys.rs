//! Users' own keys of model providers.

use axum::{Json, extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};
use warren_api::{
    ai::{PutUserAiProviderKeyRequest, UserAiProviderKey},
    error::ErrorResponse,
};
use warren_rt::Secret;
use warren_vocab::{AiProviderId, UserId};

use crate::{
    auth::Caller,
    error::ApiResult,
    extract::{JsonBody, Params},
    state::AppState,
    view,
};

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(put, delete))
}

#[utoipa::path(get, path = "/api/experimental/users/{user}/ai-provider-keys", params(("user" = String, Path)),
    responses((status = 200, body = Vec<UserAiProviderKey>)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Params(user): Params<String>,
) -> ApiResult<Json<Vec<UserAiProviderKey>>> {
    let user = state.app.find_user(caller.actor(), &user).await?;
    let found = state.chat.own_keys(&caller.actor().subject, UserId::from_uuid(user.id)).await?;
    Ok(Json(found.into_iter().map(view::ai::own_key).collect::<ApiResult<_>>()?))
}

#[utoipa::path(put, path = "/api/experimental/users/{user}/ai-provider-keys/{aiProvider}",
    params(("user" = String, Path), ("aiProvider" = AiProviderId, Path)), request_body = PutUserAiProviderKeyRequest,
    responses((status = 200, body = UserAiProviderKey), (status = 400, body = ErrorResponse),
        (status = 404, body = ErrorResponse), (status = 409, body = ErrorResponse)))]
async fn put(
    State(state): State<AppState>,
    caller: Caller,
    Params((user, provider)): Params<(String, AiProviderId)>,
    JsonBody(request): JsonBody<PutUserAiProviderKeyRequest>,
) -> ApiResult<Json<UserAiProviderKey>> {
    let user = state.app.find_user(caller.actor(), &user).await?;
    let key = Secret::new(request.api_key);
    let stored = state.chat.put_own_key(caller.chat(), UserId::from_uuid(user.id), provider, key).await?;
    Ok(Json(view::ai::own_key(stored)?))
}

#[utoipa::path(delete, path = "/api/experimental/users/{user}/ai-provider-keys/{aiProvider}",
    params(("user" = String, Path), ("aiProvider" = AiProviderId, Path)),
    responses((status = 204), (status = 404, body = ErrorResponse)))]
async fn delete(
    State(state): State<AppState>,
    caller: Caller,
    Params((user, provider)): Params<(String, AiProviderId)>,
) -> ApiResult<StatusCode> {
    let user = state.app.find_user(caller.actor(), &user).await?;
    state.chat.delete_own_key(caller.chat(), UserId::from_uuid(user.id), provider).await?;
    Ok(StatusCode::NO_CONTENT)
}
