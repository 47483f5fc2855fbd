//! The look-alike of GitHub: its OAuth endpoints and the few API calls that say who somebody is.

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};

use crate::{
    form::{self, Form, disturbed},
    oidc::{bearer, begin, redeem, refreshed, tokens},
    world::{Person, Shared, random_text},
};

pub(crate) fn router() -> Router<Shared> {
    Router::new()
        .route("/github/login/oauth/authorize", get(authorize))
        .route("/github/login/oauth/access_token", post(token))
        .route("/github/login/device/code", post(device))
        .route("/github/api/v3/user", get(user))
        .route("/github/api/v3/user/emails", get(emails))
        .route("/github/api/v3/user/memberships/orgs", get(organizations))
        .route("/github/api/v3/orgs/{organization}/teams/{team}/memberships/{login}", get(team))
}

async fn authorize(State(shared): State<Shared>, Query(query): Query<Form>) -> Response {
    shared.called("github/authorize").await;
    begin(&shared, &query, &["user:email"])
}

/// GitHub answers 200 with the error inside.
fn refused(code: &str) -> Response {
    Json(json!({"error": code, "error_description": "said by the development provider"})).into_response()
}

async fn token(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let faults = shared.called("github/token").await;
    if let Some(response) = disturbed(&faults) {
        return response;
    }
    let form = form::parse(&body);
    if let Some(code) = form.get("device_code") {
        return poll(&shared, &form, code);
    }
    if !shared.read(|world| form::is_client(&world.client, &headers, &form)) {
        return refused("incorrect_client_credentials");
    }
    if form.get("grant_type").is_some_and(|grant| grant == "refresh_token") {
        return match refreshed(&shared, &form) {
            Some(person) => Json(tokens(&shared, &person)).into_response(),
            None => refused("bad_refresh_token"),
        };
    }
    match redeem(&shared, &form) {
        Some(grant) => Json(tokens(&shared, &grant.person)).into_response(),
        None => refused("bad_verification_code"),
    }
}

/// Answers one poll of a device sign-in, which needs no secret.
fn poll(shared: &Shared, form: &Form, code: &str) -> Response {
    let grant = form.get("grant_type").map(String::as_str);
    if grant != Some("urn:ietf:params:oauth:grant-type:device_code") {
        return refused("unsupported_grant_type");
    }
    let person = shared.write(|world| {
        if form.get("client_id") != Some(&world.client.id) || !world.devices.contains(code) {
            return Err("incorrect_device_code");
        }
        if world.faults.denied {
            return Err("access_denied");
        }
        if !world.devices_are_confirmed {
            return Err("authorization_pending");
        }
        world.devices.remove(code);
        Ok(world.person.clone())
    });
    match person {
        Ok(person) => Json(tokens(shared, &person)).into_response(),
        Err(code) => refused(code),
    }
}

async fn device(State(shared): State<Shared>, body: Bytes) -> Response {
    let faults = shared.called("github/device").await;
    if let Some(response) = disturbed(&faults) {
        return response;
    }
    let form = form::parse(&body);
    if shared.read(|world| form.get("client_id") != Some(&world.client.id)) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let code = random_text();
    shared.write(|world| world.devices.insert(code.clone()));
    Json(json!({
        "device_code": code,
        "user_code": "WDJB-MJHT",
        "verification_uri": format!("{}/github/login/device", shared.url),
        "expires_in": 900,
        "interval": 1,
    }))
    .into_response()
}

async fn user(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    answer(&shared, &headers, |person| {
        json!({"id": person.id, "login": person.login, "name": person.name, "email": null,
            "avatar_url": "https://avatars.example.com/1"})
    })
    .await
}

async fn emails(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    answer(&shared, &headers, |person| {
        json!([
            {"email": format!("{}@users.noreply.example.com", person.login), "primary": false, "verified": true},
            {"email": person.email, "primary": true, "verified": person.email_verified},
        ])
    })
    .await
}

async fn organizations(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Query(query): Query<Form>,
) -> Response {
    answer(&shared, &headers, |person| {
        let number =
            |name: &str, default| query.get(name).and_then(|text| text.parse().ok()).unwrap_or(default);
        let (length, page) = (number("per_page", 30), number("page", 1usize));
        let rows = person.organizations.iter().skip((page.max(1) - 1) * length).take(length);
        rows.map(|login| json!({"state": "active", "organization": {"login": login}})).collect()
    })
    .await
}

async fn team(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Path((organization, team, login)): Path<(String, String, String)>,
) -> Response {
    let is_in =
        |person: &Person| person.login == login && person.teams.contains(&format!("{organization}/{team}"));
    match bearer(&shared, &headers) {
        Some(person) if is_in(&person) => Json(json!({"state": "active", "role": "member"})).into_response(),
        Some(_) => StatusCode::NOT_FOUND.into_response(),
        None => StatusCode::UNAUTHORIZED.into_response(),
    }
}

async fn answer(shared: &Shared, headers: &HeaderMap, view: impl FnOnce(&Person) -> Value) -> Response {
    let faults = shared.called("github/api").await;
    if let Some(response) = disturbed(&faults) {
        return response;
    }
    match bearer(shared, headers) {
        Some(person) => Json(view(&person)).into_response(),
        None => StatusCode::UNAUTHORIZED.into_response(),
    }
}
