use reqwest::redirect::Policy;
use serde_json::json;
use warren_dev_idp::{DevIdp, Faults, Person, Signature};

use super::*;
use crate::claims::IdentityError;

const REDIRECT: &str = "http://localhost:1/api/v2/users/oidc/callback";

async fn idp() -> DevIdp {
    // Another test may have installed it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    DevIdp::start("127.0.0.1:0".parse().unwrap()).await.unwrap()
}

fn settings(idp: &DevIdp) -> OidcSettings {
    OidcSettings {
        issuer_url: idp.issuer(),
        client_id: idp.client().id,
        client_secret: idp.client().secret.into(),
        redirect_url: REDIRECT.parse().unwrap(),
        scopes: ["openid", "profile", "email"].map(String::from).to_vec(),
        auth_url_params: vec![(String::from("access_type"), String::from("offline"))],
        ignore_user_info: false,
        skip_issuer_checks: false,
        rules: ClaimRules::default(),
    }
}

fn provider(idp: &DevIdp) -> OidcProvider {
    OidcProvider::new(settings(idp))
}

/// Goes to the provider as a browser does and comes back with the code.
async fn code(provider: &OidcProvider, flow: &FlowSecrets) -> String {
    let url = provider.authorize_url(flow).await.unwrap();
    let browser = reqwest::Client::builder().redirect(Policy::none()).build().unwrap();
    let response = browser.get(url).send().await.unwrap();
    let back: Url = response.headers()["location"].to_str().unwrap().parse().unwrap();
    let find =
        |name: &str| back.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    assert_eq!(find("state").as_ref(), Some(flow.state.expose()));
    find("code").unwrap()
}

async fn sign_in(provider: &OidcProvider) -> Result<(UpstreamIdentity, UpstreamTokens), UpstreamError> {
    let flow = FlowSecrets::random();
    let code = code(provider, &flow).await;
    provider.finish(&flow, code).await
}

#[tokio::test]
async fn a_user_is_identified_by_code_token_and_user_info() {
    let idp = idp().await;
    let info = json!({"name": "Rear Admiral Hopper", "department": "navy"}).as_object().unwrap().clone();
    idp.change(|world| world.person.user_info = info);
    let (identity, tokens) = sign_in(&provider(&idp)).await.unwrap();
    assert_eq!((identity.email.as_str(), identity.username.as_str()), ("grace@example.com", "grace"));
    assert_eq!(identity.linked_id(), format!("{}||1001", idp.issuer()));
    assert_eq!(identity.name, "Rear Admiral Hopper");
    assert_eq!(identity.claims["department"], "navy");
    assert!(!tokens.refresh.expose().is_empty());
    assert!(tokens.lifetime.unwrap() > chrono::TimeDelta::minutes(50));
    let asked = idp.look(|world| world.last_authorization.clone());
    assert_eq!((asked["access_type"].as_str(), asked["scope"].as_str()), ("offline", "openid profile email"));
    assert_eq!(asked["redirect_uri"], REDIRECT);
}

#[tokio::test]
async fn a_slash_at_the_end_of_the_issuer_does_not_matter() {
    let idp = idp().await;
    let provider =
        OidcProvider::new(OidcSettings { issuer_url: format!("{}/", idp.issuer()), ..settings(&idp) });
    let (identity, _) = sign_in(&provider).await.unwrap();
    assert_eq!(identity.issuer, idp.issuer(), "links keep the provider's own spelling");
}

#[tokio::test]
async fn user_info_can_be_left_alone() {
    let idp = idp().await;
    let provider = OidcProvider::new(OidcSettings { ignore_user_info: true, ..settings(&idp) });
    sign_in(&provider).await.unwrap();
    assert_eq!(idp.look(|world| world.calls.get("userinfo").copied()), None);
}

