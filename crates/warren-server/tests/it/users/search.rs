use reqwest::StatusCode;
use serde_json::{Value, json};

use super::people::{Person, account};
use crate::support::TestServer;

/// The user names that a list holds, in its order.
fn names(body: &Value) -> Vec<&str> {
    body["users"].as_array().unwrap().iter().map(|user| user["username"].as_str().unwrap()).collect()
}

async fn add(server: &TestServer, name: &str, change: impl FnOnce(&mut Value)) {
    let mut body = account(server, name).await;
    change(&mut body);
    let (status, answer) = server.post("/api/v2/users", body).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
}

#[tokio::test]
async fn accounts_are_found_by_what_they_are() {
    let server = TestServer::with_owner().await;
    add(&server, "Bob", |body| body["name"] = json!("Robert 100%")).await;
    add(&server, "carl", |body| body["user_status"] = json!("suspended")).await;
    add(&server, "dora", |body| body["roles"] = json!(["auditor", "template-admin"])).await;
    add(&server, "eve", |body| {
        body["login_type"] = json!("none");
        body["password"] = json!("");
    })
    .await;
    for (query, expected) in [
        ("", vec!["ada", "Bob", "carl", "dora", "eve"]),
        ("bob", vec!["Bob"]),
        ("BOB", vec!["Bob"]),
        ("search:o", vec!["ada", "Bob", "carl", "dora", "eve"]),
        ("search:bob@", vec!["Bob"]),
        ("100%25", vec!["Bob"]),
        ("%25", vec!["Bob"]),
        ("a_a", vec![]),
        ("name:robert", vec!["Bob"]),
        ("status:suspended", vec!["carl"]),
        ("status:active,suspended", vec!["ada", "carl", "eve"]),
        ("role:auditor", vec!["dora"]),
        ("role:owner,template-admin", vec!["ada", "dora"]),
        ("role:audit", vec![]),
        ("role:member", vec!["ada", "Bob", "carl", "dora", "eve"]),
        ("login_type:none", vec!["eve"]),
        ("search:me", vec!["ada"]),
        ("status:dormant role:auditor", vec!["dora"]),
        ("service_account:true", vec![]),
        ("service_account:false bob", vec!["Bob"]),
        ("created_before:2001-01-01", vec![]),
        ("created_after:2001-01-01 bob", vec!["Bob"]),
        ("last_seen_after:2001-01-01", vec!["ada"]),
        ("last_seen_before:2001-01-01 search:b", vec!["Bob"]),
        ("created_after:%222001-01-01T00:00:00Z%22 carl", vec!["carl"]),
        ("github_com_user_id:7", vec![]),
    ] {
        let (status, body) = server.get(&format!("/api/v2/users?q={query}")).await;
        assert_eq!(status, StatusCode::OK, "{query}: {body}");
        assert_eq!(names(&body), expected, "{query}");
        assert_eq!(body["count"], expected.len(), "{query}");
    }
}

#[tokio::test]
async fn a_search_that_is_not_understood_is_refused() {
    let server = TestServer::with_owner().await;
    for query in [
        "q=colour:red",
        "q=status:gone",
        "q=login_type:ldap",
        "q=service_account:maybe",
        "q=created_before:yesterday",
        "q=github_com_user_id:x",
        "q=a:b:c",
        "q=:x",
        "limit=-1",
        "limit=x",
        "limit=2147483648",
        "offset=-1",
        "after_id=x",
    ] {
        let (status, body) = server.get(&format!("/api/v2/users?{query}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}: {body}");
        assert!(body["message"].is_string(), "{query}");
    }
}

#[tokio::test]
async fn pages_follow_each_other_without_gaps() {
    let server = TestServer::with_owner().await;
    for name in ["Berta", "anna", "Zoe", "carl"] {
        add(&server, name, |_| {}).await;
    }
    let order = ["ada", "anna", "Berta", "carl", "Zoe"];
    let (_, all) = server.get("/api/v2/users?limit=0").await;
    assert_eq!(names(&all), order);
    for (query, expected) in [
        ("limit=2", &order[..2]),
        ("limit=2&offset=2", &order[2..4]),
        ("offset=4", &order[4..]),
        ("limit=2&offset=9", &[][..]),
    ] {
        let (_, page) = server.get(&format!("/api/v2/users?{query}")).await;
        assert_eq!(names(&page), expected, "{query}");
        assert_eq!(page["count"], 5, "{query}: the whole list is counted");
    }
    let mut seen = Vec::new();
    let mut after = String::new();
    loop {
        let (_, page) = server.get(&format!("/api/v2/users?limit=2&after_id={after}")).await;
        let Some(last) = page["users"].as_array().unwrap().last() else { break };
        after = last["id"].as_str().unwrap().to_owned();
        seen.extend(names(&page).into_iter().map(str::to_owned));
    }
    assert_eq!(seen, order);
}

#[tokio::test]
async fn who_may_read_no_account_sees_their_own() {
    let server = TestServer::with_owner().await;
    let bob = Person::new(&server, "bob", &[]).await;
    let (status, body) = bob.get("/api/v2/users").await;
    assert_eq!((status, names(&body), &body["count"]), (StatusCode::OK, vec!["bob"], &json!(1)));
    assert_eq!(names(&bob.get("/api/v2/users?q=ada").await.1), Vec::<&str>::new());
    let auditor = Person::new(&server, "dora", &["auditor"]).await;
    assert_eq!(names(&auditor.get("/api/v2/users").await.1), ["ada", "bob", "dora"]);
}
