use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use warren_server::{Server, ServerConfig};

use super::{Browser, OIDC, idp, oidc};
use crate::support::TestServer;

fn external(config: &mut ServerConfig, bytes: &[u8]) {
    config.external_token_encryption_keys =
        bytes.iter().map(|byte| BASE64.encode([*byte; 32]).into()).collect();
}

#[tokio::test]
async fn a_server_without_the_key_of_its_secrets_does_not_start_and_says_so() {
    let idp = idp().await;
    let server = TestServer::owned(|config| {
        oidc(config, &idp);
        external(config, &[1]);
    })
    .await;
    Browser::new(&server).go(OIDC).await;
    let site = server.stopped().await;
    let mut config = site.config();
    external(&mut config, &[2]);
    let error = Server::start(config).await.err().expect("the key is missing").to_string();
    assert!(error.contains("--external-token-encryption-keys"), "{error}");
    let server = site.start(|config| external(config, &[2, 1])).await;
    assert_eq!(server.get("/api/v2/users/first").await.0, 200);
}
