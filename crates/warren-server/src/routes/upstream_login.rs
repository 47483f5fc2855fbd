//! Signing in with OpenID Connect and GitHub: browsers go to the provider and come back to the same route.
//!
//! What fails in a browser is shown as a page; the device page, which asks with scripts, gets JSON. Must not decide who may
//! sign in as whom.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use url::form_urlencoded;
use utoipa_axum::{router::OpenApiRouter, routes};
use warren_api::{
    error::ErrorResponse,
    users::{
        ConvertLoginRequest, ExternalAuthDevice, GithubDeviceLoginResponse, OAuthConversionResponse,
        OidcClaimsResponse,
    },
};
use warren_app::{Origin, upstream_login::Arrival};
use warren_upstream::{FlowSecrets, UpstreamError, UpstreamIdentity, UpstreamTokens};
use warren_vocab::LoginType;

use crate::{
    auth::Caller,
    error::{ApiError, ApiResult},
    extract::{JsonBody, Params, Search},
    origin::RequestOrigin,
    routes::login::session_cookie,
    state::AppState,
};

mod cookies;
mod page;
mod redirect;

use cookies::FlowCookies;
use page::Failure;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(oidc_callback))
        .routes(routes!(github_callback))
        .routes(routes!(github_device))
        .routes(routes!(oidc_claims))
        .routes(routes!(convert_login))
}

/// What a browser brings: at first where to go afterwards, later what the provider says.
#[derive(Deserialize)]
struct CallbackQuery {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
    redirect: Option<String>,
    /// The state that `convert-login` gave out.
    oidc_merge_state: Option<String>,
}

impl CallbackQuery {
    fn comes_back(&self) -> bool {
        self.code.is_some() || self.error.is_some()
    }
}

#[utoipa::path(get, path = "/api/v2/users/oidc/callback", responses((status = 307)),
    params(("code" = Option<String>, Query), ("state" = Option<String>, Query), ("redirect" = Option<String>, Query),
        ("oidc_merge_state" = Option<String>, Query)))]
async fn oidc_callback(
    State(state): State<AppState>,
    RequestOrigin(origin): RequestOrigin,
    headers: HeaderMap,
    Search(query): Search<CallbackQuery>,
) -> Response {
    let outcome = if query.comes_back() {
        finish_oidc(&state, &origin, &headers, query).await
    } else {
        begin_oidc(&state, &query).await
    };
    outcome.unwrap_or_else(|failure| failure.page(&state))
}

async fn begin_oidc(state: &AppState, query: &CallbackQuery) -> Result<Response, Failure> {
    let provider = state.app.oidc().ok_or_else(|| Failure::not_offered("OpenID Connect"))?;
    let flow = new_flow(query)?;
    let url = provider.authorize_url(&flow).await?;
    Ok(cookies::begin(state, &flow, query.redirect.as_deref(), url.as_str()))
}

async fn finish_oidc(
    state: &AppState,
    origin: &Origin,
    headers: &HeaderMap,
    query: CallbackQuery,
) -> Result<Response, Failure> {
    let provider = state.app.oidc().ok_or_else(|| Failure::not_offered("OpenID Connect"))?;
    let (cookies, code) = returned(headers, query)?;
    let (identity, tokens) = provider.finish(&cookies.flow, code).await?;
    let login = sign_in(state, origin, LoginType::Oidc, &cookies, identity, tokens).await?;
    Ok(cookies::finish(state, &session_cookie(state, &login), &cookies.redirect))
}

#[utoipa::path(get, path = "/api/v2/users/oauth2/github/callback",
    responses((status = 307), (status = 200, body = GithubDeviceLoginResponse), (status = 400, body = ErrorResponse)),
    params(("code" = Option<String>, Query), ("state" = Option<String>, Query), ("redirect" = Option<String>, Query),
        ("oidc_merge_state" = Option<String>, Query)))]
async fn github_callback(
    State(state): State<AppState>,
    RequestOrigin(origin): RequestOrigin,
    headers: HeaderMap,
    Search(query): Search<CallbackQuery>,
) -> Response {
    let (comes_back, is_device) = (query.comes_back(), state.config.github.device_flow);
    let outcome = match (comes_back, is_device) {
        (false, _) => begin_github(&state, &query),
        (true, false) => finish_github(&state, &origin, &headers, query).await,
        (true, true) => poll_github(&state, &origin, &headers, query).await,
    };
    outcome.unwrap_or_else(
        |failure| {
            if comes_back && is_device { failure.json() } else { failure.page(&state) }
        },
    )
}

fn begin_github(state: &AppState, query: &CallbackQuery) -> Result<Response, Failure> {
    let provider = state.app.github().ok_or_else(|| Failure::not_offered("GitHub"))?;
    let flow = new_flow(query)?;
    let target = if state.config.github.device_flow {
        let redirect = redirect::local_path(query.redirect.as_deref());
        let search = form_urlencoded::Serializer::new(String::new())
            .append_pair("state", flow.state.expose())
            .append_pair("redirect", &redirect)
            .finish();
        format!("/login/device?{search}")
    } else {
        provider.authorize_url(&flow).to_string()
    };
    Ok(cookies::begin(state, &flow, query.redirect.as_deref(), &target))
}

