//! Signing in with real providers that run in this process, through cookies and redirects as a browser does it.

use reqwest::StatusCode;
use serde_json::json;
use warren_dev_idp::{DevIdp, Person};
use warren_server::ServerConfig;

use crate::support::{EMAIL, PASSWORD, TestServer};

mod attacks;
mod browser;
mod convert;
mod github;
mod keys;
mod sessions;
mod sync;

use browser::{Answer, Browser};

pub(crate) const OIDC: &str = "/api/v2/users/oidc/callback";

pub(crate) async fn idp() -> DevIdp {
    DevIdp::start("127.0.0.1:0".parse().unwrap()).await.unwrap()
}

/// Settings for OpenID Connect with the provider.
pub(crate) fn oidc(config: &mut ServerConfig, idp: &DevIdp) {
    config.oidc.issuer_url = idp.issuer();
    config.oidc.client_id = idp.client().id;
    config.oidc.client_secret = idp.client().secret.into();
}

/// A server with OpenID Connect and an owner who signs in with a password.
pub(crate) async fn server(idp: &DevIdp) -> TestServer {
    TestServer::owned(|config| oidc(config, idp)).await
}

fn person(id: i64, login: &str) -> Person {
    Person { id, login: login.to_owned(), email: format!("{login}@example.com"), ..Person::default() }
}

#[tokio::test]
async fn somebody_new_signs_in_gets_an_account_and_comes_back_to_it() {
    let idp = idp().await;
    let server = server(&idp).await;
    let mut browser = Browser::new(&server);
    let end = browser.go(&format!("{OIDC}?redirect=%2Fworkspaces%3Fq%3Dx")).await;
    assert_eq!(end.path, "/workspaces?q=x");
    let me = browser.json("/api/v2/users/me").await;
    assert_eq!((&me["username"], &me["email"]), (&json!("grace"), &json!("grace@example.com")));
    assert_eq!((&me["login_type"], &me["name"]), (&json!("oidc"), &json!("Grace Hopper")));
    assert_eq!((&me["roles"], &me["status"]), (&json!([]), &json!("active")));
    let organizations = browser.json("/api/v2/users/me/organizations").await;
    assert_eq!(organizations.as_array().unwrap().len(), 1);
    assert_eq!(browser.json("/api/v2/users/me/login-type").await["login_type"], "oidc");
    let claims = browser.json("/api/v2/users/oidc-claims").await["claims"].clone();
    assert_eq!((&claims["sub"], &claims["email"]), (&json!("1001"), &json!("grace@example.com")));

    let mut again = Browser::new(&server);
    idp.change(|world| world.person.name = String::from("Admiral Hopper"));
    again.go(OIDC).await;
    let same = again.json("/api/v2/users/me").await;
    assert_eq!((&same["id"], &same["name"]), (&me["id"], &json!("Admiral Hopper")));
    assert_eq!(server.get("/api/v2/users").await.1["count"], 2);
}

#[tokio::test]
async fn the_very_first_user_may_sign_in_and_owns_the_deployment() {
    let idp = idp().await;
    let server = TestServer::empty_with(|config| {
        oidc(config, &idp);
        config.oidc.allow_signups = false;
    })
    .await;
    let mut browser = Browser::new(&server);
    browser.go(OIDC).await;
    assert_eq!(browser.json("/api/v2/users/me").await["roles"][0]["name"], "owner");

    idp.change(|world| world.person = person(2, "eve"));
    let refused = Browser::new(&server).go(OIDC).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.text.contains("new accounts are not made"), "{}", refused.text);
}

#[tokio::test]
async fn the_login_page_learns_what_is_offered() {
    let idp = idp().await;
    let server = TestServer::owned(|config| {
        oidc(config, &idp);
        config.oidc.sign_in_text = String::from("Log in with Navy");
    })
    .await;
    let (_, methods) = server.get("/api/v2/users/authmethods").await;
    assert_eq!((&methods["oidc"]["enabled"], &methods["github"]["enabled"]), (&json!(true), &json!(false)));
    assert_eq!(methods["oidc"]["signInText"], "Log in with Navy");
    let github = Browser::new(&server).go("/api/v2/users/oauth2/github/callback").await;
    assert_eq!(github.status, StatusCode::NOT_FOUND);
    assert!(github.text.contains("does not offer to sign in with GitHub"), "{}", github.text);
}

