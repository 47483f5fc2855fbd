//! Accounts.

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};
use warren_api::{
    error::{ErrorResponse, MessageResponse},
    organizations::Organization,
    users::{
        CreateUserRequest, GetUsersResponse, UpdateUserPasswordRequest, UpdateUserProfileRequest, User,
        UserLoginType,
    },
};
use warren_app::users::{NewProfile, NewUser};
use warren_db::query::Page;
use warren_vocab::UserId;

use crate::{
    auth::Caller,
    error::{ApiError, ApiResult},
    extract::{JsonBody, Params, Search, empty_as_none, int32},
    state::AppState,
    view::{self, word},
};

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, delete))
        .routes(routes!(update_profile))
        .routes(routes!(suspend))
        .routes(routes!(activate))
        .routes(routes!(update_password))
        .routes(routes!(login_type))
        .routes(routes!(organizations))
        .routes(routes!(organization))
}

#[derive(Deserialize)]
struct ListQuery {
    #[serde(default)]
    q: String,
    #[serde(default, deserialize_with = "int32")]
    limit: u64,
    #[serde(default, deserialize_with = "int32")]
    offset: u64,
    #[serde(default, deserialize_with = "empty_as_none")]
    after_id: Option<UserId>,
}

#[utoipa::path(get, path = "/api/v2/users", responses((status = 200, body = GetUsersResponse),
        (status = 400, body = ErrorResponse)),
    params(("q" = Option<String>, Query), ("after_id" = Option<uuid::Uuid>, Query),
        ("limit" = Option<u64>, Query), ("offset" = Option<u64>, Query)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Search(query): Search<ListQuery>,
) -> ApiResult<Json<GetUsersResponse>> {
    let page = Page { limit: query.limit, offset: query.offset };
    let (users, count) = state.app.list_users(caller.actor(), &query.q, query.after_id, page).await?;
    let users = users.into_iter().map(view::users::user).collect::<ApiResult<_>>()?;
    Ok(Json(GetUsersResponse { users, count: i64::try_from(count).unwrap_or(i64::MAX) }))
}

#[utoipa::path(post, path = "/api/v2/users", request_body = CreateUserRequest,
    responses((status = 201, body = User), (status = 400, body = ErrorResponse),
        (status = 409, body = ErrorResponse)))]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    JsonBody(body): JsonBody<CreateUserRequest>,
) -> ApiResult<(StatusCode, Json<User>)> {
    let new = NewUser {
        email: body.email,
        username: body.username,
        name: body.name,
        password: body.password,
        login_type: body.login_type,
        status: body.user_status,
        organizations: body.organization_ids,
        is_service_account: body.service_account,
        roles: body.roles,
    };
    let created = state.app.create_user(caller.actor(), new).await?;
    Ok((StatusCode::CREATED, Json(view::users::user(created)?)))
}

#[utoipa::path(get, path = "/api/v2/users/{user}", params(("user" = String, Path)),
    responses((status = 200, body = User), (status = 404, body = ErrorResponse)))]
async fn get(
    State(state): State<AppState>,
    caller: Caller,
    Params(user): Params<String>,
) -> ApiResult<Json<User>> {
    let user = state.app.find_user(caller.actor(), &user).await?;
    Ok(Json(view::users::user(state.app.user_detail(user).await?)?))
}

#[utoipa::path(delete, path = "/api/v2/users/{user}", params(("user" = String, Path)),
    responses((status = 200, body = MessageResponse), (status = 417, body = ErrorResponse)))]
async fn delete(
    State(state): State<AppState>,
    caller: Caller,
    Params(user): Params<String>,
) -> ApiResult<Json<MessageResponse>> {
    let user = state.app.find_user(caller.actor(), &user).await?;
    state.app.delete_user(caller.actor(), &user).await?;
    Ok(Json(MessageResponse { message: String::from("User has been deleted!") }))
}

#[utoipa::path(put, path = "/api/v2/users/{user}/profile", params(("user" = String, Path)),
    request_body = UpdateUserProfileRequest,
    responses((status = 200, body = User), (status = 409, body = ErrorResponse)))]
