use reqwest::{StatusCode, Url};
use serde_json::json;
use warren_dev_idp::{Faults, Signature};

use super::{Browser, OIDC, idp, oidc, person, server};
use crate::support::TestServer;

#[tokio::test]
async fn the_cookies_of_a_sign_in_are_hidden_short_lived_and_removed_at_its_end() {
    let idp = idp().await;
    let server = server(&idp).await;
    let mut browser = Browser::new(&server);
    let begun = browser.get(OIDC).await;
    let names = ["oauth_state", "oauth_pkce_verifier", "oauth_redirect"];
    for name in names {
        let cookie = begun.set_cookies.iter().find(|cookie| cookie.starts_with(name)).unwrap();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
        assert!(cookie.contains("Max-Age=600"), "{cookie}");
    }
    let target = begun.headers["location"].to_str().unwrap();
    assert!(!target.contains(&browser.cookies["oauth_pkce_verifier"]), "the verifier stays here");
    browser.follow(target.parse().unwrap()).await;
    assert!(names.iter().all(|name| !browser.cookies.contains_key(*name)), "{:?}", browser.cookies);
    assert!(browser.cookies.contains_key("coder_session_token"));
}

#[tokio::test]
async fn cookies_are_secure_behind_https() {
    let idp = idp().await;
    let server = TestServer::owned(|config| {
        oidc(config, &idp);
        config.http.secure_auth_cookie = true;
    })
    .await;
    let begun = Browser::new(&server).get(OIDC).await;
    assert!(begun.set_cookies.iter().all(|cookie| cookie.ends_with("; Secure")), "{:?}", begun.set_cookies);
}

#[tokio::test]
async fn the_way_back_never_leaves_the_server() {
    let idp = idp().await;
    let server = server(&idp).await;
    for wanted in
        ["https://evil.example/", "//evil.example", "/\\evil.example", "/%09/evil.example", "javascript:x"]
    {
        let query = Url::parse_with_params("http://x/", [("redirect", wanted)]).unwrap();
        let mut browser = Browser::new(&server);
        let end = browser.go(&format!("{OIDC}?{}", query.query().unwrap())).await;
        assert!(end.path.starts_with('/') && !end.path.contains("//"), "{wanted}: {}", end.path);
        assert!(browser.cookies.contains_key("coder_session_token"));
    }
    // The cookie is no way around: it is checked again.
    for forged in ["aHR0cHM6Ly9ldmlsLmV4YW1wbGUv", "Ly9ldmlsLmV4YW1wbGU", "%%%"] {
        let mut browser = Browser::new(&server);
        let back = browser.visit_provider(OIDC).await;
        browser.cookies.insert(String::from("oauth_redirect"), forged.to_owned());
        assert_eq!(browser.follow(back).await.path, "/", "{forged}");
    }
}

#[tokio::test]
async fn an_answer_that_another_browser_asked_for_is_refused() {
    let idp = idp().await;
    let server = server(&idp).await;
    // The attacker signs in and sends the victim the last step, to have the victim work in the attacker's account.
    let mut attacker = Browser::new(&server);
    let back = attacker.visit_provider(OIDC).await;
    let mut victim = Browser::new(&server);
    let fresh = victim.follow(back.clone()).await;
    assert_eq!(fresh.status, StatusCode::BAD_REQUEST);
    assert!(fresh.text.contains("began in another browser"), "{}", fresh.text);
    assert!(!victim.cookies.contains_key("coder_session_token"));
    victim.get(OIDC).await;
    let with_own_cookies = victim.follow(back).await;
    assert_eq!(with_own_cookies.status, StatusCode::BAD_REQUEST);
    assert!(!victim.cookies.contains_key("coder_session_token"));
}

#[tokio::test]
async fn a_stolen_code_is_worth_nothing_without_the_verifier() {
    let idp = idp().await;
    let server = server(&idp).await;
    let mut victim = Browser::new(&server);
    let stolen = victim.visit_provider(OIDC).await;
    let code = stolen.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let mut thief = Browser::new(&server);
    let mut back = thief.visit_provider(OIDC).await;
    let state = back.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    back.query_pairs_mut().clear().append_pair("code", &code).append_pair("state", &state);
    let end = thief.follow(back).await;
    assert_eq!(end.status, StatusCode::UNAUTHORIZED);
    assert!(!thief.cookies.contains_key("coder_session_token"));
}

#[tokio::test]
async fn the_last_step_cannot_be_taken_twice() {
    let idp = idp().await;
    let server = server(&idp).await;
    let mut browser = Browser::new(&server);
    let back = browser.visit_provider(OIDC).await;
    let kept = browser.cookies.clone();
    assert_eq!(browser.follow(back.clone()).await.path, "/");
    assert_eq!(browser.follow(back.clone()).await.status, StatusCode::BAD_REQUEST);
    let mut copy = Browser::new(&server);
    copy.cookies = kept;
    assert_eq!(copy.follow(back).await.status, StatusCode::UNAUTHORIZED, "the provider takes a code once");
}