#[tokio::test]
async fn names_that_are_taken_get_a_number() {
    let idp = idp().await;
    let server = server(&idp).await;
    for (id, email, expected) in [(1, "a@x.org", "ada-2"), (2, "b@x.org", "ada-3"), (3, "c@x.org", "ada-4")] {
        let person = Person { id, login: String::from("Ada"), email: email.to_owned(), ..Person::default() };
        idp.change(|world| world.person = person);
        let mut browser = Browser::new(&server);
        browser.go(OIDC).await;
        let name = browser.json("/api/v2/users/me").await["username"].as_str().unwrap().to_lowercase();
        assert_eq!(name, expected);
    }
}

#[tokio::test]
async fn the_account_of_a_password_is_not_handed_over() {
    let idp = idp().await;
    let server = server(&idp).await;
    let thief = Person { email: String::from("ADA@example.com"), ..Person::default() };
    idp.change(|world| world.person = thief);
    let end = Browser::new(&server).go(OIDC).await;
    assert_eq!(end.status, StatusCode::FORBIDDEN);
    assert!(end.text.contains("signs in with a password"), "{}", end.text);
    assert!(end.text.contains("href=\"/login\""));
}

#[tokio::test]
async fn an_account_that_an_administrator_made_is_linked_at_the_first_sign_in_only() {
    let idp = idp().await;
    let server = server(&idp).await;
    let organization = server.get("/api/v2/organizations/default").await.1["id"].clone();
    let new = json!({"email": "grace@example.com", "username": "admiral", "login_type": "oidc", "organization_ids": [organization]});
    let (status, made) = server.post("/api/v2/users", new).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let mut browser = Browser::new(&server);
    browser.go(OIDC).await;
    let me = browser.json("/api/v2/users/me").await;
    assert_eq!(
        (&me["id"], &me["username"], &me["status"]),
        (&made["id"], &json!("admiral"), &json!("active"))
    );

    idp.change(|world| world.person.id = 2002);
    let other = Browser::new(&server).go(OIDC).await;
    assert_eq!(other.status, StatusCode::FORBIDDEN);
    assert!(other.text.contains("linked to another person"), "{}", other.text);
}

#[tokio::test]
async fn a_suspended_account_is_refused_and_its_session_ends() {
    let idp = idp().await;
    let server = server(&idp).await;
    let mut browser = Browser::new(&server);
    browser.go(OIDC).await;
    let id = browser.json("/api/v2/users/me").await["id"].as_str().unwrap().to_owned();
    let (status, _) =
        server.send(reqwest::Method::PUT, &format!("/api/v2/users/{id}/status/suspend"), json!({})).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(browser.get("/api/v2/users/me").await.status, StatusCode::UNAUTHORIZED);
    let end = Browser::new(&server).go(OIDC).await;
    assert_eq!(end.status, StatusCode::UNAUTHORIZED);
    assert!(end.text.contains("suspended"), "{}", end.text);
}

#[tokio::test]
async fn a_deleted_account_leaves_its_person_free_to_start_anew() {
    let idp = idp().await;
    let server = server(&idp).await;
    let mut browser = Browser::new(&server);
    browser.go(OIDC).await;
    let id = browser.json("/api/v2/users/me").await["id"].as_str().unwrap().to_owned();
    let (status, body) =
        server.send(reqwest::Method::DELETE, &format!("/api/v2/users/{id}"), json!({})).await;
    assert!(status.is_success(), "{body}");
    let mut browser = Browser::new(&server);
    browser.go(OIDC).await;
    let me = browser.json("/api/v2/users/me").await;
    assert_eq!(me["email"], "grace@example.com");
    assert_ne!(me["id"], json!(id));
}

#[tokio::test]
async fn two_sign_ins_of_one_person_at_the_same_time_make_one_account() {
    let idp = idp().await;
    let server = server(&idp).await;
    let mut browsers: Vec<_> = (0..4).map(|_| Browser::new(&server)).collect();
    let ends: Vec<Answer> =
        futures::future::join_all(browsers.iter_mut().map(|browser| browser.go(OIDC))).await;
    assert!(ends.iter().all(|end| end.path == "/"), "{ends:?}");
    assert_eq!(server.get("/api/v2/users").await.1["count"], 2);
}

/// Signs in with the password of the owner and returns the browser.
async fn owner(server: &TestServer) -> Browser {
    let mut browser = Browser::new(server);
    let answer = browser.post("/api/v2/users/login", json!({"email": EMAIL, "password": PASSWORD})).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    browser
}
