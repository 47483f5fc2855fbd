use chrono::{DateTime, TimeDelta, Utc};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::people::{Person, call, fields};
use crate::support::TestServer;

const HOUR: i64 = 3_600_000_000_000;

fn time(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_token_has_the_fields_that_clients_read() {
    let server = TestServer::with_owner().await;
    let bob = Person::new(&server, "bob", &[]).await;
    let one = "workspace:3f2a7bd0-0000-4000-8000-000000000001";
    let body = json!({"lifetime": 48 * HOUR, "token_name": "ci", "scopes": ["workspace:read", "user:read"],
        "allow_list": [one, "user:*"]});
    let (status, made) = bob.post("/api/v2/users/me/keys/tokens", body).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let key = made["key"].as_str().unwrap();
    assert_eq!(made, json!({"key": key}));
    let (id, secret) = key.split_once('-').unwrap();
    assert_eq!((id.len(), secret.len()), (10, 22));

    let (status, shown) = bob.get("/api/v2/users/me/keys/tokens/ci").await;
    assert_eq!(status, StatusCode::OK, "{shown}");
    let created: DateTime<Utc> = time(&shown["created_at"]);
    let expected = json!({
        "id": id, "user_id": bob.id, "last_used": "0001-01-01T00:00:00Z",
        "expires_at": shown["expires_at"], "created_at": shown["created_at"],
        "updated_at": shown["created_at"], "login_type": "token", "scope": "all",
        "scopes": ["user:read", "workspace:read"], "token_name": "ci", "lifetime_seconds": 172_800,
        "allow_list": [one, "user:*"],
    });
    assert_eq!(shown, expected);
    assert_eq!(time(&shown["expires_at"]) - created, TimeDelta::hours(48));
    assert_eq!(bob.get(&format!("/api/v2/users/me/keys/{id}")).await, (StatusCode::OK, expected.clone()));
    let mut listed = expected;
    listed["username"] = json!("bob");
    assert_eq!(bob.get("/api/v2/users/me/keys/tokens").await, (StatusCode::OK, json!([listed])));
}

#[tokio::test]
async fn what_is_left_out_of_a_token_has_a_default() {
    let server = TestServer::with_owner().await;
    let bob = Person::new(&server, "bob", &[]).await;
    for body in [
        json!({}),
        json!({"lifetime": 0, "token_name": "", "scopes": null, "allow_list": null}),
        json!({"scope": "all"}),
    ] {
        let (status, made) = bob.post("/api/v2/users/me/keys/tokens", body).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        let id = made["key"].as_str().unwrap()[..10].to_owned();
        let (_, shown) = bob.get(&format!("/api/v2/users/me/keys/{id}")).await;
        assert_eq!(shown["lifetime_seconds"], 168 * 3600);
        assert_eq!((&shown["scopes"], &shown["allow_list"]), (&json!(["coder:all"]), &json!(["*:*"])));
        assert_ne!(shown["token_name"], "");
    }
    let body = json!({"scope": "application_connect"});
    let (_, made) = bob.post("/api/v2/users/me/keys/tokens", body).await;
    let id = &made["key"].as_str().unwrap()[..10];
    let (_, shown) = bob.get(&format!("/api/v2/users/me/keys/{id}")).await;
    assert_eq!(shown["scope"], "application_connect");
    assert_eq!(shown["scopes"], json!(["coder:application_connect"]));
}

#[tokio::test]
async fn what_a_token_cannot_have_is_named() {
    let server = TestServer::with_owner().await;
    for (body, field) in [
        (json!({"lifetime": -1}), "lifetime"),
        (json!({"lifetime": 1}), "lifetime"),
        (json!({"lifetime": 169 * HOUR}), "lifetime"),
        (json!({"lifetime": i64::MAX}), "lifetime"),
        (json!({"token_name": "x".repeat(65)}), "token_name"),
        (json!({"token_name": "a/b"}), "token_name"),
        (json!({"token_name": "tokenconfig"}), "token_name"),
        (json!({"scope": "everything"}), "scopes"),
        (json!({"scopes": ["user:delete"]}), "scopes"),
        (json!({"allow_list": ["workspace"]}), "allow_list"),
        (json!({"allow_list": ["tree:*"]}), "allow_list"),
    ] {
        let (status, answer) = server.post("/api/v2/users/me/keys/tokens", body.clone()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}: {answer}");
        assert_eq!(fields(&answer), [field], "{body}: {answer}");
    }
    for body in [json!({"lifetime": "1h"}), json!({"scopes": "all"}), json!({"lifetime": 1e30}), json!([])] {
        let (status, answer) = server.post("/api/v2/users/me/keys/tokens", body.clone()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}: {answer}");
    }
    assert_eq!(server.get("/api/v2/users/me/keys/tokens").await, (StatusCode::OK, json!([])));
}

#[tokio::test]
async fn the_longest_life_depends_on_the_role() {
    let server = TestServer::with_owner().await;
    let bob = Person::new(&server, "bob", &[]).await;
    let config = "/api/v2/users/me/keys/tokens/tokenconfig";
    assert_eq!(server.get(config).await, (StatusCode::OK, json!({"max_token_lifetime": 168 * HOUR})));
    assert_eq!(bob.get(config).await, (StatusCode::OK, json!({"max_token_lifetime": 876_600 * HOUR})));
    let year = json!({"lifetime": 8760 * HOUR});
    assert_eq!(server.post("/api/v2/users/me/keys/tokens", year.clone()).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(bob.post("/api/v2/users/me/keys/tokens", year.clone()).await.0, StatusCode::CREATED);
    // The account that the token is for counts, not the one that asks.
    assert_eq!(server.post("/api/v2/users/bob/keys/tokens", year).await.0, StatusCode::CREATED);
}

#[tokio::test]
async fn a_name_is_used_once_by_each_account() {
    let server = TestServer::with_owner().await;
    let bob = Person::new(&server, "bob", &[]).await;
    let body = json!({"token_name": "ci"});
    let create = || bob.post("/api/v2/users/me/keys/tokens", body.clone());
    let (one, two) = tokio::join!(create(), create());
    let mut statuses = [one.0, two.0];
    statuses.sort();
    assert_eq!(statuses, [StatusCode::CREATED, StatusCode::CONFLICT], "{} {}", one.1, two.1);
    let (status, answer) = create().await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(fields(&answer), ["name"]);
    assert_eq!(server.post("/api/v2/users/me/keys/tokens", body).await.0, StatusCode::CREATED);
}

#[tokio::test]
async fn a_key_is_deleted_or_expired_and_does_not_work_any_more() {
    let server = TestServer::with_owner().await;
    let bob = Person::new(&server, "bob", &[]).await;
    let me = "/api/v2/users/me";
    for (name, expire) in [("one", false), ("two", true)] {
        let (_, made) = bob.post("/api/v2/users/me/keys/tokens", json!({"token_name": name})).await;
        let token = made["key"].as_str().unwrap();
        let key = format!("/api/v2/users/me/keys/{}", &token[..10]);
        assert_eq!(call(&server, token, Method::GET, me, Value::Null).await.0, StatusCode::OK);
        let (status, answer) = if expire {
            bob.put(&format!("{key}/expire"), Value::Null).await
        } else {
            bob.delete(&key).await
        };
        assert_eq!((status, answer), (StatusCode::NO_CONTENT, json!("")));
        assert_eq!(call(&server, token, Method::GET, me, Value::Null).await.0, StatusCode::UNAUTHORIZED);
        let still = if expire { StatusCode::OK } else { StatusCode::NOT_FOUND };
        assert_eq!(bob.get(&key).await.0, still);
    }
    let list = async |query: &str| {
        let (_, list) = bob.get(&format!("/api/v2/users/me/keys/tokens{query}")).await;
        list.as_array().unwrap().len()
    };
    assert_eq!((list("").await, list("?include_expired=true").await), (0, 1));
    for path in ["/api/v2/users/me/keys/aaaaaaaaaa", "/api/v2/users/me/keys/x"] {
        assert_eq!(bob.get(path).await.0, StatusCode::NOT_FOUND);
        assert_eq!(bob.delete(path).await.0, StatusCode::NOT_FOUND);
        assert_eq!(bob.put(&format!("{path}/expire"), Value::Null).await.0, StatusCode::NOT_FOUND);
    }
    assert_eq!(bob.get("/api/v2/users/me/keys/tokens/nothing").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn keys_of_others_are_for_owners() {
    let server = TestServer::with_owner().await;
    let bob = Person::new(&server, "bob", &[]).await;
    let manager = Person::new(&server, "mia", &["user-admin"]).await;
    let (_, made) = bob.post("/api/v2/users/me/keys/tokens", json!({"token_name": "ci"})).await;
    let id = &made["key"].as_str().unwrap()[..10];
    for path in [
        format!("/api/v2/users/bob/keys/{id}"),
        "/api/v2/users/bob/keys/tokens".into(),
        "/api/v2/users/bob/keys/tokens/ci".into(),
        "/api/v2/users/bob/keys/tokens/tokenconfig".into(),
    ] {
        assert_eq!(manager.get(&path).await.0, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(server.get(&path).await.0, StatusCode::OK, "{path}");
    }
    let (status, _) = manager.delete(&format!("/api/v2/users/bob/keys/{id}")).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    for path in ["/api/v2/users/bob/keys", "/api/v2/users/bob/keys/tokens"] {
        assert_eq!(manager.post(path, json!({})).await.0, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(server.post(path, json!({})).await.0, StatusCode::CREATED, "{path}");
    }
    // A key is only found where it belongs.
    assert_eq!(server.get(&format!("/api/v2/users/me/keys/{id}")).await.0, StatusCode::NOT_FOUND);
    let all = "/api/v2/users/me/keys/tokens?include_all=true";
    assert_eq!(server.get(all).await.1.as_array().unwrap().len(), 2);
    assert_eq!(manager.get(all).await.1, json!([]));
}

#[tokio::test]
async fn a_session_key_works_like_a_session() {
    let server = TestServer::with_owner().await;
    let bob = Person::new(&server, "bob", &[]).await;
    let (status, made) = bob.post("/api/v2/users/me/keys", Value::Null).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let token = made["key"].as_str().unwrap();
    let (status, me) = call(&server, token, Method::GET, "/api/v2/users/me", Value::Null).await;
    assert_eq!((status, &me["username"]), (StatusCode::OK, &json!("bob")));
    let (_, shown) = bob.get(&format!("/api/v2/users/me/keys/{}", &token[..10])).await;
    assert_eq!((&shown["login_type"], &shown["lifetime_seconds"]), (&json!("password"), &json!(604_800)));
    assert_eq!(bob.get("/api/v2/users/me/keys/tokens").await.1, json!([]), "it is no named token");
}

#[tokio::test]
async fn a_narrow_token_does_only_what_it_is_for() {
    let server = TestServer::with_owner().await;
    let token = async |body: Value| {
        let (status, made) = server.post("/api/v2/users/me/keys/tokens", body).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        made["key"].as_str().unwrap().to_owned()
    };
    let reader = token(json!({"scopes": ["user:read"]})).await;
    let (status, _) = call(&server, &reader, Method::GET, "/api/v2/users/ada", Value::Null).await;
    assert_eq!(status, StatusCode::OK);
    let profile = json!({"username": "ada2", "name": ""});
    let (status, _) = call(&server, &reader, Method::PUT, "/api/v2/users/me/profile", profile).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let (_, body) = call(&server, &reader, Method::GET, "/api/v2/workspaces", Value::Null).await;
    assert_eq!(body["count"], 0);

    // A key cannot make one that may do more than itself.
    let manager = token(json!({"scopes": ["coder:apikeys.manage_self"]})).await;
    let tokens = "/api/v2/users/me/keys/tokens";
    let wide = json!({"scopes": ["coder:all"]});
    assert_eq!(call(&server, &manager, Method::POST, tokens, wide).await.0, StatusCode::FORBIDDEN);
    let session = call(&server, &manager, Method::POST, "/api/v2/users/me/keys", Value::Null).await;
    assert_eq!(session.0, StatusCode::FORBIDDEN);
    let narrow = json!({"scopes": ["api_key:read"]});
    assert_eq!(call(&server, &manager, Method::POST, tokens, narrow).await.0, StatusCode::CREATED);
}