#[tokio::test]
async fn tokens_of_both_kinds_of_keys_are_taken_and_no_others() {
    let idp = idp().await;
    let provider = provider(&idp);
    for (signature, is_taken) in [
        (Signature::Ecdsa, true),
        (Signature::Rsa, true),
        (Signature::Forged, false),
        (Signature::None, false),
        (Signature::Secret, false),
    ] {
        idp.change(|world| world.signature = signature);
        let outcome = sign_in(&provider).await;
        assert_eq!(outcome.is_ok(), is_taken, "{signature:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn tokens_that_are_not_for_this_sign_in_are_refused() {
    let idp = idp().await;
    let provider = provider(&idp);
    for (faults, text) in [
        (Faults { wrong_nonce: true, ..Faults::default() }, "nonce"),
        (Faults { wrong_audience: true, ..Faults::default() }, "another client"),
        (Faults { wrong_issuer: true, ..Faults::default() }, "another issuer"),
        (Faults { expired: true, ..Faults::default() }, "expired"),
        (Faults { foreign_user_info: true, ..Faults::default() }, "another user"),
    ] {
        idp.change(|world| world.faults = faults);
        let error = sign_in(&provider).await.unwrap_err();
        assert!(matches!(error, UpstreamError::Token { .. }), "{error:?}");
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[tokio::test]
async fn a_token_for_several_audiences_must_name_this_client_as_its_party() {
    let idp = idp().await;
    let provider = provider(&idp);
    let client = idp.client().id;
    for (claims, is_taken) in [
        (json!({"aud": [client, "other"], "azp": client}), true),
        (json!({"aud": [client, "other"], "azp": "other"}), false),
        (json!({"aud": [client, "other"]}), false),
        (json!({"aud": client, "azp": "other"}), false),
        (json!({"aud": ["other"], "azp": client}), false),
    ] {
        idp.change(|world| world.person.claims = claims.as_object().unwrap().clone());
        assert_eq!(sign_in(&provider).await.is_ok(), is_taken, "{claims}");
    }
}

#[tokio::test]
async fn a_code_works_once_and_only_with_its_verifier() {
    let idp = idp().await;
    let provider = provider(&idp);
    let flow = FlowSecrets::random();
    let code_one = code(&provider, &flow).await;
    let thief = FlowSecrets::random();
    let refused = provider.finish(&thief, code_one).await.unwrap_err();
    assert!(matches!(refused, UpstreamError::Refused { .. }), "{refused:?}");
    let code_two = code(&provider, &flow).await;
    provider.finish(&flow, code_two.clone()).await.unwrap();
    assert!(matches!(provider.finish(&flow, code_two).await, Err(UpstreamError::Refused { .. })));
}

#[tokio::test]
async fn a_new_key_of_the_provider_is_looked_up() {
    let idp = idp().await;
    let provider = provider(&idp);
    sign_in(&provider).await.unwrap();
    idp.rotate_key();
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(6)).await;
    tokio::time::resume();
    sign_in(&provider).await.unwrap();
    assert_eq!(idp.look(|world| world.calls["keys"]), 2);
}

#[tokio::test]
async fn answers_that_are_too_large_or_broken_are_not_final() {
    let idp = idp().await;
    let provider = provider(&idp);
    let flow = FlowSecrets::random();
    let good = code(&provider, &flow).await;
    for faults in [Faults { huge: true, ..Faults::default() }, Faults { broken: true, ..Faults::default() }] {
        idp.change(|world| world.faults = faults);
        let error = provider.finish(&flow, good.clone()).await.unwrap_err();
        assert!(!error.is_final(), "{error:?}");
    }
    idp.change(|world| world.faults = Faults::default());
    provider.finish(&flow, good).await.unwrap();
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_unreachable() {
    let idp = idp().await;
    let provider = provider(&idp);
    idp.stop().await;
    let error = provider.authorize_url(&FlowSecrets::random()).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Unreachable(_)), "{error:?}");
}

#[tokio::test]
async fn an_access_token_is_refreshed_until_the_provider_refuses() {
    let idp = idp().await;
    let provider = provider(&idp);
    let (_, tokens) = sign_in(&provider).await.unwrap();
    let next = provider.refresh(&tokens.refresh).await.unwrap();
    assert_ne!(next.access.expose(), tokens.access.expose());
    let reused = provider.refresh(&tokens.refresh).await.unwrap_err();
    assert!(reused.is_final(), "{reused:?}");
    idp.change(|world| world.faults.no_refresh = true);
    assert!(provider.refresh(&next.refresh).await.unwrap_err().is_final());
    idp.change(|world| world.faults.broken = true);
    assert!(!provider.refresh(&next.refresh).await.unwrap_err().is_final());
}

#[tokio::test]
async fn an_unverified_address_keeps_the_user_out() {
    let idp = idp().await;
    let person = Person { email_verified: false, ..Person::default() };
    idp.change(|world| world.person = person);
    let error = sign_in(&provider(&idp)).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Identity(IdentityError::NotVerified { .. })), "{error:?}");
}

#[tokio::test]
async fn nothing_that_is_printed_holds_a_secret() {
    let idp = idp().await;
    let provider = provider(&idp);
    let (_, tokens) = sign_in(&provider).await.unwrap();
    let printed = format!("{:?} {tokens:?}", settings(&idp));
    for secret in [&idp.client().secret, tokens.access.expose(), tokens.refresh.expose()] {
        assert!(!printed.contains(secret.as_str()), "{printed}");
    }
}
