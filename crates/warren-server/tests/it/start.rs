use std::time::Duration;

use warren_server::{Server, StartError};

use crate::support::{TestServer, config};

#[tokio::test]
async fn an_address_in_use_is_refused_with_one_sentence() {
    let first = TestServer::empty().await;
    let dir = tempfile::tempdir().unwrap();
    let mut taken = config(&dir);
    taken.http.address = Some(first.server.address());
    let error = Server::start(taken).await.err().unwrap();
    assert!(matches!(error, StartError::AddressInUse { .. }));
    let text = error.to_string();
    assert!(text.contains("is in use") && text.contains("--http-address"), "{text}");
}

#[tokio::test]
async fn a_data_directory_in_use_is_refused_and_free_again_after_shutdown() {
    let first = TestServer::with_owner().await;
    let error = Server::start(config(&first.dir)).await.err().unwrap();
    assert!(error.to_string().contains("another Warren server is using the data directory"), "{error}");
    let TestServer { server, client, token, dir } = first;
    server.shutdown(Duration::from_secs(10)).await;
    let again = TestServer { server: Server::start(config(&dir)).await.unwrap(), client, token, dir };
    assert_eq!(again.get("/api/v2/users/me").await.0, 200, "a session survives a restart");
}

#[tokio::test]
async fn a_deployment_whose_key_is_gone_is_not_started_with_a_new_one() {
    let TestServer { server, dir, .. } = TestServer::with_owner().await;
    server.shutdown(Duration::from_secs(10)).await;
    let key = dir.path().join("data/secret.key");
    std::fs::remove_file(&key).unwrap();
    let error = Server::start(config(&dir)).await.err().unwrap();
    assert!(error.to_string().contains("secret.key is missing; restore it"), "{error}");
    assert!(!key.exists(), "a new key was made");
}
