//! Settings of chats.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{CHATS, home::Home};

#[tokio::test]
async fn settings_of_administrators_are_kept_checked_and_hidden_from_members() {
    let home = Home::new().await;
    let bob = home.member("bob").await;
    let rule = json!({ "tool": "execute", "command": "git push*", "action": "ask" });
    let cases: &[(&str, Value, &[Value])] = &[
        (
            "system-prompt",
            json!({ "system_prompt": "Be brief." }),
            &[json!({ "system_prompt": "x".repeat(128 * 1024 + 1) })],
        ),
        ("template-allowlist", json!({ "template_ids": [] }), &[json!({ "template_ids": [Uuid::new_v4()] })]),
        (
            "tool-approvals",
            json!({ "rules": [rule] }),
            &[
                json!({ "rules": [{ "tool": "[", "action": "ask" }] }),
                json!({ "rules": [{ "tool": "", "action": "ask" }] }),
                json!({ "rules": [{ "tool": "*", "action": "maybe" }] }),
            ],
        ),
        (
            "model-override/title_generation",
            json!({ "model_config_id": home.model }),
            &[json!({ "model_config_id": Uuid::new_v4() }), json!({ "model_config_id": "x" })],
        ),
    ];
    for (name, good, wrong) in cases {
        let path = format!("{CHATS}/config/{name}");
        assert_eq!(home.put(&path, good.clone()).await.0, StatusCode::NO_CONTENT, "{name}");
        let (_, read) = home.server.get(&path).await;
        for (field, value) in good.as_object().unwrap() {
            assert_eq!(&read[field], value, "{name}");
        }
        for body in *wrong {
            assert_eq!(home.put(&path, body.clone()).await.0, StatusCode::BAD_REQUEST, "{name}");
        }
        assert_eq!(home.server.get(&path).await.1, read, "{name} is as it was");
        assert_eq!(home.ask(&bob, Method::GET, &path, json!({})).await.0, StatusCode::NOT_FOUND, "{name}");
        assert_eq!(home.ask(&bob, Method::PUT, &path, good.clone()).await.0, StatusCode::FORBIDDEN, "{name}");
    }
    let other = format!("{CHATS}/config/model-override/explore");
    assert_eq!(home.server.get(&other).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn times_and_days_are_for_everybody_to_read_and_bounded() {
    let home = Home::new().await;
    let bob = home.member("bob").await;
    let month_ms = 30 * 24 * 60 * 60 * 1000_i64;
    for (name, field, default, good, wrong) in [
        ("retention-days", "retention_days", 30, vec![0, 3650], vec![-1, 3651]),
        ("auto-archive-days", "auto_archive_days", 0, vec![1, 0], vec![-1, 3651]),
        ("workspace-ttl", "workspace_ttl_ms", 0, vec![60_000, month_ms, 0], vec![-1, 59_999, month_ms + 1]),
    ] {
        let path = format!("{CHATS}/config/{name}");
        assert_eq!(home.server.get(&path).await.1, json!({ field: default }));
        for value in good {
            assert_eq!(
                home.put(&path, json!({ field: value })).await.0,
                StatusCode::NO_CONTENT,
                "{name} {value}"
            );
            assert_eq!(home.ask(&bob, Method::GET, &path, json!({})).await.1, json!({ field: value }));
        }
        for value in wrong {
            assert_eq!(
                home.put(&path, json!({ field: value })).await.0,
                StatusCode::BAD_REQUEST,
                "{name} {value}"
            );
        }
        let (status, _) = home.ask(&bob, Method::PUT, &path, json!({ field: 1 })).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{name}");
    }
}

#[tokio::test]
async fn own_settings_belong_to_each_account() {
    let home = Home::new().await;
    let bob = home.member("bob").await;
    let prompt = format!("{CHATS}/config/user-prompt");
    let (status, kept) =
        home.ask(&bob, Method::PUT, &prompt, json!({ "custom_prompt": "  In \u{200b}verse.\n\n\n\n" })).await;
    assert_eq!((status, kept), (StatusCode::OK, json!({ "custom_prompt": "In verse." })));
    assert_eq!(home.server.get(&prompt).await.1, json!({ "custom_prompt": "" }), "not the administrator's");
    let long = json!({ "custom_prompt": "x".repeat(128 * 1024 + 1) });
    assert_eq!(home.put(&prompt, long).await.0, StatusCode::BAD_REQUEST);

    let thresholds = format!("{CHATS}/config/user-compaction-thresholds");
    let one = format!("{thresholds}/{}", home.model);
    let set = json!({ "model_config_id": home.model, "threshold_percent": 55 });
    assert_eq!(home.put(&one, json!({ "threshold_percent": 55 })).await, (StatusCode::OK, set.clone()));
    assert_eq!(home.server.get(&thresholds).await.1, json!({ "thresholds": [set] }));
    for percent in [-1, 101] {
        assert_eq!(home.put(&one, json!({ "threshold_percent": percent })).await.0, StatusCode::BAD_REQUEST);
    }
    assert_eq!(home.ask(&bob, Method::GET, &thresholds, json!({})).await.1, json!({ "thresholds": [] }));
    assert_eq!(home.server.send(Method::DELETE, &one, json!({})).await.0, StatusCode::NO_CONTENT);
    assert_eq!(home.server.get(&thresholds).await.1, json!({ "thresholds": [] }));
    let unknown = format!("{thresholds}/{}", Uuid::new_v4());
    assert_eq!(home.put(&unknown, json!({ "threshold_percent": 5 })).await.0, StatusCode::NOT_FOUND);

    let rules = format!("{CHATS}/config/user-tool-approvals");
    let mine = json!({ "rules": [{ "tool": "*_file", "path": "/etc/**", "action": "deny" }] });
    assert_eq!(home.ask(&bob, Method::PUT, &rules, mine.clone()).await.0, StatusCode::NO_CONTENT);
    assert_eq!(home.ask(&bob, Method::GET, &rules, json!({})).await.1, mine);
    assert_eq!(home.server.get(&rules).await.1, json!({ "rules": [] }));
}

#[tokio::test]
async fn older_clients_see_one_provider_of_each_type() {
    let home = Home::new().await;
    let path = format!("{CHATS}/providers");
    let body = json!({ "provider": "openrouter", "api_key": "sk-secret-secret-0001", "base_url": "http://127.0.0.1:9/v1" });
    let (status, made) = home.server.post(&path, body.clone()).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!((&made["has_api_key"], &made["source"]), (&json!(true), &json!("database")));
    assert!(!made.to_string().contains("secret-0001"));
    assert_eq!(home.server.post(&path, body).await.0, StatusCode::CONFLICT);
    let one = format!("{path}/{}", made["id"].as_str().unwrap());
    let (status, changed) = home.patch(&one, json!({ "api_key": "", "enabled": false })).await;
    assert_eq!((status, &changed["has_api_key"]), (StatusCode::OK, &json!(false)), "{changed}");
    assert_eq!(home.server.get(&path).await.1.as_array().unwrap().len(), 2);
    assert_eq!(home.server.send(Method::DELETE, &one, json!({})).await.0, StatusCode::NO_CONTENT);
    assert_eq!(home.patch(&one, json!({})).await.0, StatusCode::NOT_FOUND);
}
