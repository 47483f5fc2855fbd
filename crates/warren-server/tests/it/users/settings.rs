use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::people::{Person, fields, keys_of};
use crate::support::TestServer;

#[tokio::test]
async fn looks_are_kept() {
    let server = TestServer::with_owner().await;
    let path = "/api/v2/users/me/appearance";
    let unset = json!({"theme_preference": "", "theme_mode": "", "theme_light": "", "theme_dark": "",
        "terminal_font": ""});
    assert_eq!(server.get(path).await, (StatusCode::OK, unset));
    let chosen = json!({"theme_preference": "auto", "theme_mode": "sync", "theme_light": "light",
        "theme_dark": "dark-tritan", "terminal_font": "fira-code"});
    let put = async |body: Value| server.send(Method::PUT, path, body).await;
    assert_eq!(put(chosen.clone()).await, (StatusCode::OK, chosen.clone()));
    let (_, changed) = put(json!({"theme_preference": "dark", "terminal_font": ""})).await;
    assert_eq!((&changed["theme_preference"], &changed["theme_mode"]), (&json!("dark"), &json!("sync")));
    for (body, field) in [
        (json!({"theme_preference": "", "terminal_font": ""}), "theme_preference"),
        (json!({"theme_preference": "x".repeat(65), "terminal_font": ""}), "theme_preference"),
        (json!({"theme_preference": "dark", "terminal_font": "", "theme_light": "pink"}), "theme_light"),
        (json!({"theme_preference": "dark", "terminal_font": "", "theme_dark": "pink"}), "theme_dark"),
        (json!({"terminal_font": ""}), "theme_preference"),
        (json!({"theme_preference": "dark"}), "terminal_font"),
    ] {
        let (status, answer) = put(body.clone()).await;
        assert_eq!((status, fields(&answer)), (StatusCode::BAD_REQUEST, vec![field]), "{body}: {answer}");
    }
    let comic = json!({"theme_preference": "dark", "terminal_font": "comic-sans"});
    assert_eq!(put(comic).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn preferences_are_kept() {
    let server = TestServer::with_owner().await;
    let path = "/api/v2/users/me/preferences";
    let mut expected = json!({"task_notification_alert_dismissed": false, "thinking_display_mode": "auto",
        "shell_tool_display_mode": "auto", "code_diff_display_mode": "auto",
        "agent_chat_send_shortcut": "enter"});
    assert_eq!(server.get(path).await, (StatusCode::OK, expected.clone()));
    let change = json!({"task_notification_alert_dismissed": true, "thinking_display_mode": "preview"});
    expected["task_notification_alert_dismissed"] = json!(true);
    expected["thinking_display_mode"] = json!("preview");
    assert_eq!(server.send(Method::PUT, path, change).await, (StatusCode::OK, expected.clone()));
    assert_eq!(server.send(Method::PUT, path, json!({})).await, (StatusCode::OK, expected.clone()));
    for bad in [
        json!({"shell_tool_display_mode": "preview"}),
        json!({"agent_chat_send_shortcut": "tab"}),
        json!({"task_notification_alert_dismissed": "yes"}),
    ] {
        assert_eq!(server.send(Method::PUT, path, bad).await.0, StatusCode::BAD_REQUEST);
    }
    assert_eq!(server.get(path).await.1, expected);
}

#[tokio::test]
async fn settings_belong_to_their_account() {
    let server = TestServer::with_owner().await;
    let bob = Person::new(&server, "bob", &[]).await;
    for path in [
        "appearance",
        "preferences",
        "gitsshkey",
        "login-type",
        "autofill-parameters?template_id=3f2a7bd0-0000-4000-8000-000000000001",
    ] {
        assert_eq!(bob.get(&format!("/api/v2/users/me/{path}")).await.0, StatusCode::OK, "{path}");
        assert_eq!(bob.get(&format!("/api/v2/users/ada/{path}")).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(bob.get("/api/v2/users/me/login-type").await.1, json!({"login_type": "password"}));
    assert_eq!(server.get("/api/v2/users/bob/login-type").await.0, StatusCode::FORBIDDEN);
    let autofill = "/api/v2/users/me/autofill-parameters";
    assert_eq!(bob.get(autofill).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(bob.get(&format!("{autofill}?template_id=x")).await.0, StatusCode::BAD_REQUEST);
    let (status, organization) = bob.get("/api/v2/users/me/organizations/coder").await;
    assert_eq!((status, &organization["name"]), (StatusCode::OK, &json!("coder")));
    assert_eq!(bob.get("/api/v2/users/me/organizations/nowhere").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_git_key_is_made_once_and_anew_when_asked() {
    let server = TestServer::with_owner().await;
    let path = "/api/v2/users/me/gitsshkey";
    let (one, two) = tokio::join!(server.get(path), server.get(path));
    assert_eq!(one.0, StatusCode::OK, "{}", one.1);
    assert_eq!(one, two, "two first looks at the same time see one key");
    let key = one.1;
    assert_eq!(keys_of(&key), ["created_at", "public_key", "updated_at", "user_id"]);
    assert!(key["public_key"].as_str().unwrap().starts_with("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI"));
    let (status, new) = server.send(Method::PUT, path, Value::Null).await;
    assert_eq!(status, StatusCode::OK);
    assert_ne!(new["public_key"], key["public_key"]);
    assert_eq!(new["created_at"], key["created_at"]);
    assert_eq!(server.get(path).await.1, new);
}

#[tokio::test]
async fn quiet_hours_are_a_time_of_day() {
    let server = TestServer::with_owner().await;
    let path = "/api/v2/users/me/quiet-hours";
    let (status, hours) = server.get(path).await;
    assert_eq!(status, StatusCode::OK, "{hours}");
    let default = json!({"raw_schedule": "CRON_TZ=UTC 0 0 * * *", "user_set": false, "user_can_set": true,
        "time": "00:00", "timezone": "UTC", "next": hours["next"]});
    assert_eq!(hours, default);
    let schedule = "CRON_TZ=America/New_York 5 22 * * *";
    let (status, hours) = server.send(Method::PUT, path, json!({"schedule": schedule})).await;
    assert_eq!(status, StatusCode::OK, "{hours}");
    let expected = json!({"raw_schedule": schedule, "user_set": true, "user_can_set": true, "time": "22:05",
        "timezone": "America/New_York", "next": hours["next"]});
    assert_eq!(hours, expected);
    for bad in ["CRON_TZ=Mars/Base 0 0 * * *", "0 0 * * 1", "soon"] {
        let (status, answer) = server.send(Method::PUT, path, json!({"schedule": bad})).await;
        assert_eq!((status, fields(&answer)), (StatusCode::BAD_REQUEST, vec!["schedule"]), "{bad}");
    }
    let (_, reset) = server.send(Method::PUT, path, json!({"schedule": ""})).await;
    assert_eq!(reset["user_set"], false);
}
