//! Model providers in the form of older clients: one provider of each type, with one key.

use axum::{Json, extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};
use warren_api::{
    ai::{ChatProviderConfig, CreateChatProviderConfigRequest, UpdateChatProviderConfigRequest},
    error::ErrorResponse,
};
use warren_chat::{ProviderDraft, ProviderPatch, ProviderWithKeys};
use warren_rt::Secret;
use warren_vocab::AiProviderId;

use crate::{
    auth::Caller,
    error::ApiResult,
    extract::{JsonBody, Params},
    state::AppState,
    view,
};

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(update, delete))
}

#[utoipa::path(get, path = "/api/experimental/chats/providers",
    responses((status = 200, body = Vec<ChatProviderConfig>), (status = 404, body = ErrorResponse)))]
async fn list(State(state): State<AppState>, caller: Caller) -> ApiResult<Json<Vec<ChatProviderConfig>>> {
    let found = state.chat.providers(&caller.actor().subject).await?;
    Ok(Json(found.into_iter().map(shown).collect::<ApiResult<_>>()?))
}

#[utoipa::path(post, path = "/api/experimental/chats/providers", request_body = CreateChatProviderConfigRequest,
    responses((status = 201, body = ChatProviderConfig), (status = 400, body = ErrorResponse),
        (status = 403, body = ErrorResponse), (status = 409, body = ErrorResponse)))]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    JsonBody(request): JsonBody<CreateChatProviderConfigRequest>,
) -> ApiResult<(StatusCode, Json<ChatProviderConfig>)> {
    let draft = ProviderDraft {
        provider_type: request.provider,
        name: request.provider.as_str().to_owned(),
        display_name: request.display_name,
        icon: String::new(),
        enabled: request.enabled.unwrap_or(true),
        base_url: request.base_url,
        settings: serde_json::Value::Null,
        api_keys: key(request.api_key).into_iter().collect(),
    };
    let made = state.chat.create_provider(caller.chat(), draft).await?;
    Ok((StatusCode::CREATED, Json(shown(made)?)))
}

#[utoipa::path(patch, path = "/api/experimental/chats/providers/{providerConfig}",
    params(("providerConfig" = AiProviderId, Path)), request_body = UpdateChatProviderConfigRequest,
    responses((status = 200, body = ChatProviderConfig), (status = 400, body = ErrorResponse),
        (status = 404, body = ErrorResponse)))]
async fn update(
    State(state): State<AppState>,
    caller: Caller,
    Params(id): Params<AiProviderId>,
    JsonBody(request): JsonBody<UpdateChatProviderConfigRequest>,
) -> ApiResult<Json<ChatProviderConfig>> {
    let patch = ProviderPatch {
        display_name: request.display_name,
        enabled: request.enabled,
        base_url: request.base_url,
        keys: request.api_key.map(|text| (Vec::new(), key(text).into_iter().collect())),
        ..ProviderPatch::default()
    };
    Ok(Json(shown(state.chat.update_provider(caller.chat(), &id.to_string(), patch).await?)?))
}

#[utoipa::path(delete, path = "/api/experimental/chats/providers/{providerConfig}",
    params(("providerConfig" = AiProviderId, Path)),
    responses((status = 204), (status = 403, body = ErrorResponse), (status = 404, body = ErrorResponse)))]
async fn delete(
    State(state): State<AppState>,
    caller: Caller,
    Params(id): Params<AiProviderId>,
) -> ApiResult<StatusCode> {
    state.chat.delete_provider(caller.chat(), &id.to_string()).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn key(text: String) -> Option<Secret<String>> {
    (!text.trim().is_empty()).then(|| Secret::new(text))
}

fn shown(found: ProviderWithKeys) -> ApiResult<ChatProviderConfig> {
    let provider = view::ai::provider(found)?;
    Ok(ChatProviderConfig {
        id: provider.id,
        provider: provider.provider_type,
        display_name: provider.display_name,
        enabled: provider.enabled,
        has_api_key: !provider.api_keys.is_empty(),
        base_url: provider.base_url,
        source: String::from("database"),
        created_at: provider.created_at,
        updated_at: provider.updated_at,
    })
}