async fn update_profile(
    State(state): State<AppState>,
    caller: Caller,
    Params(user): Params<String>,
    JsonBody(body): JsonBody<UpdateUserProfileRequest>,
) -> ApiResult<Json<User>> {
    let user = state.app.find_user(caller.actor(), &user).await?;
    let UpdateUserProfileRequest { username, name, avatar_url } = body;
    let profile = NewProfile { username, name, avatar_url };
    Ok(Json(view::users::user(state.app.update_profile(caller.actor(), &user, profile).await?)?))
}

#[utoipa::path(put, path = "/api/v2/users/{user}/status/suspend", params(("user" = String, Path)),
    responses((status = 200, body = User), (status = 400, body = ErrorResponse)))]
async fn suspend(
    State(state): State<AppState>,
    caller: Caller,
    Params(user): Params<String>,
) -> ApiResult<Json<User>> {
    let user = state.app.find_user(caller.actor(), &user).await?;
    Ok(Json(view::users::user(state.app.suspend_user(caller.actor(), &user).await?)?))
}

#[utoipa::path(put, path = "/api/v2/users/{user}/status/activate", params(("user" = String, Path)),
    responses((status = 200, body = User)))]
async fn activate(
    State(state): State<AppState>,
    caller: Caller,
    Params(user): Params<String>,
) -> ApiResult<Json<User>> {
    let user = state.app.find_user(caller.actor(), &user).await?;
    Ok(Json(view::users::user(state.app.activate_user(caller.actor(), &user).await?)?))
}

#[utoipa::path(put, path = "/api/v2/users/{user}/password", params(("user" = String, Path)),
    request_body = UpdateUserPasswordRequest,
    responses((status = 204), (status = 400, body = ErrorResponse)))]
async fn update_password(
    State(state): State<AppState>,
    caller: Caller,
    Params(user): Params<String>,
    JsonBody(body): JsonBody<UpdateUserPasswordRequest>,
) -> ApiResult<StatusCode> {
    let user = state.app.find_user(caller.actor(), &user).await?;
    state.app.change_password(caller.actor(), &user, body.old_password, body.password).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(get, path = "/api/v2/users/{user}/login-type", params(("user" = String, Path)),
    responses((status = 200, body = UserLoginType), (status = 403, body = ErrorResponse)))]
async fn login_type(
    State(state): State<AppState>,
    caller: Caller,
    Params(user): Params<String>,
) -> ApiResult<Json<UserLoginType>> {
    let user = state.app.find_user(caller.actor(), &user).await?;
    if user.id != caller.actor().user.id {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "Forbidden. Only the account itself may see how it signs in.",
        ));
    }
    Ok(Json(UserLoginType { login_type: word(&user.login_type, "login type")? }))
}

#[utoipa::path(get, path = "/api/v2/users/{user}/organizations", params(("user" = String, Path)),
    responses((status = 200, body = Vec<Organization>)))]
async fn organizations(
    State(state): State<AppState>,
    caller: Caller,
    Params(user): Params<String>,
) -> ApiResult<Json<Vec<Organization>>> {
    let user = state.app.find_user(caller.actor(), &user).await?;
    let rows = state.app.organizations_of(caller.actor(), UserId::from_uuid(user.id)).await?;
    Ok(Json(rows.into_iter().map(view::organizations::organization).collect()))
}

#[utoipa::path(get, path = "/api/v2/users/{user}/organizations/{organizationname}",
    params(("user" = String, Path), ("organizationname" = String, Path)),
    responses((status = 200, body = Organization), (status = 404, body = ErrorResponse)))]
async fn organization(
    State(state): State<AppState>,
    caller: Caller,
    Params((user, name)): Params<(String, String)>,
) -> ApiResult<Json<Organization>> {
    let user = state.app.find_user(caller.actor(), &user).await?;
    let wanted = state.app.find_organization(caller.actor(), &name).await?;
    let mut rows = state.app.organizations_of(caller.actor(), UserId::from_uuid(user.id)).await?;
    rows.retain(|row| row.id == wanted.id);
    let found = rows.pop().ok_or_else(ApiError::not_found)?;
    Ok(Json(view::organizations::organization(found)))
}
