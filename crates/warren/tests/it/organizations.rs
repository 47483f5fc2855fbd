//! `organizations`, against the real server.

use serde_json::json;

use crate::{
    accounts::{PASSWORD, Person, first_user},
    server::Running,
};

#[tokio::test]
async fn an_organization_is_created_chosen_and_deleted() {
    let server = Running::start(&[]).await;
    let ada = first_user(&server).await;
    assert_eq!(ada.json(&["organizations", "show"]).await[0]["is_default"], true);
    let made = ada.succeed(&["organizations", "create", "ops", "-y"]).await;
    assert!(made.contains("The organization ops ("), "{made}");
    let table = ada.succeed(&["organizations", "list", "-c", "name"]).await;
    assert!(table.lines().any(|line| line == "ops"), "{table}");
    let id = ada.succeed(&["org", "show", "ops", "--only-id"]).await;
    assert_eq!(ada.json(&["organizations", "show", id.trim()]).await[0]["name"], "ops");
    // The owner sees two now, so commands must be told which one.
    let done = ada.run(&["organizations", "show"]).await;
    assert!(done.stderr.contains("choose one with --org=<name>"), "{}", done.stderr);
    assert_eq!(ada.json(&["organizations", "-O", "ops", "show"]).await[0]["name"], "ops");
    assert!(ada.succeed(&["organizations", "delete", "ops", "-y"]).await.contains("has been deleted"));
    assert_eq!(ada.run(&["organizations", "show", "ops"]).await.code(), Some(1));
}

#[tokio::test]
async fn members_come_get_roles_and_go() {
    let server = Running::start(&[]).await;
    let ada = first_user(&server).await;
    ada.succeed(&["users", "create", "-e", "bob@example.com", "-u", "bob", "-p", PASSWORD]).await;
    ada.succeed(&["organizations", "create", "ops", "-y"]).await;
    let members = ["organizations", "-O", "ops", "members"];
    let run = async |words: &[&str]| {
        let all: Vec<&str> = members.iter().chain(words).copied().collect();
        ada.succeed(&all).await
    };
    run(&["add", "bob"]).await;
    run(&["edit-roles", "bob", "organization-auditor"]).await;
    let table = run(&["list", "-c", "username,organization roles"]).await;
    let bob = table.lines().find(|line| line.starts_with("bob")).unwrap();
    assert_eq!(bob.split_whitespace().collect::<Vec<_>>(), ["bob", "organization-auditor"]);
    run(&["edit-roles", "bob"]).await;
    let all: Vec<&str> = members.iter().chain(&["list"]).copied().collect();
    let listed = ada.json(&all).await;
    let bob = listed.as_array().unwrap().iter().find(|member| member["username"] == "bob").unwrap();
    assert_eq!(bob["roles"], json!([]));
    run(&["remove", "bob"]).await;
    assert!(!run(&["list"]).await.contains("bob"));
}

#[tokio::test]
async fn a_custom_role_is_made_changed_given_and_deleted() {
    let server = Running::start(&[]).await;
    let ada = first_user(&server).await;
    let create = [
        "organizations",
        "roles",
        "create",
        "reader",
        "--display-name",
        "Reader",
        "--permission",
        "template:read",
    ];
    let asked = ada.run(&create).await;
    assert!(asked.stderr.contains("-y"), "{}", asked.stderr);
    let dry: Vec<&str> = create.iter().chain(&["--dry-run"]).copied().collect();
    assert_eq!(ada.json(&dry).await[0]["organization_permissions"].as_array().unwrap().len(), 1);
    let yes: Vec<&str> = create.iter().chain(&["-y"]).copied().collect();
    assert_eq!(ada.json(&yes).await[0]["display_name"], "Reader");
    let update =
        ["organizations", "roles", "update", "reader", "--permission", "template:read,workspace:read", "-y"];
    let updated = ada.json(&update).await;
    assert_eq!(updated[0]["organization_permissions"].as_array().unwrap().len(), 2);
    assert_eq!(updated[0]["display_name"], "Reader", "what was not given stays");
    let shown = ada.json(&["organizations", "roles", "show", "reader"]).await;
    assert_eq!(shown[0]["name"], "reader");
    ada.succeed(&["users", "create", "-e", "bob@example.com", "-u", "bob", "-p", PASSWORD]).await;
    ada.succeed(&["organizations", "members", "edit-roles", "bob", "reader"]).await;
    ada.succeed(&["organizations", "roles", "delete", "reader", "-y"]).await;
    assert_eq!(ada.json(&["organizations", "roles", "show", "reader"]).await, json!([]));
    let wrong = ["organizations", "roles", "create", "x", "--permission", "template", "-y"];
    let done = Person::run(&ada, &wrong).await;
    assert!(done.stderr.contains("TYPE:ACTION"), "{}", done.stderr);
}
