//! Providers, models and keys of one's own over HTTP.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::TestServer;

const PROVIDERS: &str = "/api/v2/ai/providers";
const CONFIGS: &str = "/api/experimental/chats/model-configs";
const CHOICES: &str = "/api/experimental/chats/models";
const OWN_KEYS: &str = "/api/experimental/users/me/ai-provider-keys";

#[tokio::test]
async fn the_list_of_choices_says_why_a_provider_cannot_be_used() {
    let server = TestServer::with_owner().await;
    let keyless = add(&server, json!({"type": "anthropic", "name": "claude"})).await;
    add(&server, json!({"type": "openai", "name": "byok", "settings": {"user_keys": "required"}})).await;
    add(&server, json!({"type": "google", "name": "gemini", "api_keys": ["AIza-something"]})).await;
    add(&server, json!({"type": "copilot", "name": "copilot", "base_url": "http://c.example"})).await;
    let (_, choices) = server.get(CHOICES).await;
    let of = |name: &str| {
        let all = choices["providers"].as_array().unwrap();
        all.iter().find(|one| one["provider"] == name).cloned().unwrap_or_default()
    };
    assert_eq!(of("claude")["unavailable_reason"], "missing_api_key");
    assert_eq!(of("byok")["unavailable_reason"], "user_api_key_required");
    assert_eq!((&of("gemini")["available"], of("gemini").get("unavailable_reason")), (&json!(true), None));
    assert_eq!(choices["unsupported_providers"][0]["provider"], "copilot");

    let path = format!("{OWN_KEYS}/{}", keyless["id"].as_str().unwrap());
    let (status, stored) = server.send(Method::PUT, &path, json!({"api_key": "my-own-key-0123456789"})).await;
    assert_eq!(status, StatusCode::OK, "{stored}");
    let (_, choices) = server.get(CHOICES).await;
    let claude = choices["providers"].as_array().unwrap().iter().find(|one| one["provider"] == "claude");
    assert_eq!(claude.unwrap()["available"], true, "one's own key is enough");
}

#[tokio::test]
async fn a_key_of_ones_own_is_stored_replaced_and_forgotten_but_never_shown() {
    let server = TestServer::with_owner().await;
    let provider = add(&server, json!({"type": "openai", "name": "o"})).await;
    let off = add(&server, json!({"type": "openai", "name": "off", "settings": {"user_keys": "off"}})).await;
    let path = |provider: &Value| format!("{OWN_KEYS}/{}", provider["id"].as_str().unwrap());
    let put = async |path: &str, key: &str| server.send(Method::PUT, path, json!({"api_key": key})).await;

    let (_, list) = server.get(OWN_KEYS).await;
    assert_eq!(list.as_array().unwrap().len(), 1, "a provider that takes no keys of users is not listed");
    assert_eq!(list[0]["has_user_api_key"], false);
    for key in ["sk-first-secret-0001", "sk-second-secret-0002"] {
        let (status, stored) = put(&path(&provider), key).await;
        assert_eq!((status, &stored["has_user_api_key"]), (StatusCode::OK, &json!(true)));
        assert!(!stored.to_string().contains("secret"), "{stored}");
    }
    let (_, list) = server.get(OWN_KEYS).await;
    assert_eq!(list[0]["masked"], "sk-s...0002");

    for key in ["", "two words", "line\nbreak", &"x".repeat(5000)] {
        let (status, body) = put(&path(&provider), key).await;
        assert_eq!((status, &body["validations"][0]["field"]), (StatusCode::BAD_REQUEST, &json!("api_key")));
    }
    assert_eq!(put(&path(&off), "a-good-key").await.0, StatusCode::CONFLICT);
    let unknown = format!("{OWN_KEYS}/00000000-0000-4000-8000-000000000001");
    assert_eq!(put(&unknown, "a-good-key").await.0, StatusCode::NOT_FOUND);

    for _ in 0..2 {
        let gone = server.send(Method::DELETE, &path(&provider), json!({})).await.0;
        assert_eq!(gone, StatusCode::NO_CONTENT);
    }
    assert_eq!(server.get(OWN_KEYS).await.1[0]["has_user_api_key"], false);
}

#[tokio::test]
async fn another_default_is_chosen_when_the_default_goes() {
    let server = TestServer::with_owner().await;
    let provider = add(&server, json!({"type": "openai", "name": "o"})).await;
    let model = async |name: &str| {
        let body = json!({"ai_provider_id": provider["id"], "model": name});
        server.post(CONFIGS, body).await.1["id"].as_str().unwrap().to_owned()
    };
    let (a, b) = (model("a").await, model("b").await);
    let default = async || {
        let (_, all) = server.get(CONFIGS).await;
        let all = all.as_array().unwrap().clone();
        let defaults: Vec<_> = all.into_iter().filter(|one| one["is_default"] == true).collect();
        assert!(defaults.len() <= 1);
        defaults.first().map(|one| one["id"].as_str().unwrap().to_owned())
    };
    assert_eq!(default().await.as_ref(), Some(&a));
    server.send(Method::PATCH, &format!("{CONFIGS}/{a}"), json!({"enabled": false})).await;
    assert_eq!(default().await.as_ref(), Some(&b));
    server.send(Method::DELETE, &format!("{CONFIGS}/{b}"), json!({})).await;
    assert_eq!(default().await, None, "the other one is turned off");
}

#[tokio::test]
async fn options_of_a_model_are_kept_and_wrong_ones_refused() {
    let server = TestServer::with_owner().await;
    let provider = add(&server, json!({"type": "anthropic", "name": "claude"})).await;
    let options = json!({"max_output_tokens": 1000, "top_k": 4, "presence_penalty": 0.5,
        "cost": {"input_price_per_million_tokens": "1.25"},
        "provider_options": {"anthropic": {"thinking": {"budget_tokens": 2048}}}});
    let body = json!({"ai_provider_id": provider["id"], "model": "m", "model_config": options});
    let (status, made) = server.post(CONFIGS, body).await;
    assert_eq!((status, &made["model_config"]), (StatusCode::CREATED, &options));
    for wrong in [
        json!({"temperature": 9}),
        json!({"provider_options": {"acme": {}}}),
        json!({"cost": {"input_price_per_million_tokens": "free"}}),
    ] {
        let path = format!("{CONFIGS}/{}", made["id"].as_str().unwrap());
        let (status, body) = server.send(Method::PATCH, &path, json!({"model_config": wrong})).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
    }
}

#[tokio::test]
async fn credentials_of_aws_are_refused_with_what_to_do_instead() {
    let server = TestServer::with_owner().await;
    let body =
        json!({"type": "bedrock", "name": "b", "settings": {"region": "eu-west-1", "access_key": "AKIA1"}});
    let (status, refused) = server.post(PROVIDERS, body).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(refused.to_string().contains("API key for Amazon Bedrock"), "{refused}");
    let made =
        add(&server, json!({"type": "bedrock", "name": "b", "settings": {"region": "eu-west-1"}})).await;
    assert_eq!(made["base_url"], "https://bedrock-runtime.eu-west-1.amazonaws.com");
    assert_eq!(
        (&made["settings"]["region"], &made["settings"]["_type"]),
        (&json!("eu-west-1"), &json!("bedrock"))
    );
}

async fn add(server: &TestServer, provider: Value) -> Value {
    let (status, made) = server.post(PROVIDERS, provider).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    made
}