#[tokio::test]
async fn what_a_provider_says_wrongly_signs_nobody_in() {
    let idp = idp().await;
    let server = server(&idp).await;
    let fault = |change: fn(&mut Faults)| {
        let mut faults = Faults::default();
        change(&mut faults);
        faults
    };
    let cases = [
        (fault(|faults| faults.wrong_nonce = true), Signature::Ecdsa, StatusCode::UNAUTHORIZED),
        (fault(|faults| faults.wrong_audience = true), Signature::Ecdsa, StatusCode::UNAUTHORIZED),
        (fault(|faults| faults.wrong_issuer = true), Signature::Ecdsa, StatusCode::UNAUTHORIZED),
        (fault(|faults| faults.expired = true), Signature::Ecdsa, StatusCode::UNAUTHORIZED),
        (fault(|faults| faults.foreign_user_info = true), Signature::Ecdsa, StatusCode::UNAUTHORIZED),
        (fault(|faults| faults.denied = true), Signature::Ecdsa, StatusCode::UNAUTHORIZED),
        (fault(|faults| faults.no_id_token = true), Signature::Ecdsa, StatusCode::BAD_GATEWAY),
        (fault(|faults| faults.huge = true), Signature::Ecdsa, StatusCode::BAD_GATEWAY),
        (fault(|faults| faults.broken = true), Signature::Ecdsa, StatusCode::BAD_GATEWAY),
        (Faults::default(), Signature::Forged, StatusCode::UNAUTHORIZED),
        (Faults::default(), Signature::None, StatusCode::UNAUTHORIZED),
        (Faults::default(), Signature::Secret, StatusCode::UNAUTHORIZED),
    ];
    Browser::new(&server).get(OIDC).await;
    for (faults, signature, expected) in cases {
        let mut browser = Browser::new(&server);
        idp.change(|world| (world.faults, world.signature) = (faults.clone(), signature));
        let end = browser.go(OIDC).await;
        assert_eq!(end.status, expected, "{faults:?} {signature:?}: {}", end.text);
        assert!(
            end.text.starts_with("<!doctype html>") && end.text.contains("href=\"/login\""),
            "{}",
            end.text
        );
        assert!(!browser.cookies.contains_key("coder_session_token"), "{faults:?} {signature:?}");
    }
    assert_eq!(server.get("/api/v2/users").await.1["count"], 1, "no account was made");
}

#[tokio::test]
async fn an_unverified_or_foreign_address_keeps_the_user_out() {
    let idp = idp().await;
    let server = TestServer::owned(|config| {
        oidc(config, &idp);
        config.oidc.email_domain = vec![String::from("EXAMPLE.com")];
    })
    .await;
    idp.change(|world| world.person.email_verified = false);
    let unverified = Browser::new(&server).go(OIDC).await;
    assert_eq!(unverified.status, StatusCode::FORBIDDEN);
    assert!(unverified.text.contains("is not verified"), "{}", unverified.text);
    idp.change(|world| {
        world.person = person(5, "eve");
        world.person.email = String::from("eve@example.org");
    });
    let foreign = Browser::new(&server).go(OIDC).await;
    assert!(
        foreign.status == StatusCode::FORBIDDEN && foreign.text.contains("EXAMPLE.com"),
        "{}",
        foreign.text
    );
}

#[tokio::test]
async fn texts_of_the_provider_are_shown_as_text() {
    let idp = idp().await;
    let server = server(&idp).await;
    let mut browser = Browser::new(&server);
    let back = browser.visit_provider(OIDC).await;
    let state = back.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let query = Url::parse_with_params(
        "http://x/",
        [("error", "<script>alert(1)</script>"), ("error_description", "\"'&"), ("state", &state)],
    )
    .unwrap();
    let end = browser.go(&format!("{OIDC}?{}", query.query().unwrap())).await;
    assert!(end.text.contains("&lt;script&gt;") && !end.text.contains("<script"), "{}", end.text);
    assert!(end.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    // Somebody who was not sent by this server cannot have texts shown at all.
    let stranger = Browser::new(&server).go(&format!("{OIDC}?error=Call+0800-EVIL")).await;
    assert!(
        stranger.status == StatusCode::BAD_REQUEST && !stranger.text.contains("EVIL"),
        "{}",
        stranger.text
    );
}

#[tokio::test]
async fn a_provider_that_does_not_answer_is_named_as_the_reason() {
    let idp = idp().await;
    let server = server(&idp).await;
    idp.stop().await;
    let end = Browser::new(&server).go(OIDC).await;
    assert_eq!(end.status, StatusCode::BAD_GATEWAY);
    assert!(end.text.contains("cannot be reached"), "{}", end.text);
    assert_eq!(server.get("/api/v2/users/me").await.0, StatusCode::OK, "others go on");
}

#[tokio::test]
async fn no_answer_of_the_api_holds_a_token_of_the_provider() {
    let idp = idp().await;
    let server = server(&idp).await;
    let mut browser = Browser::new(&server);
    let end = browser.go(OIDC).await;
    let mut shown = format!("{end:?}");
    for path in [
        "/api/v2/users/me",
        "/api/v2/users/oidc-claims",
        "/api/v2/users/me/keys",
        "/api/v2/users/authmethods",
    ] {
        shown.push_str(&browser.get(path).await.text);
    }
    shown.push_str(&server.get("/api/v2/audit?limit=100").await.1.to_string());
    shown.push_str(&server.get("/api/v2/deployment/config").await.1.to_string());
    let secrets = idp.look(|world| world.issued_tokens());
    assert!(secrets.len() >= 2, "{}", json!(secrets));
    for secret in secrets.iter().chain([&idp.client().secret]) {
        assert!(!shown.contains(secret.as_str()), "a secret is shown");
    }
}
