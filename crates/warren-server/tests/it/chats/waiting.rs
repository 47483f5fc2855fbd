//! Chats that wait for their owner or their client.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{CHATS, Stream, organization, text, with_model};
use crate::support::TestServer;

/// A chat with a tool of the client that the model calls with each of `args` at once, up to where it waits.
async fn waiting(server: &TestServer, args: &[Value]) -> (String, Vec<Value>) {
    let tool = json!({ "name": "weather", "input_schema": { "type": "object" } });
    let request = json!({
        "organization_id": organization(server).await, "content": text("go"), "unsafe_dynamic_tools": [tool],
    });
    let (status, chat) = server.post(CHATS, request).await;
    assert_eq!(status, StatusCode::CREATED, "{chat}");
    let path = format!("{CHATS}/{}", chat["id"].as_str().unwrap());
    let mut stream = Stream::open(server, &format!("{path}/stream")).await;
    let events = stream.until(|event| event["type"] == "action_required").await;
    let calls = events.last().unwrap()["action_required"]["tool_calls"].as_array().unwrap().clone();
    assert_eq!(calls.len(), args.len());
    (path, calls)
}

async fn model(server: &TestServer, args: &[Value]) -> warren_dev_model::ScriptedModel {
    let calls: Vec<_> =
        args.iter().map(|args| json!({ "tool_call": { "name": "weather", "args": args } })).collect();
    with_model(
        server,
        &json!({ "turns": [
        { "when": { "tool_results": 0 }, "steps": calls },
        { "when": { "tool_results": args.len() }, "steps": [{ "text": "Sunny." }] },
    ] }),
    )
    .await
}

#[tokio::test]
async fn results_of_the_clients_tools_are_taken_all_at_once_and_the_chat_goes_on() {
    let server = TestServer::owned(|config| config.rate_limit.disable_all = true).await;
    let args = [json!({ "city": "Bonn" }), json!({ "city": "Rome" })];
    let _model = model(&server, &args).await;
    let (path, calls) = waiting(&server, &args).await;
    assert_eq!(server.get(&path).await.1["status"], "requires_action");
    let ids: Vec<_> = calls.iter().map(|call| call["tool_call_id"].as_str().unwrap()).collect();
    let result = |id: &str| json!({ "tool_call_id": id, "output": { "sky": "blue" }, "is_error": false });
    let post = async |results: Value| {
        server.post(&format!("{path}/tool-results"), json!({ "results": results })).await
    };
    for (wrong, results) in [
        ("nothing", json!([])),
        ("one is missing", json!([result(ids[0])])),
        ("one twice", json!([result(ids[0]), result(ids[0])])),
        ("an unexpected one", json!([result(ids[0]), result(ids[1]), result("other")])),
        ("no output", json!([{ "tool_call_id": ids[0] }])),
    ] {
        let (status, body) = post(results).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{wrong}: {body}");
    }
    let (_, approvals) = server.get(&format!("{path}/approvals")).await;
    assert_eq!(approvals, json!({ "approvals": [] }), "tools of the client need no approval");
    let both = json!([result(ids[0]), result(ids[1])]);
    let outcomes = futures::future::join(post(both.clone()), post(both.clone())).await;
    let mut statuses = [outcomes.0.0, outcomes.1.0];
    statuses.sort();
    assert_eq!(statuses, [StatusCode::NO_CONTENT, StatusCode::CONFLICT], "one wins");
    let mut stream = Stream::open(&server, &format!("{path}/stream")).await;
    stream.until(|event| event["status"]["status"] == "waiting").await;
    assert_eq!(post(both).await.0, StatusCode::CONFLICT);
    let (_, page) = server.get(&format!("{path}/messages")).await;
    assert_eq!(page["messages"][0]["content"], text("Sunny."));
}

#[tokio::test]
async fn a_call_that_a_rule_asks_about_waits_for_its_owner_and_a_denial_is_remembered() {
    let server = TestServer::owned(|config| config.rate_limit.disable_all = true).await;
    let call = json!({ "tool_call": { "name": "list_templates", "args": {} } });
    let _model = with_model(
        &server,
        &json!({ "turns": [
        { "when": { "tool_results": 0 }, "steps": [call] },
        { "when": { "tool_results": 1 }, "steps": [{ "text": "I see." }] },
    ] }),
    )
    .await;
    let rules = json!({ "rules": [{ "tool": "list_*", "action": "ask" }] });
    let rules_path = format!("{CHATS}/config/user-tool-approvals");
    assert_eq!(server.send(Method::PUT, &rules_path, rules).await.0, StatusCode::NO_CONTENT);
    let chat = super::create(&server, "go").await;
    let path = format!("{CHATS}/{}", chat["id"].as_str().unwrap());
    server.until(&path, |chat| chat["status"] == "requires_action").await;
    let (_, found) = server.get(&format!("{path}/approvals")).await;
    let asked = &found["approvals"][0];
    assert_eq!(
        (&asked["tool_name"], &asked["reason"]),
        (&json!("list_templates"), &json!("rule")),
        "{found}"
    );
    assert!(asked["args"].is_string() && asked["expires_at"].is_string() && asked["message"].is_string());

    let decide = async |decisions: Value| {
        server.post(&format!("{path}/approvals"), json!({ "decisions": decisions })).await
    };
    let answer =
        |id: &Value| json!({ "tool_call_id": id, "approve": false, "note": "Not now.", "remember": true });
    assert_eq!(decide(json!([])).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(decide(json!([answer(&json!("other"))])).await.0, StatusCode::BAD_REQUEST);
    let (status, body) = decide(json!([answer(&asked["tool_call_id"])])).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{body}");
    server.until(&path, |chat| chat["status"] == "waiting").await;
    assert_eq!(decide(json!([answer(&asked["tool_call_id"])])).await.0, StatusCode::CONFLICT);
    let (_, page) = server.get(&format!("{path}/messages")).await;
    let results = page["messages"].as_array().unwrap().iter().find(|one| one["role"] == "tool").unwrap();
    assert!(results["content"][0]["result"].to_string().contains("Not now."), "{results}");

    // The same call again is answered from memory and asks nobody.
    server.post(&format!("{path}/messages"), json!({ "content": text("again") })).await;
    server.until(&path, |chat| chat["status"] == "waiting").await;
    let (_, page) = server.get(&format!("{path}/messages")).await;
    let results = page["messages"].as_array().unwrap().iter().filter(|one| one["role"] == "tool");
    assert_eq!(results.count(), 2, "{page}");

    // What is remembered can be looked at and forgotten; then the owner is asked again.
    let remembered = format!("{path}/approval-rules");
    let rule = json!({ "tool": "list_templates", "action": "deny", "args": {} });
    assert_eq!(server.get(&remembered).await, (StatusCode::OK, json!({ "rules": [rule] })));
    let (status, _) = server.send(Method::DELETE, &remembered, json!({})).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(server.get(&remembered).await.1, json!({ "rules": [] }));
    let (_, log) = server.get("/api/v2/audit?limit=5").await;
    let newest = &log["audit_logs"][0];
    assert_eq!((&newest["resource_type"], &newest["action"]), (&json!("chat"), &json!("write")), "{log}");
    assert!(newest["diff"]["approval_rules"].is_object(), "{newest}");
    server.post(&format!("{path}/messages"), json!({ "content": text("once more") })).await;
    server.until(&path, |chat| chat["status"] == "requires_action").await;
}
