//! Making chats.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{CHATS, home::Home, text};

#[tokio::test]
async fn fields_of_a_new_chat_are_checked_one_by_one() {
    let home = Home::new().await;
    let many: serde_json::Map<_, _> = (0..51).map(|n| (format!("k{n}"), json!("v"))).collect();
    let tool = |name: &str| json!({ "name": name, "input_schema": { "type": "object" } });
    let tools: Vec<_> = (0..251).map(|n| tool(&format!("t{n}"))).collect();
    for (field, value) in [
        ("organization_id", json!(Uuid::new_v4())),
        ("organization_id", json!(Uuid::nil())),
        ("content", json!([])),
        ("content", text("  \n")),
        ("content", json!([{ "type": "film" }])),
        ("content", json!([{ "type": "file", "file_id": Uuid::new_v4() }])),
        ("content", json!([{ "type": "file-reference", "file_name": "", "start_line": 1, "end_line": 2 }])),
        ("content", json!([{ "type": "file-reference", "file_name": "a", "start_line": 5, "end_line": 2 }])),
        ("system_prompt", json!("x".repeat(10_001))),
        ("workspace_id", json!(Uuid::new_v4())),
        ("model_config_id", json!(Uuid::new_v4())),
        ("labels", json!(many)),
        ("labels", json!({ "": "x" })),
        ("labels", json!({ "a b": "x" })),
        ("labels", json!({ "x".repeat(65): "x" })),
        ("labels", json!({ "x": "x".repeat(257) })),
        ("mcp_server_ids", json!([Uuid::new_v4()])),
        ("plan_mode", json!("plan")),
        ("unsafe_dynamic_tools", json!(tools)),
        ("unsafe_dynamic_tools", json!([tool("twice"), tool("twice")])),
        ("unsafe_dynamic_tools", json!([tool("")])),
        ("unsafe_dynamic_tools", json!([tool("execute")])),
    ] {
        let mut body = json!({ "organization_id": home.organization, "content": text("hello") });
        body[field] = value;
        let (status, answer) = home.server.post(CHATS, body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{field}: {answer}");
        assert_eq!(answer["validations"][0]["field"], field, "{answer}");
    }
    let big = json!({ "organization_id": home.organization, "content": text(&"x".repeat(300 * 1024)) });
    assert_eq!(home.server.post(CHATS, big).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(home.titles("").await, Vec::<String>::new(), "nothing was made");
}

#[tokio::test]
async fn what_is_allowed_at_the_edge_is_kept() {
    let home = Home::new().await;
    let tool = json!({ "name": "weather", "description": "Tells the weather.", "input_schema": { "type": "object" } });
    let body = json!({
        "organization_id": home.organization,
        "content": [{ "type": "text", "text": "one two three four five six seven" },
            { "type": "file-reference", "file_name": "a.rs", "start_line": 1, "end_line": 1, "content": "x" }],
        "system_prompt": "x".repeat(10_000),
        "labels": { "team/a.b-c_d": "" },
        "unsafe_dynamic_tools": [tool],
        "mcp_server_ids": [], "plan_mode": "",
    });
    let (status, chat) = home.server.post(CHATS, body).await;
    assert_eq!(status, StatusCode::CREATED, "{chat}");
    assert_eq!(chat["title"], "one two three four five six…");
    assert_eq!(chat["client_type"], "api");
    assert_eq!(chat["labels"], json!({ "team/a.b-c_d": "" }));
    let (_, messages) = home.server.get(&format!("{CHATS}/{}/messages", chat["id"].as_str().unwrap())).await;
    let roles: Vec<_> = messages["messages"].as_array().unwrap().iter().map(|one| &one["role"]).collect();
    assert!(!roles.contains(&&json!("system")), "system prompts are hidden");
}

#[tokio::test]
async fn a_member_without_the_right_is_refused_and_a_stranger_learns_nothing() {
    let home = Home::new().await;
    let bob = home.member("bob").await;
    let body = json!({ "organization_id": home.organization, "content": text("hello") });
    assert_eq!(home.ask(&bob, Method::POST, CHATS, body.clone()).await.0, StatusCode::CREATED);
    let path = format!("/api/v2/organizations/{}/members/bob/roles", home.organization);
    home.put(&path, json!({ "roles": ["organization-workspace-access"] })).await;
    assert_eq!(home.ask(&bob, Method::POST, CHATS, body).await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_request_that_is_sent_again_makes_one_chat() {
    let home = Home::new().await;
    let body = json!({ "organization_id": home.organization, "content": text("hello") });
    let send = async |key: &str, body: Value| {
        let request = home.server.request(Method::POST, CHATS).header("Idempotency-Key", key);
        crate::support::answer(request.json(&body).send().await.unwrap()).await
    };
    let (status, first) = send("k1", body.clone()).await;
    assert_eq!(status, StatusCode::CREATED, "{first}");
    let (status, again) = send("k1", body.clone()).await;
    assert_eq!((status, &again["id"]), (StatusCode::CREATED, &first["id"]));
    let (status, other) = send("k2", body.clone()).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_ne!(other["id"], first["id"]);
    let mut changed = body;
    changed["content"] = text("something else");
    assert_eq!(send("k1", changed.clone()).await.0, StatusCode::CONFLICT);
    assert_eq!(send("", changed.clone()).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(send(&"k".repeat(256), changed).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(home.titles("").await.len(), 2);
}

#[tokio::test]
async fn a_token_for_some_objects_cannot_reach_others_by_way_of_a_chat() {
    let home = Home::new().await;
    let path = home.chat("quiet").await;
    let token = async |name: &str, allowed: Value| {
        let body = json!({ "token_name": name, "scopes": ["coder:all"], "allow_list": allowed });
        let (status, made) = home.server.post("/api/v2/users/me/keys/tokens", body).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        made["key"].as_str().unwrap().to_owned()
    };
    let everywhere = token("everywhere", json!(["*:*"])).await;
    let (status, made) = home
        .server
        .post(
            "/api/v2/users/me/keys/tokens",
            json!({ "token_name": "watch", "scopes": ["chat:read", "chat:update", "user:read"] }),
        )
        .await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let watcher = made["key"].as_str().unwrap().to_owned();
    assert_eq!(home.ask(&watcher, Method::GET, &path, json!({})).await.0, StatusCode::OK);
    let (status, answer) =
        home.ask(&watcher, Method::POST, &format!("{path}/messages"), json!({ "content": text("x") })).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{answer}");
    let narrow = token(
        "narrow",
        json!(["chat:*", "organization:*", "user:*", format!("workspace:{}", Uuid::new_v4())]),
    )
    .await;
    assert_eq!(
        home.ask(&narrow, Method::GET, &path, json!({})).await.0,
        StatusCode::OK,
        "reading is no use of tools"
    );
    let (_, page) = home.server.get(&format!("{path}/messages")).await;
    let make = json!({ "organization_id": home.organization, "content": text("hello") });
    for (method, route, body) in [
        (Method::POST, String::from(CHATS), make.clone()),
        (Method::POST, format!("{path}/messages"), json!({ "content": text("x") })),
        (
            Method::PATCH,
            format!("{path}/messages/{}", page["messages"][0]["id"]),
            json!({ "content": text("x") }),
        ),
        (Method::POST, format!("{path}/queue/1/promote"), json!({})),
        (
            Method::POST,
            format!("{path}/approvals"),
            json!({ "decisions": [{ "tool_call_id": "c", "approve": true }] }),
        ),
        (
            Method::POST,
            format!("{path}/tool-results"),
            json!({ "results": [{ "tool_call_id": "c", "output": 1 }] }),
        ),
    ] {
        let (status, answer) = home.ask(&narrow, method, &route, body).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{route}: {answer}");
        assert!(answer["message"].as_str().unwrap().contains("without an allow list"), "{route}: {answer}");
    }
    assert_eq!(home.server.get(&path).await.1["status"], "waiting", "nothing was said");
    assert_eq!(home.ask(&everywhere, Method::POST, CHATS, make).await.0, StatusCode::CREATED);
}
