use reqwest::StatusCode;
use serde_json::json;
use warren_dev_idp::DevIdp;
use warren_server::ServerConfig;

use super::{Browser, idp};
use crate::support::TestServer;

const GITHUB: &str = "/api/v2/users/oauth2/github/callback";

fn settings(config: &mut ServerConfig, idp: &DevIdp) {
    config.github.client_id = idp.client().id;
    config.github.client_secret = idp.client().secret.into();
    config.github.enterprise_base_url = idp.github_url();
    config.github.allowed_orgs = vec![String::from("navy")];
    config.github.allow_signups = true;
}

#[tokio::test]
async fn a_member_of_the_organization_signs_in() {
    let idp = idp().await;
    let server = TestServer::owned(|config| settings(config, &idp)).await;
    assert_eq!(server.get("/api/v2/users/authmethods").await.1["github"]["enabled"], true);
    let mut browser = Browser::new(&server);
    assert_eq!(browser.go(&format!("{GITHUB}?redirect=/templates")).await.path, "/templates");
    let me = browser.json("/api/v2/users/me").await;
    assert_eq!((&me["username"], &me["login_type"]), (&json!("grace"), &json!("github")));
    assert_eq!(me["email"], "grace@example.com");
    assert_eq!(browser.get("/api/v2/users/oidc-claims").await.status, StatusCode::NOT_FOUND);

    // The link is by number: a new name and address are the same person.
    idp.change(|world| {
        world.person.login = String::from("ghopper");
        world.person.email = String::from("gh@example.com");
    });
    let mut again = Browser::new(&server);
    again.go(GITHUB).await;
    let same = again.json("/api/v2/users/me").await;
    assert_eq!((&same["id"], &same["email"]), (&me["id"], &json!("gh@example.com")));
}

#[tokio::test]
async fn others_are_told_which_organization_is_needed() {
    let idp = idp().await;
    let server = TestServer::owned(|config| settings(config, &idp)).await;
    idp.change(|world| world.person.organizations = vec![String::from("army")]);
    let end = Browser::new(&server).go(GITHUB).await;
    assert_eq!(end.status, StatusCode::FORBIDDEN);
    assert!(end.text.contains("navy"), "{}", end.text);
}

#[tokio::test]
async fn the_device_page_waits_for_the_code_and_is_signed_in() {
    let idp = idp().await;
    let server = TestServer::owned(|config| {
        settings(config, &idp);
        config.github.device_flow = true;
    })
    .await;
    let mut browser = Browser::new(&server);
    let page = browser.get(&format!("{GITHUB}?redirect=/templates")).await;
    let location = page.headers["location"].to_str().unwrap();
    assert!(
        location.starts_with("/login/device?state=") && location.ends_with("&redirect=%2Ftemplates"),
        "{location}"
    );
    let state = browser.cookies["oauth_state"].clone();
    let device = browser.json("/api/v2/users/oauth2/github/device").await;
    assert_eq!((&device["user_code"], &device["interval"]), (&json!("WDJB-MJHT"), &json!(1)));
    let poll = format!("{GITHUB}?code={}&state={state}", device["device_code"].as_str().unwrap());

    let stranger = Browser::new(&server).get(&poll).await;
    assert_eq!(stranger.status, StatusCode::BAD_REQUEST);
    assert_ne!(stranger.json()["detail"], "authorization_pending");
    let pending = browser.get(&poll).await;
    assert_eq!(
        (pending.status, &pending.json()["detail"]),
        (StatusCode::BAD_REQUEST, &json!("authorization_pending"))
    );
    idp.confirm_devices();
    let done = browser.get(&poll).await;
    assert_eq!((done.status, &done.json()["redirect_url"]), (StatusCode::OK, &json!("/templates")));
    assert_eq!(browser.json("/api/v2/users/me").await["username"], "grace");
    assert_eq!(browser.get(&poll).await.status, StatusCode::BAD_REQUEST, "the sign-in is over");
}

#[tokio::test]
async fn the_device_flow_is_offered_only_where_it_is_on() {
    let idp = idp().await;
    let server = TestServer::owned(|config| settings(config, &idp)).await;
    let (status, body) = server.get("/api/v2/users/oauth2/github/device").await;
    assert_eq!(status, StatusCode::NOT_FOUND, "{body}");
    assert!(body["message"].as_str().unwrap().contains("device flow"), "{body}");
}
