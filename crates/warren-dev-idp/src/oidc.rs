//! The OpenID Connect endpoints.

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::Utc;
use ring::digest;
use serde_json::{Map, Value, json};

use crate::{
    form::{self, Form, back, disturbed, refused},
    world::{Faults, Grant, Person, Shared, random_text},
};

pub(crate) fn router() -> Router<Shared> {
    Router::new()
        .route("/.well-known/openid-configuration", get(configuration))
        .route("/keys", get(keys))
        .route("/authorize", get(authorize))
        .route("/token", post(token))
        .route("/userinfo", get(user_info))
}

async fn configuration(State(shared): State<Shared>) -> Response {
    let faults = shared.called("configuration").await;
    if let Some(response) = disturbed(&faults) {
        return response;
    }
    let url = &shared.url;
    Json(json!({
        "issuer": url.as_ref(),
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "userinfo_endpoint": format!("{url}/userinfo"),
        "jwks_uri": format!("{url}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256", "RS256"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": ["openid", "profile", "email"],
    }))
    .into_response()
}

async fn keys(State(shared): State<Shared>) -> Json<Value> {
    shared.called("keys").await;
    Json(shared.key().jwks())
}

async fn authorize(State(shared): State<Shared>, Query(query): Query<Form>) -> Response {
    shared.called("authorize").await;
    begin(&shared, &query, &["openid"])
}

/// Signs the current person in and sends the browser back with a code.
pub(crate) fn begin(shared: &Shared, query: &Form, scopes: &[&str]) -> Response {
    let given = |name: &str| query.get(name).cloned().unwrap_or_default();
    let scope = given("scope");
    let has_scopes = scopes.iter().all(|wanted| scope.split(' ').any(|one| one == *wanted));
    let client = shared.read(|world| world.client.id.clone());
    let fits = given("client_id") == client && given("response_type") == "code" && has_scopes;
    if !fits || given("code_challenge_method") != "S256" || given("code_challenge").len() != 43 {
        return (StatusCode::BAD_REQUEST, "the authorization request is not complete").into_response();
    }
    let (redirect_uri, state) = (given("redirect_uri"), given("state"));
    if shared.read(|world| world.faults.denied) {
        return back(&redirect_uri, &[("error", "access_denied"), ("state", &state)]);
    }
    let code = random_text();
    shared.write(|world| {
        let grant = Grant {
            person: world.person.clone(),
            redirect_uri: redirect_uri.clone(),
            challenge: given("code_challenge"),
            nonce: query.get("nonce").cloned(),
        };
        world.codes.insert(code.clone(), grant);
        world.last_authorization = query.clone();
    });
    back(&redirect_uri, &[("code", &code), ("state", &state)])
}

/// Takes a code for what it stands for, once, if the verifier fits.
pub(crate) fn redeem(shared: &Shared, form: &Form) -> Option<Grant> {
    let grant = shared.write(|world| world.codes.remove(form.get("code")?))?;
    let verifier = form.get("code_verifier")?;
    let challenge = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()));
    let fits = challenge == grant.challenge && form.get("redirect_uri") == Some(&grant.redirect_uri);
    fits.then_some(grant)
}

async fn token(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let faults = shared.called("token").await;
    if let Some(response) = disturbed(&faults) {
        return response;
    }
    let form = form::parse(&body);
    if !shared.read(|world| form::is_client(&world.client, &headers, &form)) {
        return refused(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    match form.get("grant_type").map(String::as_str) {
        Some("authorization_code") => match redeem(&shared, &form) {
            Some(grant) => {
                Json(answer(&shared, &grant.person, grant.nonce.as_deref(), &faults)).into_response()
            }
            None => refused(StatusCode::BAD_REQUEST, "invalid_grant"),
        },
        Some("refresh_token") => match refreshed(&shared, &form) {
            Some(person) => Json(answer(&shared, &person, None, &faults)).into_response(),
            None => refused(StatusCode::BAD_REQUEST, "invalid_grant"),
        },
        Some(_) | None => refused(StatusCode::BAD_REQUEST, "unsupported_grant_type"),
    }
}

/// Whom a refresh token stands for; it can be used once.
pub(crate) fn refreshed(shared: &Shared, form: &Form) -> Option<Person> {
    let token = form.get("refresh_token")?;
    shared.write(|world| if world.faults.no_refresh { None } else { world.refresh.remove(token) })
}

/// New tokens for a person, without an id token.
pub(crate) fn tokens(shared: &Shared, person: &Person) -> Map<String, Value> {
    let mut answer = Map::new();
    let access = random_text();
    answer.insert(String::from("access_token"), access.clone().into());
    answer.insert(String::from("token_type"), "Bearer".into());
    shared.write(|world| {
        world.access.insert(access, person.clone());
        if let Some(seconds) = world.token_seconds {
            answer.insert(String::from("expires_in"), seconds.into());
        }
        if world.gives_refresh {
            let refresh = random_text();
            answer.insert(String::from("refresh_token"), refresh.clone().into());
            world.refresh.insert(refresh, person.clone());
        }
    });
    answer
}

fn answer(shared: &Shared, person: &Person, nonce: Option<&str>, faults: &Faults) -> Map<String, Value> {
    let mut answer = tokens(shared, person);
    if faults.no_id_token {
        return answer;
    }
    let (client, how) = shared.read(|world| (world.client.clone(), world.signature));
    let at = Utc::now().timestamp();
    let mut claims = json!({
        "iss": if faults.wrong_issuer { "https://somebody.else.example" } else { shared.url.as_ref() },
        "aud": if faults.wrong_audience { "another-client" } else { client.id.as_str() },
        "iat": at - 1,
        "exp": if faults.expired { at - 1 } else { at + 300 },
        "sub": person.id.to_string(),
        "preferred_username": person.login,
        "name": person.name,
        "email": person.email,
        "email_verified": person.email_verified,
    });
    if let Some(claims) = claims.as_object_mut() {
        let nonce = if faults.wrong_nonce { Some("another-nonce") } else { nonce };
        claims.extend(nonce.map(|nonce| (String::from("nonce"), nonce.into())));
        claims.extend(person.claims.clone());
    }
    answer.insert(String::from("id_token"), shared.key().token(&claims, how, &client.secret).into());
    answer
}

async fn user_info(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    let faults = shared.called("userinfo").await;
    if let Some(response) = disturbed(&faults) {
        return response;
    }
    let Some(person) = bearer(&shared, &headers) else {
        return refused(StatusCode::UNAUTHORIZED, "invalid_token");
    };
    let subject = if faults.foreign_user_info { String::from("666") } else { person.id.to_string() };
    let mut claims = Map::new();
    claims.insert(String::from("sub"), subject.into());
    claims.extend(person.user_info);
    Json(claims).into_response()
}

/// Whom the access token of a request stands for.
pub(crate) fn bearer(shared: &Shared, headers: &HeaderMap) -> Option<Person> {
    let token = headers.get("authorization")?.to_str().ok()?.strip_prefix("Bearer ")?;
    shared.read(|world| world.access.get(token).cloned())
}
