//! First user, sign-in and accounts.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};
use warren_api::{
    error::{ErrorResponse, MessageResponse},
    organizations::Organization,
    users::{
        AuthMethod, AuthMethods, CreateFirstUserRequest, CreateFirstUserResponse, GetUsersResponse,
        GithubAuthMethod, LoginWithPasswordRequest, LoginWithPasswordResponse, OidcAuthMethod, User,
    },
};
use warren_app::identity::FirstUser;
use warren_db::query::Page;
use warren_vocab::UserId;

use crate::{
    auth::{Caller, SESSION_COOKIE},
    error::{ApiError, ApiResult},
    extract::{JsonBody, Params, Search},
    state::AppState,
    view,
};

/// The cookie outlives the session, whose end the server keeps: one year.
const COOKIE_SECONDS_MAX: u64 = 31_536_000;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(has_first, create_first))
        .routes(routes!(auth_methods))
        .routes(routes!(login))
        .routes(routes!(logout))
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(organizations))
}

#[utoipa::path(get, path = "/api/v2/users/first",
    responses((status = 200, body = MessageResponse), (status = 404, body = ErrorResponse)))]
async fn has_first(State(state): State<AppState>) -> ApiResult<Json<MessageResponse>> {
    if state.app.has_users().await? {
        return Ok(Json(MessageResponse {
            message: String::from("The initial user has already been created."),
        }));
    }
    Err(ApiError::new(StatusCode::NOT_FOUND, "The initial user has not been created."))
}

#[utoipa::path(post, path = "/api/v2/users/first", request_body = CreateFirstUserRequest,
    responses((status = 201, body = CreateFirstUserResponse), (status = 409, body = ErrorResponse)))]
async fn create_first(
    State(state): State<AppState>,
    JsonBody(body): JsonBody<CreateFirstUserRequest>,
) -> ApiResult<(StatusCode, Json<CreateFirstUserResponse>)> {
    let CreateFirstUserRequest { email, username, name, password, trial: _ } = body;
    let (user_id, organization_id) =
        state.app.create_first_user(FirstUser { email, username, name, password }).await?;
    Ok((StatusCode::CREATED, Json(CreateFirstUserResponse { user_id, organization_id })))
}

#[utoipa::path(get, path = "/api/v2/users/authmethods", responses((status = 200, body = AuthMethods)))]
async fn auth_methods() -> Json<AuthMethods> {
    Json(AuthMethods {
        terms_of_service_url: None,
        password: AuthMethod { enabled: true },
        github: GithubAuthMethod { enabled: false, default_provider_configured: false },
        oidc: OidcAuthMethod { enabled: false, sign_in_text: String::new(), icon_url: String::new() },
    })
}

#[utoipa::path(post, path = "/api/v2/users/login", request_body = LoginWithPasswordRequest,
    responses((status = 201, body = LoginWithPasswordResponse), (status = 401, body = ErrorResponse)))]
async fn login(
    State(state): State<AppState>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<LoginWithPasswordRequest>,
) -> ApiResult<Response> {
    // Another site's form must not sign the visitor in to an account of its choice.
    if headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site") {
        return Err(ApiError::bad_request(
            "This request came from another site. Open the dashboard and log in there.",
        ));
    }
    let session = state.app.login(&body.email, body.password).await?;
    let token = session.token.expose().clone();
    let cookie = session_cookie(&state, &token, COOKIE_SECONDS_MAX);
    let answer = Json(LoginWithPasswordResponse { session_token: token });
    Ok((StatusCode::CREATED, [(header::SET_COOKIE, cookie)], answer).into_response())
}

#[utoipa::path(post, path = "/api/v2/users/logout", responses((status = 200, body = MessageResponse)))]
async fn logout(State(state): State<AppState>, caller: Caller) -> ApiResult<Response> {
    state.app.logout(&caller.session).await?;
    let cookie = session_cookie(&state, "", 0);
    let answer = Json(MessageResponse { message: String::from("Logged out!") });
    Ok(([(header::SET_COOKIE, cookie)], answer).into_response())
}

#[derive(Deserialize)]
struct ListQuery {
    #[serde(default)]
    limit: u64,
    #[serde(default)]
    offset: u64,
}

#[utoipa::path(get, path = "/api/v2/users", responses((status = 200, body = GetUsersResponse)),
    params(("limit" = Option<u64>, Query), ("offset" = Option<u64>, Query)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Search(query): Search<ListQuery>,
) -> ApiResult<Json<GetUsersResponse>> {
    let page = Page { limit: query.limit, offset: query.offset };
    let (users, count) = state.app.list_users(caller.actor(), page).await?;
    let users = users.into_iter().map(view::users::user).collect::<ApiResult<_>>()?;
    Ok(Json(GetUsersResponse { users, count: i64::try_from(count).unwrap_or(i64::MAX) }))
}

#[utoipa::path(get, path = "/api/v2/users/{user}", params(("user" = String, Path)),
    responses((status = 200, body = User), (status = 404, body = ErrorResponse)))]
async fn get(
    State(state): State<AppState>,
    caller: Caller,
    Params(user): Params<String>,
) -> ApiResult<Json<User>> {
    let user = state.app.find_user(caller.actor(), &user).await?;
    let detail = state.app.user_details(vec![user]).await?.pop().ok_or_else(ApiError::not_found)?;
    Ok(Json(view::users::user(detail)?))
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

fn session_cookie(state: &AppState, token: &str, max_age_seconds: u64) -> String {
    let secure = if state.deployment.access_url.scheme() == "https" { "; Secure" } else { "" };
    format!("{SESSION_COOKIE}={token}; Path=/; Max-Age={max_age_seconds}; HttpOnly; SameSite=Lax{secure}")
}
