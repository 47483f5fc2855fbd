use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;
use warren_dev_idp::DevIdp;

use super::{Browser, OIDC, idp, server};
use crate::support::TestServer;

/// Signs in with an access token that has ended already, so that every use asks the provider.
async fn expired(idp: &DevIdp, server: &TestServer) -> Browser {
    idp.change(|world| world.token_seconds = Some(0));
    let mut browser = Browser::new(server);
    assert_eq!(browser.go(OIDC).await.path, "/");
    browser
}

fn refreshes(idp: &DevIdp) -> usize {
    idp.look(|world| world.calls.get("token").copied().unwrap_or_default())
}

#[tokio::test]
async fn a_use_after_the_access_tokens_end_refreshes_it_once() {
    let idp = idp().await;
    let server = server(&idp).await;
    let mut browser = expired(&idp, &server).await;
    idp.change(|world| world.token_seconds = Some(3600));
    let before = refreshes(&idp);
    browser.json("/api/v2/users/me").await;
    browser.json("/api/v2/users/me").await;
    assert_eq!(refreshes(&idp), before + 1);
}

#[tokio::test]
async fn many_uses_at_the_same_time_refresh_once() {
    let idp = idp().await;
    let server = server(&idp).await;
    let browser = expired(&idp, &server).await;
    idp.change(|world| {
        world.token_seconds = Some(3600);
        world.faults.delay_ms = 100;
    });
    let before = refreshes(&idp);
    let mut copies: Vec<_> = (0..8)
        .map(|_| {
            let mut copy = Browser::new(&server);
            copy.cookies = browser.cookies.clone();
            copy
        })
        .collect();
    let answers = futures::future::join_all(copies.iter_mut().map(|copy| copy.get("/api/v2/users/me"))).await;
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK), "{answers:?}");
    assert_eq!(
        refreshes(&idp),
        before + 1,
        "a refresh token works once, so a second use would end the session"
    );
}

#[tokio::test]
async fn a_refusal_of_the_provider_ends_the_session_and_keeps_tokens() {
    let idp = idp().await;
    let mut server = server(&idp).await;
    let mut browser = expired(&idp, &server).await;
    idp.change(|world| world.token_seconds = Some(3600));
    let token = browser.post("/api/v2/users/me/keys/tokens", json!({"token_name": "ci"})).await.json();
    let mut second = expired(&idp, &server).await;
    idp.change(|world| world.faults.no_refresh = true);
    let ended = second.get("/api/v2/users/me").await;
    assert_eq!(ended.status, StatusCode::UNAUTHORIZED, "{}", ended.text);
    assert!(ended.text.contains("has ended. Log in again"), "{}", ended.text);
    assert_eq!(browser.get("/api/v2/users/me").await.status, StatusCode::UNAUTHORIZED, "every session of it");
    server.token = token["key"].as_str().unwrap().to_owned();
    assert_eq!(server.get("/api/v2/users/me").await.1["username"], "grace");
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_ends_nothing_at_once() {
    let idp = idp().await;
    let server = server(&idp).await;
    let mut browser = expired(&idp, &server).await;
    idp.change(|world| world.faults.broken = true);
    let before = refreshes(&idp);
    browser.json("/api/v2/users/me").await;
    browser.json("/api/v2/users/me").await;
    assert_eq!(refreshes(&idp), before + 1, "the provider is left alone for a while");
}

#[tokio::test]
async fn without_a_refresh_token_the_session_ends_with_the_access_token() {
    let idp = idp().await;
    let server = server(&idp).await;
    idp.change(|world| world.gives_refresh = false);
    let mut browser = Browser::new(&server);
    browser.go(OIDC).await;
    browser.json("/api/v2/users/me").await;
    let mut short = expired(&idp, &server).await;
    assert_eq!(short.get("/api/v2/users/me").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_request_that_is_given_up_does_not_lose_the_new_tokens() {
    let idp = idp().await;
    let server = server(&idp).await;
    let mut browser = expired(&idp, &server).await;
    idp.change(|world| {
        world.token_seconds = Some(3600);
        world.faults.delay_ms = 300;
    });
    let before = refreshes(&idp);
    // The provider has the request when its count goes up; then the browser goes away.
    let given_up = async {
        while refreshes(&idp) == before {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let mut copy = Browser::new(&server);
    copy.cookies = browser.cookies.clone();
    tokio::select! {
        _ = copy.get("/api/v2/users/me") => panic!("the provider is slow"),
        () = given_up => {}
    }
    idp.change(|world| world.faults.delay_ms = 0);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while idp.look(|world| world.calls.get("token").copied().unwrap_or_default()) == before {
        assert!(tokio::time::Instant::now() < deadline);
    }
    // Whether the refresh is under way or done, the session goes on and no second one is needed.
    for _ in 0..20 {
        browser.json("/api/v2/users/me").await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(refreshes(&idp), before + 1);
}
