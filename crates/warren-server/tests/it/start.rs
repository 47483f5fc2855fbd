use std::{collections::BTreeSet, time::Duration};

use futures::future::join_all;
use warren_rt::Secret;
use warren_server::{Server, StartError};

use crate::support::{TestServer, TestSite};

#[tokio::test]
async fn an_address_in_use_is_refused_with_one_sentence() {
    let first = TestServer::empty().await;
    let site = TestSite::new().await;
    let mut taken = site.config();
    taken.http.address = Some(first.server.address());
    let error = Server::start(taken).await.err().unwrap();
    assert!(matches!(error, StartError::AddressInUse { .. }));
    let text = error.to_string();
    assert!(text.contains("is in use") && text.contains("--http-address"), "{text}");
}

#[tokio::test]
async fn a_data_directory_in_use_is_refused_and_free_again_after_shutdown() {
    let first = TestServer::with_owner().await;
    let error = Server::start(first.site.config()).await.err().unwrap();
    assert!(error.to_string().contains("another Warren server is using the data directory"), "{error}");
    let again = first.restarted().await;
    assert_eq!(again.get("/api/v2/users/me").await.0, 200, "a session survives a restart");
}

#[tokio::test]
async fn a_deployment_whose_key_is_gone_is_not_started_with_a_new_one() {
    let site = TestServer::with_owner().await.stopped().await;
    let key = site.path().join("data/secret.key");
    std::fs::remove_file(&key).unwrap();
    let error = Server::start(site.config()).await.err().unwrap();
    let text = error.to_string();
    assert!(text.contains("secret.key") && text.contains("from a backup"), "{text}");
    assert!(!key.exists(), "a new key was made");
}

#[tokio::test]
async fn two_servers_on_one_postgres_share_accounts_and_sessions() {
    let first = TestServer::with_owner().await;
    // SQLite allows one server.
    let Some(second) = first.replica().await else { return };
    assert_eq!(second.get("/api/v2/users/me").await.1["username"], "ada");
    let organization = first.get("/api/v2/organizations/default").await.1["id"].clone();
    let new = serde_json::json!({
        "email": "bob@example.com", "username": "bob", "password": "AnotherSecurePassword!",
        "login_type": "password", "organization_ids": [organization],
    });
    let (status, body) = second.post("/api/v2/users", new).await;
    assert_eq!(status, 201, "{body}");
    assert_eq!(first.get("/api/v2/users/bob").await.1["email"], "bob@example.com");
    assert_eq!(
        first.get("/api/v2/buildinfo").await.1["deployment_id"],
        second.get("/api/v2/buildinfo").await.1["deployment_id"]
    );
}

#[tokio::test]
async fn servers_that_start_at_once_on_a_new_database_are_one_deployment() {
    warren_testkit::init();
    let site = TestSite::new().await;
    if site.config().database.postgres_url.expose().is_empty() {
        // Each directory is a deployment of its own.
        return;
    }
    // Base64 of 32 bytes.
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let starting = (0..3).map(|n| {
        let mut config = site.config();
        config.database.data_dir = site.path().join(format!("data-{n}"));
        config.external_token_encryption_keys = vec![Secret::new(key.to_owned())];
        Server::start(config)
    });
    let servers: Vec<_> = join_all(starting).await.into_iter().map(Result::unwrap).collect();
    let mut deployments = BTreeSet::new();
    for server in &servers {
        let url = server.url().join("/api/v2/buildinfo").unwrap();
        let info: serde_json::Value = reqwest::get(url).await.unwrap().json().await.unwrap();
        deployments.insert(info["deployment_id"].as_str().unwrap().to_owned());
        assert!(server.needs_first_user().await.unwrap());
    }
    assert_eq!(deployments.len(), 1);
    let reader = servers[0].database().reader();
    assert_eq!(warren_db::query::replicas::list(reader).await.unwrap().len(), 3);
    assert_eq!(warren_db::query::sealing_keys::list(reader).await.unwrap().len(), 1, "one key for all");
    for server in servers {
        server.shutdown(Duration::from_secs(10)).await;
    }
}
