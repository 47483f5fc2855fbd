//! `tokens`, against the real server.

use crate::{
    accounts::{Person, first_user},
    server::Running,
};

#[tokio::test]
async fn a_token_is_created_used_expired_and_deleted() {
    let server = Running::start(&[]).await;
    let ada = first_user(&server).await;
    assert!(ada.run(&["tokens", "list"]).await.stderr.contains("No tokens were found"));
    assert_eq!(ada.json(&["tokens", "list"]).await, serde_json::json!([]));
    let token = ada.succeed(&["tokens", "create", "--name", "ci", "--lifetime", "2d"]).await;
    let token = token.trim();
    let listed = ada.json(&["tokens", "ls"]).await;
    assert_eq!(listed[0]["token_name"], "ci");
    assert_eq!(listed[0]["lifetime_seconds"], 2 * 86_400);
    assert_eq!(listed[0]["id"].as_str(), token.get(..10));
    assert!(!listed.to_string().contains(token), "the list shows the secret");
    let table = ada.succeed(&["tokens", "view", "ci", "-c", "name,owner"]).await;
    assert_eq!(table.split_whitespace().collect::<Vec<_>>(), ["NAME", "OWNER", "ci", "ada"]);

    let robot = Person::new();
    let using = ["--url", &server.url, "--token", token, "whoami", "-c", "username"];
    robot.succeed(&using).await;
    // A new session is made with the token, which the store does not hold.
    robot.succeed(&["login", &server.url, "--token", token]).await;
    assert_ne!(robot.succeed(&["login", "token"]).await.trim(), token);

    ada.succeed(&["tokens", "remove", token]).await;
    assert_eq!(Person::new().run(&using).await.code(), Some(1));
    assert_eq!(ada.json(&["tokens", "list"]).await, serde_json::json!([]));
    assert_eq!(ada.json(&["tokens", "list", "--include-expired"]).await[0]["token_name"], "ci");
    ada.succeed(&["tokens", "rm", "ci", "--delete"]).await;
    assert_eq!(ada.json(&["tokens", "list", "--include-expired"]).await, serde_json::json!([]));
    let done = ada.run(&["tokens", "remove", token]).await;
    assert_eq!(done.stderr, "error: there is no such token; `warren tokens list` shows yours\n");
}

#[tokio::test]
async fn a_token_with_a_scope_does_nothing_else() {
    let server = Running::start(&[]).await;
    let ada = first_user(&server).await;
    let token = ada.succeed(&["tokens", "create", "--scope", "template:read"]).await;
    let robot = Person::new();
    let run = |command: &'static [&'static str]| {
        let words =
            ["--url", &server.url, "--token", token.trim()].into_iter().chain(command.iter().copied());
        let words: Vec<String> = words.map(str::to_owned).collect();
        let robot = &robot;
        async move { robot.run(&words.iter().map(String::as_str).collect::<Vec<_>>()).await }
    };
    assert_eq!(run(&["templates", "list"]).await.code(), Some(0));
    assert_eq!(run(&["tokens", "create"]).await.code(), Some(1));
    let wrong = ada.run(&["tokens", "create", "--scope", "nonsense:read"]).await;
    assert_eq!(wrong.code(), Some(1));
    assert!(wrong.stderr.contains("nonsense"), "{}", wrong.stderr);
}

#[tokio::test]
async fn a_lifetime_beyond_the_limit_is_refused() {
    let server = Running::start(&[("CODER_MAX_ADMIN_TOKEN_LIFETIME", "48h")]).await;
    let ada = first_user(&server).await;
    assert_eq!(ada.run(&["tokens", "create", "--lifetime", "3d"]).await.code(), Some(1));
    ada.succeed(&["tokens", "create", "--lifetime", "47h"]).await;
    let done = ada.run(&["tokens", "create", "--lifetime", "soon"]).await;
    assert!(done.stderr.contains("90s, 1h30m or 7d"), "{}", done.stderr);
}

#[tokio::test]
async fn the_tokens_of_everybody_are_listed_with_their_owners() {
    let server = Running::start(&[]).await;
    let ada = first_user(&server).await;
    ada.succeed(&["users", "create", "-u", "robot", "--service-account"]).await;
    ada.succeed(&["tokens", "create", "--user", "robot", "--name", "ci"]).await;
    assert_eq!(ada.json(&["tokens", "list"]).await, serde_json::json!([]));
    let table = ada.succeed(&["tokens", "list", "--all", "-c", "owner,name"]).await;
    assert_eq!(table.split_whitespace().collect::<Vec<_>>(), ["OWNER", "NAME", "robot", "ci"]);
}
