//! `users`, against the real server.

use crate::{
    accounts::{PASSWORD, Person, first_user},
    server::Running,
};

#[tokio::test]
async fn a_user_is_created_found_suspended_activated_and_deleted() {
    let server = Running::start(&[]).await;
    let ada = first_user(&server).await;
    let words = ["users", "create", "-e", "bob@example.com", "-u", "bob", "-n", "Bob B", "-p", PASSWORD];
    ada.succeed(&words).await;
    let users = ada.json(&["users", "list"]).await;
    let names: Vec<_> = users.as_array().unwrap().iter().map(|user| user["username"].clone()).collect();
    assert_eq!(names, ["ada", "bob"]);
    let table = ada.succeed(&["users", "list", "-c", "Email,username", "--search", "bob"]).await;
    assert_eq!(table.split_whitespace().collect::<Vec<_>>(), ["EMAIL", "USERNAME", "bob@example.com", "bob"]);
    assert_eq!(ada.json(&["users", "show", "bob"]).await[0]["name"], "Bob B");

    let bob = Person::new();
    let sign_in = ["login", &server.url, "--email", "bob@example.com", "--password", PASSWORD];
    bob.succeed(&sign_in).await;
    assert!(ada.run(&["users", "suspend", "bob"]).await.stderr.contains("-y"), "asks first");
    assert!(ada.succeed(&["users", "suspend", "bob", "-y"]).await.contains("bob has been suspended!"));
    assert_eq!(bob.run(&["whoami"]).await.code(), Some(1));
    assert_eq!(bob.run(&sign_in).await.code(), Some(1));
    assert!(ada.succeed(&["users", "activate", "bob", "-y"]).await.contains("bob has been activated!"));
    bob.succeed(&sign_in).await;

    assert!(ada.succeed(&["users", "delete", "bob"]).await.contains("Successfully deleted bob"));
    let done = ada.run(&["users", "show", "bob"]).await;
    assert_eq!((done.code(), done.stdout.as_str()), (Some(1), ""));
}

#[tokio::test]
async fn a_password_that_was_not_given_is_made_up_and_printed_once() {
    let server = Running::start(&[]).await;
    let ada = first_user(&server).await;
    let printed = ada.succeed(&["users", "create", "-e", "eve@example.com", "-u", "eve"]).await;
    let lines: Vec<_> = printed.lines().collect();
    assert_eq!(lines[..2], [server.url.as_str(), "eve@example.com"]);
    let eve = Person::new();
    eve.succeed(&["login", &server.url, "--email", "eve@example.com", "--password", lines[2]]).await;
}

#[tokio::test]
async fn site_roles_are_replaced() {
    let server = Running::start(&[]).await;
    let ada = first_user(&server).await;
    ada.succeed(&["users", "create", "-e", "bob@example.com", "-u", "bob", "-p", PASSWORD]).await;
    ada.succeed(&["users", "edit-roles", "bob", "--roles", "auditor,user-admin", "-y"]).await;
    let roles = ada.json(&["users", "show", "bob"]).await[0]["roles"].clone();
    let mut names: Vec<_> = roles.as_array().unwrap().iter().map(|role| role["name"].to_string()).collect();
    names.sort();
    assert_eq!(names, ["\"auditor\"", "\"user-admin\""]);
    ada.succeed(&["users", "edit-roles", "bob", "--roles", "", "-y"]).await;
    assert_eq!(ada.json(&["users", "show", "bob"]).await[0]["roles"].as_array().unwrap().len(), 0);
    let done = ada.run(&["users", "edit-roles", "bob", "--roles", "emperor", "-y"]).await;
    assert_eq!(done.code(), Some(1));
    assert!(done.stderr.contains("emperor"), "{}", done.stderr);
}

#[tokio::test]
async fn a_service_account_works_with_a_token_alone() {
    let server = Running::start(&[]).await;
    let ada = first_user(&server).await;
    ada.succeed(&["users", "create", "-u", "robot", "--service-account"]).await;
    let token = ada.succeed(&["tokens", "create", "--user", "robot", "--name", "ci"]).await;
    let words = ["--url", &server.url, "--token", token.trim(), "whoami", "-c", "username"];
    assert_eq!(Person::new().succeed(&words).await, "USERNAME\nrobot\n");
}
