use std::time::Duration;

use futures::StreamExt;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{client::IntoClientRequest, http::HeaderValue};

use super::people::{Person, call, login};
use crate::support::{EMAIL, PASSWORD, TestServer};

const ME: &str = "/api/v2/users/me";

#[tokio::test]
async fn forged_tokens_are_refused() {
    let server = TestServer::with_owner().await;
    let (id, secret) = server.token.split_once('-').unwrap();
    let other = if secret.starts_with('a') { 'b' } else { 'a' };
    for forged in [
        String::new(),
        id.to_owned(),
        format!("{id}-"),
        format!("{id}-{other}{}", &secret[1..]),
        format!("{id}-{}", secret.to_uppercase() + "x"),
        format!("aaaaaaaaaa-{secret}"),
        format!("{id}-{secret}-{secret}"),
        format!("{secret}-{id}"),
        "' OR 1=1 --".to_owned(),
        "x".repeat(4000),
    ] {
        let (status, body) = call(&server, &forged, Method::GET, ME, Value::Null).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{forged}: {body}");
    }
    assert_eq!(server.get(ME).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_session_ends_by_itself() {
    let server = TestServer::owned(|config| {
        config.session.duration = Duration::from_secs(2);
        config.session.disable_expiry_refresh = true;
    })
    .await;
    assert_eq!(server.get(ME).await.0, StatusCode::OK);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    loop {
        let (status, body) = server.get(ME).await;
        if status == StatusCode::UNAUTHORIZED {
            assert!(body["message"].as_str().unwrap().contains("expired"), "{body}");
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "the session goes on");
        tokio::task::yield_now().await;
    }
    login(&server, EMAIL, PASSWORD).await;
}

#[tokio::test]
async fn logging_out_ends_this_session_and_the_keys_of_applications() {
    let server = TestServer::with_owner().await;
    let bob = Person::new(&server, "bob", &[]).await;
    let other = login(&server, "bob@example.com", PASSWORD).await;
    let tokens = "/api/v2/users/me/keys/tokens";
    bob.post(tokens, json!({"token_name": "apps", "scope": "application_connect"})).await;
    bob.post(tokens, json!({"token_name": "ci"})).await;
    let url = format!("http://{}/api/v2/users/logout", server.server.address());
    let response = server.client.post(url).header("Coder-Session-Token", &bob.token).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
    assert!(cookies.iter().any(|cookie| cookie.to_str().unwrap().starts_with("coder_session_token=;")));
    assert!(cookies.iter().all(|cookie| cookie.to_str().unwrap().contains("Max-Age=0")));
    assert_eq!(bob.get(ME).await.0, StatusCode::UNAUTHORIZED);
    let (status, left) = call(&server, &other, Method::GET, tokens, Value::Null).await;
    assert_eq!(status, StatusCode::OK, "another session goes on");
    let names: Vec<_> = left.as_array().unwrap().iter().map(|key| key["token_name"].clone()).collect();
    assert_eq!(names, ["ci"]);
}

#[tokio::test]
async fn password_login_can_be_switched_off() {
    let server = TestServer::with_owner().await;
    let (_, methods) = server.get("/api/v2/users/authmethods").await;
    let expected = json!({
        "password": {"enabled": true},
        "github": {"enabled": false, "default_provider_configured": false},
        "oidc": {"enabled": false, "signInText": "OpenID Connect", "iconUrl": ""},
    });
    assert_eq!(methods, expected);
    let server = TestServer::empty_with(|config| config.session.disable_password_auth = true).await;
    assert_eq!(server.get("/api/v2/users/authmethods").await.1["password"], json!({"enabled": false}));
    let first = json!({"email": EMAIL, "username": "ada", "password": PASSWORD});
    server.post("/api/v2/users/first", first).await;
    let (status, body) =
        server.post("/api/v2/users/login", json!({"email": EMAIL, "password": PASSWORD})).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{body}");
}

#[tokio::test]
async fn an_open_connection_ends_when_its_session_does() {
    let server = TestServer::with_owner().await;
    for end in ["logout", "suspend", "delete key", "password"] {
        let name = format!("bob-{}", end.replace(' ', "-"));
        let bob = Person::new(&server, &name, &[]).await;
        let mut socket = watch_chats(&bob).await;
        let user = format!("/api/v2/users/{}", bob.id);
        let status = match end {
            "logout" => bob.post("/api/v2/users/logout", json!({})).await.0,
            "suspend" => server.send(Method::PUT, &format!("{user}/status/suspend"), Value::Null).await.0,
            "delete key" => bob.delete(&format!("{user}/keys/{}", &bob.token[..10])).await.0,
            _ => {
                let body = json!({"password": "AnotherGoodPassword?"});
                server.send(Method::PUT, &format!("{user}/password"), body).await.0
            }
        };
        assert!(status.is_success(), "{end}: {status}");
        let closed = async { while let Some(Ok(_)) = socket.next().await {} };
        tokio::time::timeout(Duration::from_secs(20), closed).await.unwrap_or_else(|_| {
            panic!("the connection goes on after {end}");
        });
    }
}

async fn watch_chats(
    person: &Person<'_>,
) -> impl futures::Stream<
    Item = Result<tokio_tungstenite::tungstenite::Message, tokio_tungstenite::tungstenite::Error>,
> + Unpin
+ use<> {
    let url = format!("ws://{}/api/experimental/chats/watch", person.server.server.address());
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("coder-session-token", HeaderValue::from_str(&person.token).unwrap());
    tokio_tungstenite::connect_async(request).await.unwrap().0
}
