//! Model providers and their keys.

use axum::{Json, extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};
use warren_api::{
    ai::{AiProvider, AiProviderKeyMutation, CreateAiProviderRequest, UpdateAiProviderRequest},
    error::ErrorResponse,
};
use warren_chat::{ProviderDraft, ProviderPatch};
use warren_rt::Secret;
use warren_vocab::AiProviderKeyId;

use crate::{
    auth::Caller,
    error::ApiResult,
    extract::{JsonBody, Params},
    state::AppState,
    view,
};

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, update, delete))
}

#[utoipa::path(get, path = "/api/v2/ai/providers", responses((status = 200, body = Vec<AiProvider>)))]
async fn list(State(state): State<AppState>, caller: Caller) -> ApiResult<Json<Vec<AiProvider>>> {
    let found = state.chat.providers(&caller.actor().subject).await?;
    Ok(Json(found.into_iter().map(view::ai::provider).collect::<ApiResult<_>>()?))
}

#[utoipa::path(post, path = "/api/v2/ai/providers", request_body = CreateAiProviderRequest,
    responses((status = 201, body = AiProvider), (status = 400, body = ErrorResponse), (status = 409, body = ErrorResponse)))]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    JsonBody(request): JsonBody<CreateAiProviderRequest>,
) -> ApiResult<(StatusCode, Json<AiProvider>)> {
    let draft = ProviderDraft {
        provider_type: request.provider_type,
        name: request.name,
        display_name: request.display_name,
        icon: request.icon,
        enabled: request.enabled,
        base_url: request.base_url,
        settings: request.settings.unwrap_or_default(),
        api_keys: request.api_keys.into_iter().map(Secret::new).collect(),
    };
    let made = state.chat.create_provider(caller.chat(), draft).await?;
    Ok((StatusCode::CREATED, Json(view::ai::provider(made)?)))
}

#[utoipa::path(get, path = "/api/v2/ai/providers/{idOrName}", params(("idOrName" = String, Path)),
    responses((status = 200, body = AiProvider), (status = 404, body = ErrorResponse)))]
async fn get(
    State(state): State<AppState>,
    caller: Caller,
    Params(id_or_name): Params<String>,
) -> ApiResult<Json<AiProvider>> {
    let found = state.chat.provider(&caller.actor().subject, &id_or_name).await?;
    Ok(Json(view::ai::provider(found)?))
}

#[utoipa::path(patch, path = "/api/v2/ai/providers/{idOrName}", params(("idOrName" = String, Path)),
    request_body = UpdateAiProviderRequest,
    responses((status = 200, body = AiProvider), (status = 404, body = ErrorResponse)))]
async fn update(
    State(state): State<AppState>,
    caller: Caller,
    Params(id_or_name): Params<String>,
    JsonBody(request): JsonBody<UpdateAiProviderRequest>,
) -> ApiResult<Json<AiProvider>> {
    let patch = ProviderPatch {
        display_name: request.display_name,
        icon: request.icon,
        enabled: request.enabled,
        base_url: request.base_url,
        settings: request.settings,
        keys: request.api_keys.map(split_keys),
    };
    let changed = state.chat.update_provider(caller.chat(), &id_or_name, patch).await?;
    Ok(Json(view::ai::provider(changed)?))
}

#[utoipa::path(delete, path = "/api/v2/ai/providers/{idOrName}", params(("idOrName" = String, Path)),
    responses((status = 204), (status = 404, body = ErrorResponse)))]
async fn delete(
    State(state): State<AppState>,
    caller: Caller,
    Params(id_or_name): Params<String>,
) -> ApiResult<StatusCode> {
    state.chat.delete_provider(caller.chat(), &id_or_name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Keys that stay, and new ones.
fn split_keys(entries: Vec<AiProviderKeyMutation>) -> (Vec<AiProviderKeyId>, Vec<Secret<String>>) {
    let (mut kept, mut new) = (Vec::new(), Vec::new());
    for entry in entries {
        match (entry.api_key, entry.id) {
            (Some(key), _) => new.push(Secret::new(key)),
            (None, Some(id)) => kept.push(id),
            (None, None) => {}
        }
    }
    (kept, new)
}
