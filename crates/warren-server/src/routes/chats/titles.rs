//! New titles that a model makes.

use axum::{Json, extract::State};
use warren_api::{
    chats::{Chat, ProposeChatTitleResponse},
    error::ErrorResponse,
};
use warren_vocab::ChatId;

use super::shown;
use crate::{auth::Caller, error::ApiResult, extract::Params, state::AppState};

#[utoipa::path(post, path = "/api/experimental/chats/{chat}/title/regenerate", params(("chat" = ChatId, Path)),
    responses((status = 200, body = Chat), (status = 403, body = ErrorResponse), (status = 404, body = ErrorResponse),
        (status = 409, body = ErrorResponse)))]
pub(super) async fn regenerate(
    State(state): State<AppState>,
    caller: Caller,
    Params(id): Params<ChatId>,
) -> ApiResult<Json<Chat>> {
    let row = state.chat.regenerate_title(caller.chat(), id).await?;
    Ok(Json(shown(&state, row).await?))
}

#[utoipa::path(post, path = "/api/experimental/chats/{chat}/title/propose", params(("chat" = ChatId, Path)),
    responses((status = 200, body = ProposeChatTitleResponse), (status = 403, body = ErrorResponse),
        (status = 404, body = ErrorResponse), (status = 409, body = ErrorResponse)))]
pub(super) async fn propose(
    State(state): State<AppState>,
    caller: Caller,
    Params(id): Params<ChatId>,
) -> ApiResult<Json<ProposeChatTitleResponse>> {
    let title = state.chat.propose_title(caller.chat(), id).await?;
    Ok(Json(ProposeChatTitleResponse { title }))
}
