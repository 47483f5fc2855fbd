use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{Browser, OIDC, idp, owner, person, server};
use crate::support::{EMAIL, PASSWORD, TestServer};

async fn begin(browser: &mut Browser, password: &str) -> (StatusCode, Value) {
    let body = json!({"to_type": "oidc", "password": password});
    let answer = browser.post("/api/v2/users/me/convert-login", body).await;
    (answer.status, answer.json())
}

fn callback(begun: &Value) -> String {
    format!(
        "{OIDC}?oidc_merge_state={}&redirect=%2Fsettings%2Fsecurity",
        begun["state_string"].as_str().unwrap()
    )
}

/// The provider knows the owner under the owner's address.
async fn fixture() -> (warren_dev_idp::DevIdp, TestServer) {
    let idp = idp().await;
    let server = server(&idp).await;
    idp.change(|world| world.person = person(7, "ada"));
    (idp, server)
}

#[tokio::test]
async fn an_account_changes_from_password_to_provider() {
    let (_idp, mut server) = fixture().await;
    let (status, token) = server.post("/api/v2/users/me/keys/tokens", json!({"token_name": "ci"})).await;
    assert_eq!(status, StatusCode::CREATED, "{token}");
    let mut browser = owner(&server).await;
    let (status, begun) = begin(&mut browser, PASSWORD).await;
    assert_eq!(status, StatusCode::CREATED, "{begun}");
    assert_eq!((&begun["to_type"], begun["state_string"].as_str().unwrap().len()), (&json!("oidc"), 32));
    let before = browser.json("/api/v2/users/me").await;
    assert_eq!(begun["user_id"], before["id"]);
    let end = browser.go(&callback(&begun)).await;
    assert_eq!(end.path, "/settings/security", "{}", end.text);

    let me = browser.json("/api/v2/users/me").await;
    assert_eq!((&me["id"], &me["login_type"]), (&before["id"], &json!("oidc")));
    assert_eq!(browser.json("/api/v2/users/me/login-type").await["login_type"], "oidc");
    assert!(!browser.cookies.contains_key("coder_oauth_convert_jwt"));
    let (status, _) = server.get("/api/v2/users/me").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "sessions of the password have ended");
    server.token = token["key"].as_str().unwrap().to_owned();
    assert_eq!(server.get("/api/v2/users/me").await.0, StatusCode::OK, "tokens live on");
    let login = server.post("/api/v2/users/login", json!({"email": EMAIL, "password": PASSWORD})).await;
    assert!(login.0 == StatusCode::UNAUTHORIZED || login.0 == StatusCode::FORBIDDEN, "{login:?}");
    let again = Browser::new(&server).go(OIDC).await;
    assert_eq!(again.path, "/", "{}", again.text);
}

#[tokio::test]
async fn the_password_is_needed_and_other_peoples_accounts_are_left_alone() {
    let (_idp, server) = fixture().await;
    let mut browser = owner(&server).await;
    let (status, body) = begin(&mut browser, "wrong").await;
    assert_eq!((status, &body["validations"][0]["field"]), (StatusCode::BAD_REQUEST, &json!("password")));
    let organization = server.get("/api/v2/organizations/default").await.1["id"].clone();
    let new = json!({"email": "b@x.org", "username": "bob", "password": PASSWORD, "organization_ids": [organization]});
    assert_eq!(server.post("/api/v2/users", new).await.0, StatusCode::CREATED);
    let body = json!({"to_type": "oidc", "password": PASSWORD});
    let (status, _) = server.post("/api/v2/users/bob/convert-login", body).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let (status, body) = server
        .post("/api/v2/users/me/convert-login", json!({"to_type": "github", "password": PASSWORD}))
        .await;
    assert_eq!((status, &body["validations"][0]["field"]), (StatusCode::BAD_REQUEST, &json!("to_type")));
}

#[tokio::test]
async fn a_change_needs_the_ticket_of_the_same_browser() {
    let (_idp, server) = fixture().await;
    let mut browser = owner(&server).await;
    let (_, begun) = begin(&mut browser, PASSWORD).await;
    let other = Browser::new(&server).go(&callback(&begun)).await;
    assert_eq!(other.status, StatusCode::FORBIDDEN, "{}", other.text);

    let (_, begun) = begin(&mut browser, PASSWORD).await;
    let back = browser.visit_provider(&callback(&begun)).await;
    let ticket = browser.cookies["coder_oauth_convert_jwt"].clone();
    browser
        .cookies
        .insert(String::from("coder_oauth_convert_jwt"), format!("{}AAAA", &ticket[..ticket.len() - 4]));
    let forged = browser.follow(back).await;
    assert_eq!(forged.status, StatusCode::BAD_REQUEST, "{}", forged.text);
    assert_eq!(owner(&server).await.json("/api/v2/users/me").await["login_type"], "password");
}

#[tokio::test]
async fn a_ticket_of_another_sign_in_changes_nothing() {
    let (_idp, server) = fixture().await;
    let mut browser = owner(&server).await;
    begin(&mut browser, PASSWORD).await;
    // An ordinary sign-in in the same browser, begun without the state of the ticket.
    let end = browser.go(OIDC).await;
    assert_eq!(end.status, StatusCode::FORBIDDEN);
    assert!(end.text.contains("signs in with a password"), "{}", end.text);
}

#[tokio::test]
async fn a_person_of_another_address_or_account_is_not_linked() {
    let (idp, server) = fixture().await;
    let mut browser = owner(&server).await;
    idp.change(|world| world.person = person(8, "grace"));
    let (_, begun) = begin(&mut browser, PASSWORD).await;
    let stranger = browser.go(&callback(&begun)).await;
    assert_eq!(stranger.status, StatusCode::FORBIDDEN);
    assert!(stranger.text.contains("another e-mail address"), "{}", stranger.text);

    assert_eq!(Browser::new(&server).go(OIDC).await.path, "/");
    let mut browser = owner(&server).await;
    let (_, begun) = begin(&mut browser, PASSWORD).await;
    let taken = browser.go(&callback(&begun)).await;
    assert_eq!(taken.status, StatusCode::FORBIDDEN);
    assert!(taken.text.contains("belongs to another account"), "{}", taken.text);
}

#[tokio::test]
async fn a_made_up_state_is_refused() {
    let (_idp, server) = fixture().await;
    for state in ["short", "<script>alert(1)</script>aaaaaaa", ""] {
        let end = Browser::new(&server).get(&format!("{OIDC}?oidc_merge_state={state}")).await;
        assert_eq!(end.status, StatusCode::BAD_REQUEST, "{state}");
    }
}
