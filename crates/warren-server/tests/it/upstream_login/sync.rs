use serde_json::{Value, json};
use warren_dev_idp::DevIdp;
use warren_server::ServerConfig;

use super::{Browser, OIDC, idp, oidc, person};
use crate::support::TestServer;

fn claim(idp: &DevIdp, name: &str, value: Value) {
    idp.change(|world| {
        world.person.claims.insert(name.to_owned(), value);
    });
}

async fn roles(server: &TestServer) -> Vec<String> {
    let mut browser = Browser::new(server);
    let end = browser.go(OIDC).await;
    assert_eq!(end.path, "/", "{}", end.text);
    let me = browser.json("/api/v2/users/me").await;
    me["roles"].as_array().unwrap().iter().map(|role| role["name"].as_str().unwrap().to_owned()).collect()
}

fn with_roles(config: &mut ServerConfig, idp: &DevIdp) {
    oidc(config, idp);
    config.oidc.user_role_field = String::from("groups");
    config
        .oidc
        .user_role_mapping
        .insert(String::from("admirals"), vec![String::from("owner"), String::from("auditor")]);
}

#[tokio::test]
async fn site_roles_follow_the_claims_at_every_sign_in() {
    let idp = idp().await;
    let server = TestServer::owned(|config| with_roles(config, &idp)).await;
    claim(&idp, "groups", json!(["admirals", "template-admin", "nonsense"]));
    let mut given = roles(&server).await;
    given.sort();
    assert_eq!(given, ["auditor", "owner", "template-admin"]);
    claim(&idp, "groups", json!("user-admin"));
    assert_eq!(roles(&server).await, ["user-admin"]);
    claim(&idp, "groups", Value::Null);
    assert!(roles(&server).await.is_empty());
}

#[tokio::test]
async fn the_last_owner_stays_one_whatever_the_claims_say() {
    let idp = idp().await;
    let server = TestServer::empty_with(|config| with_roles(config, &idp)).await;
    assert_eq!(roles(&server).await, ["owner"], "the first user");
    assert_eq!(roles(&server).await, ["owner"], "nobody else could give the role back");
    idp.change(|world| world.person = person(9, "chester"));
    claim(&idp, "groups", json!(["admirals"]));
    assert!(roles(&server).await.contains(&String::from("owner")));
    idp.change(|world| world.person = warren_dev_idp::Person::default());
    assert!(roles(&server).await.is_empty(), "another owner is there now");
}

#[tokio::test]
async fn memberships_follow_the_claims_at_every_sign_in() {
    let idp = idp().await;
    // The ids of organizations are known only to a running server, so a mapping of one that is not there is used as well.
    let missing = "3f2a7bd0-0000-4000-8000-000000000001";
    let server = TestServer::owned(|config| {
        oidc(config, &idp);
        config.oidc.organization_field = String::from("orgs");
        config.oidc.organization_assign_default = false;
        config.oidc.organization_mapping.insert(String::from("navy"), vec![missing.to_owned()]);
    })
    .await;
    claim(&idp, "orgs", json!(["navy", "unknown"]));
    let mut browser = Browser::new(&server);
    assert_eq!(browser.go(OIDC).await.path, "/");
    assert_eq!(browser.json("/api/v2/users/me").await["organization_ids"], json!([]));
}

#[tokio::test]
async fn everybody_can_be_kept_in_the_default_organization() {
    let idp = idp().await;
    let server = TestServer::owned(|config| {
        oidc(config, &idp);
        config.oidc.organization_field = String::from("orgs");
    })
    .await;
    let default = server.get("/api/v2/organizations/default").await.1["id"].clone();
    for _ in 0..2 {
        let mut browser = Browser::new(&server);
        browser.go(OIDC).await;
        assert_eq!(browser.json("/api/v2/users/me").await["organization_ids"], json!([default]));
    }
}
