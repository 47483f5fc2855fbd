//! Models that chats may use.

use axum::{Json, extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};
use warren_api::{
    ai::{
        ChatModel, ChatModelConfig, ChatModelProvider, ChatModelsResponse, ChatUnsupportedProvider,
        CreateChatModelConfigRequest, UpdateChatModelConfigRequest,
    },
    error::ErrorResponse,
};
use warren_chat::{Choice, ModelDraft, ModelPatch, Unavailable};
use warren_vocab::ModelConfigId;

use crate::{
    auth::Caller,
    error::{ApiError, ApiResult},
    extract::{JsonBody, Params},
    state::AppState,
    view,
};

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(choices))
        .routes(routes!(list, create))
        .routes(routes!(update, delete))
}

#[utoipa::path(get, path = "/api/experimental/chats/models", responses((status = 200, body = ChatModelsResponse)))]
async fn choices(State(state): State<AppState>, caller: Caller) -> ApiResult<Json<ChatModelsResponse>> {
    let mut response = ChatModelsResponse { providers: Vec::new(), unsupported_providers: Vec::new() };
    for Choice { provider, unavailable, models } in state.chat.choices(&caller.actor().subject).await? {
        if unavailable == Some(Unavailable::Unsupported) {
            let display_name = provider.display_name;
            let unsupported = ChatUnsupportedProvider { provider: provider.type_, display_name };
            response.unsupported_providers.push(unsupported);
            continue;
        }
        let models = models.into_iter().map(|model| ChatModel {
            id: model.id.to_string(),
            provider: provider.name.clone(),
            model: model.model,
            display_name: model.display_name,
        });
        response.providers.push(ChatModelProvider {
            models: models.collect(),
            provider: provider.name,
            available: unavailable.is_none(),
            unavailable_reason: unavailable.map(reason),
        });
    }
    Ok(Json(response))
}

fn reason(why: Unavailable) -> String {
    let word = match why {
        Unavailable::MissingKey => "missing_api_key",
        Unavailable::UserKeyRequired => "user_api_key_required",
        Unavailable::Unsupported => "unsupported",
        Unavailable::MissingAddress => "missing_base_url",
    };
    word.to_owned()
}

#[utoipa::path(get, path = "/api/experimental/chats/model-configs",
    responses((status = 200, body = Vec<ChatModelConfig>)))]
async fn list(State(state): State<AppState>, caller: Caller) -> ApiResult<Json<Vec<ChatModelConfig>>> {
    let found = state.chat.models(&caller.actor().subject).await?;
    Ok(Json(found.into_iter().map(view::ai::model).collect()))
}

#[utoipa::path(post, path = "/api/experimental/chats/model-configs", request_body = CreateChatModelConfigRequest,
    responses((status = 201, body = ChatModelConfig), (status = 400, body = ErrorResponse)))]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    JsonBody(request): JsonBody<CreateChatModelConfigRequest>,
) -> ApiResult<(StatusCode, Json<ChatModelConfig>)> {
    let patch = ModelPatch {
        model: None,
        display_name: Some(request.display_name),
        enabled: request.enabled,
        is_default: request.is_default,
        context_limit: request.context_limit,
        compression_threshold: request.compression_threshold,
        options: request.model_config.map(options).transpose()?,
    };
    let draft = ModelDraft { provider: request.ai_provider_id, model: request.model, patch };
    let made = state.chat.create_model(caller.chat(), draft).await?;
    Ok((StatusCode::CREATED, Json(view::ai::model(made))))
}

#[utoipa::path(patch, path = "/api/experimental/chats/model-configs/{modelConfig}",
    params(("modelConfig" = ModelConfigId, Path)), request_body = UpdateChatModelConfigRequest,
    responses((status = 200, body = ChatModelConfig), (status = 404, body = ErrorResponse)))]
async fn update(
    State(state): State<AppState>,
    caller: Caller,
    Params(id): Params<ModelConfigId>,
    JsonBody(request): JsonBody<UpdateChatModelConfigRequest>,
) -> ApiResult<Json<ChatModelConfig>> {
    let patch = ModelPatch {
        model: request.model,
        display_name: request.display_name,
        enabled: request.enabled,
        is_default: request.is_default,
        context_limit: request.context_limit,
        compression_threshold: request.compression_threshold,
        options: request.model_config.map(options).transpose()?,
    };
    Ok(Json(view::ai::model(state.chat.update_model(caller.chat(), id, patch).await?)))
}

#[utoipa::path(delete, path = "/api/experimental/chats/model-configs/{modelConfig}",
    params(("modelConfig" = ModelConfigId, Path)),
    responses((status = 204), (status = 404, body = ErrorResponse)))]
async fn delete(
    State(state): State<AppState>,
    caller: Caller,
    Params(id): Params<ModelConfigId>,
) -> ApiResult<StatusCode> {
    state.chat.delete_model(caller.chat(), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn options(config: warren_api::ai::ChatModelCallConfig) -> ApiResult<serde_json::Value> {
    serde_json::to_value(config).map_err(|error| {
        ApiError::bad_request("The model's options are not usable.").detail(error.to_string())
    })
}
