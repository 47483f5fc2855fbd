use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{EMAIL, PASSWORD, TestServer, answer};

#[tokio::test]
async fn the_first_user_becomes_owner_and_a_second_is_refused() {
    let mut server = TestServer::empty().await;
    let (status, body) = server.get("/api/v2/users/first").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(body["message"].is_string());

    let first =
        json!({"email": EMAIL, "username": "ada", "password": PASSWORD, "trial_info": {"country": "x"}});
    let (status, created) = server.post("/api/v2/users/first", first.clone()).await;
    assert_eq!(status, StatusCode::CREATED, "{created}");
    assert_eq!(server.get("/api/v2/users/first").await.0, StatusCode::OK);
    assert_eq!(server.post("/api/v2/users/first", first).await.0, StatusCode::CONFLICT);

    let (_, login) =
        server.post("/api/v2/users/login", json!({"email": "ADA@example.com", "password": PASSWORD})).await;
    server.token = login["session_token"].as_str().unwrap().to_owned();
    assert_eq!(server.token.len(), 33);
    let (status, me) = server.get("/api/v2/users/me").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(me["id"], created["user_id"]);
    assert_eq!(me["roles"], json!([{"name": "owner", "display_name": "Owner"}]));
    assert_eq!(me["organization_ids"], json!([created["organization_id"]]));
    let (_, organizations) = server.get("/api/v2/users/me/organizations").await;
    assert_eq!(organizations[0]["name"], "coder");
    assert_eq!(organizations[0]["is_default"], true);
    let (_, default) = server.get("/api/v2/organizations/default").await;
    assert_eq!(default["id"], created["organization_id"]);
    assert_eq!(server.get("/api/v2/users/ada").await.1["email"], EMAIL);
}

#[tokio::test]
async fn a_weak_first_user_is_refused_field_by_field() {
    let server = TestServer::empty().await;
    let body = json!({"email": "nobody", "username": "a b", "password": "short"});
    let (status, body) = server.post("/api/v2/users/first", body).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let fields: Vec<_> =
        body["validations"].as_array().unwrap().iter().map(|one| one["field"].clone()).collect();
    assert_eq!(fields, ["email", "username", "password"]);
    let (status, body) = server.post("/api/v2/users/first", json!({"email": EMAIL})).await;
    assert_eq!((status, &body["validations"][0]["field"]), (StatusCode::BAD_REQUEST, &json!("username")));
}

#[tokio::test]
async fn wrong_credentials_get_401_with_one_sentence() {
    let mut server = TestServer::with_owner().await;
    for body in [
        json!({"email": EMAIL, "password": "wrong"}),
        json!({"email": "x@example.com", "password": PASSWORD}),
    ] {
        let (status, body) = server.post("/api/v2/users/login", body).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert_eq!(body["message"], "Incorrect email or password.");
    }
    server.token = String::from("aaaaaaaaaa-bbbbbbbbbbbbbbbbbbbbbb");
    let response = server.request(Method::GET, "/api/v2/users/me").send().await.unwrap();
    assert!(response.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer realm=\"coder\""));
    let (status, body) = answer(response).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(body["message"].as_str().unwrap().contains("Log in again"));
}

#[tokio::test]
async fn the_cookie_wins_over_the_header_and_other_sites_cannot_use_it() {
    let server = TestServer::with_owner().await;
    let cookie = format!("coder_session_token={}", server.token);
    let url = |path: &str| format!("http://{}{path}", server.server.address());
    let with_cookie = server.client.get(url("/api/v2/users/me")).header("cookie", &cookie);
    let both =
        with_cookie.header("coder-session-token", "aaaaaaaaaa-bbbbbbbbbbbbbbbbbbbbbb").send().await.unwrap();
    assert_eq!(both.status(), StatusCode::OK);
    let bad_cookie =
        server.request(Method::GET, "/api/v2/users/me").header("cookie", "coder_session_token=bad");
    assert_eq!(bad_cookie.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);

    let foreign = server.client.post(url("/api/v2/users/logout")).header("cookie", &cookie);
    let foreign = foreign.header("origin", "https://evil.example").send().await.unwrap();
    assert_eq!(foreign.status(), StatusCode::BAD_REQUEST);
    let own = server.client.post(url("/api/v2/users/logout")).header("cookie", &cookie);
    let own = own.header("origin", format!("http://{}", server.server.address())).send().await.unwrap();
    assert_eq!(own.status(), StatusCode::OK);
    assert!(own.headers()["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(server.get("/api/v2/users/me").await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_login_cookie_is_hidden_from_scripts() {
    let server = TestServer::with_owner().await;
    let body = json!({"email": EMAIL, "password": PASSWORD}).to_string();
    let response = server.request(Method::POST, "/api/v2/users/login").body(body).send().await.unwrap();
    let cookie = response.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(
        cookie.starts_with("coder_session_token=")
            && cookie.contains("HttpOnly")
            && cookie.contains("SameSite=Lax")
    );
}

#[tokio::test]
async fn an_unknown_user_or_organization_is_not_found() {
    let server = TestServer::with_owner().await;
    for path in [
        "/api/v2/users/nobody",
        "/api/v2/organizations/nowhere",
        "/api/v2/organizations/default/members/nobody",
    ] {
        assert_eq!(server.get(path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}