async fn finish_github(
    state: &AppState,
    origin: &Origin,
    headers: &HeaderMap,
    query: CallbackQuery,
) -> Result<Response, Failure> {
    let provider = state.app.github().ok_or_else(|| Failure::not_offered("GitHub"))?;
    let (cookies, code) = returned(headers, query)?;
    let (identity, tokens) = provider.finish(&cookies.flow, &code).await?;
    let login = sign_in(state, origin, LoginType::Github, &cookies, identity, tokens).await?;
    Ok(cookies::finish(state, &session_cookie(state, &login), &cookies.redirect))
}

/// One question of the device page: has the user typed the code?
async fn poll_github(
    state: &AppState,
    origin: &Origin,
    headers: &HeaderMap,
    query: CallbackQuery,
) -> Result<Response, Failure> {
    let provider = state.app.github().ok_or_else(|| Failure::not_offered("GitHub"))?;
    let (cookies, code) = returned(headers, query)?;
    let (identity, tokens) = provider.poll_device(&code).await?;
    let login = sign_in(state, origin, LoginType::Github, &cookies, identity, tokens).await?;
    let answer = Json(GithubDeviceLoginResponse { redirect_url: cookies.redirect.clone() });
    let mut response = answer.into_response();
    cookies::set(response.headers_mut(), &session_cookie(state, &login));
    cookies::clear(state, response.headers_mut());
    Ok(response)
}

#[utoipa::path(get, path = "/api/v2/users/oauth2/github/device",
    responses((status = 200, body = ExternalAuthDevice), (status = 400, body = ErrorResponse)))]
async fn github_device(State(state): State<AppState>) -> Result<Json<ExternalAuthDevice>, Response> {
    let provider = state.app.github().filter(|_| state.config.github.device_flow);
    let provider = provider.ok_or_else(|| Failure::not_offered("GitHub's device flow").json())?;
    let device = provider.begin_device().await.map_err(|error| Failure::from(error).json())?;
    Ok(Json(ExternalAuthDevice {
        device_code: device.device_code.into_exposed(),
        user_code: device.user_code,
        verification_uri: device.verification_uri,
        expires_in: device.expires_in,
        interval: device.interval,
    }))
}

#[utoipa::path(get, path = "/api/v2/users/oidc-claims",
    responses((status = 200, body = OidcClaimsResponse), (status = 404, body = ErrorResponse)))]
async fn oidc_claims(State(state): State<AppState>, caller: Caller) -> ApiResult<Json<OidcClaimsResponse>> {
    let claims = state.app.oidc_claims(caller.actor()).await?;
    Ok(Json(OidcClaimsResponse { claims }))
}

#[utoipa::path(post, path = "/api/v2/users/{user}/convert-login", params(("user" = String, Path)),
    request_body = ConvertLoginRequest,
    responses((status = 201, body = OAuthConversionResponse), (status = 400, body = ErrorResponse)))]
async fn convert_login(
    State(state): State<AppState>,
    caller: Caller,
    Params(user): Params<String>,
    JsonBody(body): JsonBody<ConvertLoginRequest>,
) -> ApiResult<Response> {
    let user = state.app.find_user(caller.actor(), &user).await?;
    let begun = state.app.begin_convert_login(caller.actor(), &user, body.to_type, body.password).await?;
    let cookie = cookies::ticket(&state, begun.ticket.expose());
    let answer = Json(OAuthConversionResponse {
        state_string: begun.state,
        expires_at: begun.expires_at,
        to_type: begun.to,
        user_id: begun.user,
    });
    Ok((StatusCode::CREATED, [(header::SET_COOKIE, cookie)], answer).into_response())
}

/// Secrets of a new sign-in, or of the one that `convert-login` began.
fn new_flow(query: &CallbackQuery) -> Result<FlowSecrets, Failure> {
    match &query.oidc_merge_state {
        None => Ok(FlowSecrets::random()),
        Some(state) if FlowSecrets::is_state(state) => Ok(FlowSecrets::with_state(state.clone())),
        Some(_) => Err(Failure::new(
            StatusCode::BAD_REQUEST,
            "The change of the way you sign in is not valid. Begin it again in your account's settings.",
        )),
    }
}

/// Checks that this browser began the sign-in that comes back, and what the provider says.
fn returned(headers: &HeaderMap, query: CallbackQuery) -> Result<(FlowCookies, String), Failure> {
    let cookies = FlowCookies::read(headers, query.state.as_deref()).ok_or_else(|| {
        Failure::new(
            StatusCode::BAD_REQUEST,
            "This sign-in is over: it was finished already, took too long, or began in another browser. Begin again.",
        )
    })?;
    match query.code {
        Some(code) if !code.is_empty() => Ok((cookies, code)),
        Some(_) | None => {
            let code = query.error.unwrap_or_default();
            let reason = match query.error_description {
                Some(description) => format!("{code} ({description})"),
                None => code,
            };
            Err(UpstreamError::Refused { reason: reason.chars().take(200).collect() }.into())
        }
    }
}

async fn sign_in(
    state: &AppState,
    origin: &Origin,
    login_type: LoginType,
    cookies: &FlowCookies,
    identity: UpstreamIdentity,
    tokens: UpstreamTokens,
) -> Result<warren_app::identity::SessionToken, Failure> {
    let given = cookies.ticket.as_deref();
    let ticket = given.map(|ticket| state.app.read_ticket(ticket, cookies.flow.state.expose(), login_type));
    let ticket = ticket.transpose().map_err(ApiError::from)?.flatten();
    let arrival = Arrival { login_type, identity, tokens, ticket };
    Ok(state.app.upstream_login(origin, &arrival).await.map_err(ApiError::from)?)
}
