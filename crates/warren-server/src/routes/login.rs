//! First user, sign-in and sign-out.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};
use warren_api::{
    error::{ErrorResponse, MessageResponse},
    users::{
        AuthMethod, AuthMethods, ChangePasswordWithOneTimePasscodeRequest, CreateFirstUserRequest,
        CreateFirstUserResponse, GithubAuthMethod, LoginWithPasswordRequest, LoginWithPasswordResponse,
        OidcAuthMethod, RequestOneTimePasscodeRequest, ValidateUserPasswordRequest,
        ValidateUserPasswordResponse,
    },
};
use warren_app::identity::{FirstUser, SessionToken, check_strength};
use warren_config::SameSite;

use crate::{
    auth::{Caller, SESSION_COOKIE, refuse_other_sites},
    error::{ApiError, ApiResult},
    extract::JsonBody,
    origin::RequestOrigin,
    state::AppState,
};

/// The cookie outlives the session, whose end the server keeps: one year.
const COOKIE_SECONDS_MAX: u64 = 31_536_000;
/// Cookies of workspace applications, which end with the session.
const APP_COOKIES: &[&str] = &["coder_path_app_session_token", "coder_signed_app_token"];

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(has_first, create_first))
        .routes(routes!(auth_methods))
        .routes(routes!(login))
        .routes(routes!(logout))
        .routes(routes!(validate_password))
        .routes(routes!(request_passcode))
        .routes(routes!(change_password))
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
    headers: HeaderMap,
    RequestOrigin(origin): RequestOrigin,
    JsonBody(body): JsonBody<CreateFirstUserRequest>,
) -> ApiResult<(StatusCode, Json<CreateFirstUserResponse>)> {
    refuse_other_sites(&headers, &state.deployment.access_url)?;
    let CreateFirstUserRequest { email, username, name, password, trial: _ } = body;
    let first = FirstUser { email, username, name, password };
    let (user_id, organization_id) = state.app.create_first_user(&origin, first).await?;
    Ok((StatusCode::CREATED, Json(CreateFirstUserResponse { user_id, organization_id })))
}

#[utoipa::path(get, path = "/api/v2/users/authmethods", responses((status = 200, body = AuthMethods)))]
async fn auth_methods(State(state): State<AppState>) -> Json<AuthMethods> {
    let config = &state.config;
    Json(AuthMethods {
        terms_of_service_url: None,
        password: AuthMethod { enabled: !config.session.disable_password_auth },
        github: GithubAuthMethod { enabled: config.github.is_enabled(), default_provider_configured: false },
        oidc: OidcAuthMethod {
            enabled: config.oidc.is_enabled(),
            sign_in_text: config.oidc.sign_in_text.clone(),
            icon_url: config.oidc.icon_url.clone(),
        },
    })
}

#[utoipa::path(post, path = "/api/v2/users/login", request_body = LoginWithPasswordRequest,
    responses((status = 201, body = LoginWithPasswordResponse), (status = 401, body = ErrorResponse),
        (status = 403, body = ErrorResponse)))]
async fn login(
    State(state): State<AppState>,
    headers: HeaderMap,
    RequestOrigin(origin): RequestOrigin,
    JsonBody(body): JsonBody<LoginWithPasswordRequest>,
) -> ApiResult<Response> {
    refuse_other_sites(&headers, &state.deployment.access_url)?;
    let session = state.app.login(&origin, &body.email, body.password).await?;
    let cookie = session_cookie(&state, &session);
    let answer = Json(LoginWithPasswordResponse { session_token: session.token.expose().clone() });
    Ok((StatusCode::CREATED, [(header::SET_COOKIE, cookie)], answer).into_response())
}

#[utoipa::path(post, path = "/api/v2/users/logout", responses((status = 200, body = MessageResponse)))]
async fn logout(State(state): State<AppState>, caller: Caller) -> ApiResult<Response> {
    state.app.logout(&caller.session).await?;
    let mut response = Json(MessageResponse { message: String::from("Logged out!") }).into_response();
    for name in std::iter::once(&SESSION_COOKIE).chain(APP_COOKIES) {
        let cookie = cookie(&state, name, "", 0);
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    Ok(response)
}

#[utoipa::path(post, path = "/api/v2/users/validate-password", request_body = ValidateUserPasswordRequest,
    responses((status = 200, body = ValidateUserPasswordResponse)))]
async fn validate_password(
    JsonBody(body): JsonBody<ValidateUserPasswordRequest>,
) -> Json<ValidateUserPasswordResponse> {
    let outcome = check_strength(&body.password);
    Json(ValidateUserPasswordResponse { valid: outcome.is_ok(), details: outcome.err().unwrap_or_default() })
}

#[utoipa::path(post, path = "/api/v2/users/otp/request", request_body = RequestOneTimePasscodeRequest,
    responses((status = 204)))]
async fn request_passcode(
    State(state): State<AppState>,
    RequestOrigin(origin): RequestOrigin,
    JsonBody(body): JsonBody<RequestOneTimePasscodeRequest>,
) -> ApiResult<StatusCode> {
    state.app.request_passcode(&origin, &body.email).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(post, path = "/api/v2/users/otp/change-password",
    request_body = ChangePasswordWithOneTimePasscodeRequest,
    responses((status = 204), (status = 400, body = ErrorResponse)))]
async fn change_password(
    State(state): State<AppState>,
    RequestOrigin(origin): RequestOrigin,
    JsonBody(body): JsonBody<ChangePasswordWithOneTimePasscodeRequest>,
) -> ApiResult<StatusCode> {
    let ChangePasswordWithOneTimePasscodeRequest { email, password, one_time_passcode } = body;
    state.app.change_password_with_passcode(&origin, &email, &one_time_passcode, password).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The cookie that signs a browser in.
pub(crate) fn session_cookie(state: &AppState, session: &SessionToken) -> String {
    cookie(state, SESSION_COOKIE, session.token.expose(), COOKIE_SECONDS_MAX)
}

fn cookie(state: &AppState, name: &str, value: &str, max_age_seconds: u64) -> String {
    let http = &state.config.http;
    let same_site = match http.same_site {
        SameSite::Lax => "Lax",
        SameSite::None => "None",
        SameSite::Strict => "Strict",
    };
    let is_secure = http.secure_auth_cookie || state.deployment.access_url.scheme() == "https";
    let secure = if is_secure { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; Max-Age={max_age_seconds}; HttpOnly; SameSite={same_site}{secure}")
}
