//! Servers that serve TLS under their public name, which is not the address by which they reach each other, and with a
//! certificate that nobody has signed.

use std::sync::Arc;

use reqwest::{Client, StatusCode, redirect::Policy};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{Connector, client_async_tls_with_config, tungstenite::client::IntoClientRequest};
use warren_server::ServerConfig;

use super::{
    REPLICAS, n_healthy, n_relayed, only_viewers,
    viewer::{Socket, Viewer},
};
use crate::{
    chats::{CHATS, create, with_model},
    serving::certificate,
    support::TestServer,
};

const NAME: &str = "warren.example";
const N_PARTS: usize = 60;

/// A server that sets things up and neither runs chats nor shows them, one that runs them, and one that has viewers.
struct Scene {
    first: TestServer,
    owner: TestServer,
    other: TestServer,
    certificate: String,
}

impl Scene {
    /// None on SQLite.
    async fn new(listen: impl Fn(&mut ServerConfig)) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let (pem, cert, key) = certificate(&directory, NAME);
        let secure = |config: &mut ServerConfig| {
            config.http.access_url = Some(format!("https://{NAME}").parse().unwrap());
            let tls = &mut config.http.tls;
            (tls.enable, tls.address) = (true, "127.0.0.1:0".parse().unwrap());
            (tls.cert_files, tls.key_files) = (vec![cert.clone()], vec![key.clone()]);
            listen(config);
        };
        let first = TestServer::owned(only_viewers).await;
        let owner = first.replica_with(secure).await?;
        let showing = first.replica_with(|config| {
            only_viewers(config);
            secure(config);
        });
        let other = showing.await.unwrap();
        first.until(REPLICAS, |body| n_healthy(body) == 3).await;
        Some(Self { first, owner, other, certificate: pem })
    }

    /// Looks at a chat on the other server, as a browser does that knows its certificate.
    async fn viewer(&self, chat: &Value) -> Viewer {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.certificate.as_bytes()).unwrap()).unwrap();
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let url = format!("wss://{NAME}{CHATS}/{}/stream", chat["id"].as_str().unwrap());
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("Coder-Session-Token", self.first.token.parse().unwrap());
        let stream = TcpStream::connect(self.other.server.tls_address().unwrap()).await.unwrap();
        let connector = Connector::Rustls(Arc::new(config));
        let opened = client_async_tls_with_config(request, stream, None, Some(connector)).await;
        let (socket, _): (Socket, _) = opened.unwrap();
        Viewer::on(socket, chat)
    }

    /// Parts of an answer come from one server to the other.
    async fn passes_parts_on(&self) {
        let step = |n| [json!({ "text": format!("{n} ") }), json!({ "barrier": format!("gate {n}") })];
        let script = json!({ "turns": [{ "steps": (0..N_PARTS).flat_map(step).collect::<Vec<_>>() }] });
        let model = with_model(&self.first, &script).await;
        let chat = create(&self.first, "count").await;
        let mut viewer = self.viewer(&chat).await;
        let (mut n, mut said) = (0, String::from("0 "));
        viewer.sees(&said).await;
        // The first ones may have come by the store.
        while n_relayed(&self.other).await == 0 {
            model.release(&format!("gate {n}"));
            n += 1;
            assert!(n < N_PARTS, "no part came from the other server");
            said.push_str(&format!("{n} "));
            viewer.sees(&said).await;
        }
        self.first.until(REPLICAS, |body| n_healthy(body) == 3).await;
    }

    async fn relay_addresses(&self) -> Vec<String> {
        let (_, body) = self.first.get(REPLICAS).await;
        let address = |one: &Value| one["relay_address"].as_str().unwrap().to_owned();
        body.as_array().unwrap().iter().map(address).collect()
    }
}

#[tokio::test]
async fn servers_that_send_everybody_to_tls_reach_each_other_without_it() {
    let Some(scene) = Scene::new(|_| {}).await else { return };
    let addresses = scene.relay_addresses().await;
    for server in [&scene.owner, &scene.other] {
        let plain = format!("http://{}/", server.server.address());
        let client = Client::builder().redirect(Policy::none()).build().unwrap();
        let answer = client.get(format!("{plain}api/v2/replicas")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::TEMPORARY_REDIRECT);
        assert!(addresses.contains(&plain), "{addresses:?}");
    }
    scene.passes_parts_on().await;
}

#[tokio::test]
async fn servers_with_nothing_but_tls_reach_each_other_whatever_their_certificate_says() {
    let Some(scene) = Scene::new(|config| config.http.address = None).await else { return };
    let addresses = scene.relay_addresses().await;
    for server in [&scene.owner, &scene.other] {
        let secure = format!("https://{}/", server.server.tls_address().unwrap());
        assert!(addresses.contains(&secure), "{addresses:?}");
    }
    scene.passes_parts_on().await;
}
