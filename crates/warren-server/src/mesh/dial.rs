//! Dialling another server.

use std::sync::Arc;

use rustls::ClientConfig;
use tokio::time::timeout;
use tokio_tungstenite::{Connector, tungstenite::protocol::WebSocketConfig};
use url::Url;
use warren_mesh_proto::{Dialled, Dialling};
use warren_tunnel::AnyCertificate;
use warren_vocab::ReplicaId;

use super::{
    HANDSHAKE_TIME, Mesh, MeshError, nonce,
    socket::{Socket, WIRE_MAX},
};

/// Where servers reach each other.
pub(crate) const PATH: &str = "/api/v2/replicas/mesh";

impl Mesh {
    /// Connects to a server at its address.
    pub(super) async fn dial(&self, peer: ReplicaId, address: &Url) -> Result<(), MeshError> {
        let dialled =
            timeout(HANDSHAKE_TIME, self.connect(peer, address)).await.unwrap_or(Err(MeshError::Silent));
        if matches!(dialled, Err(MeshError::Silent | MeshError::HungUp | MeshError::Handshake(_))) {
            // The other server may know newer keys than this one; the next dial does too.
            let _ = timeout(HANDSHAKE_TIME, self.shared.keys.again()).await;
        }
        dialled
    }

    async fn connect(&self, peer: ReplicaId, address: &Url) -> Result<(), MeshError> {
        let keys = self.shared.keys.current().await?;
        let mut socket = open(address).await?;
        let dialling = Dialling::new(self.shared.me, peer, keys, nonce());
        socket.send(dialling.hello()).await.ok_or(MeshError::HungUp)?;
        let challenge = socket.receive().await.ok_or(MeshError::HungUp)?;
        let (answer, established) = dialling.answer(&challenge)?;
        socket.send(answer).await.ok_or(MeshError::HungUp)?;
        self.adopt(established, socket, Dialled::between(self.shared.me, peer), true).map(drop)
    }
}

async fn open(address: &Url) -> Result<Socket, MeshError> {
    let unreachable = |reason: String| MeshError::Unreachable { address: address.to_string(), reason };
    let mut url = address.join(PATH).map_err(|error| unreachable(error.to_string()))?;
    let scheme = if address.scheme() == "https" { "wss" } else { "ws" };
    url.set_scheme(scheme).map_err(|()| unreachable("it is no web address".into()))?;
    let config = WebSocketConfig::default().max_message_size(Some(WIRE_MAX)).max_frame_size(Some(WIRE_MAX));
    let connecting = tokio_tungstenite::connect_async_tls_with_config(
        url.as_str(),
        Some(config),
        true,
        Some(any_certificate()),
    );
    let (socket, _) = connecting.await.map_err(|error| unreachable(error.to_string()))?;
    Ok(Socket::dialled(socket))
}

/// Accepts every certificate. Servers reach each other by addresses that no certificate names, and often under an authority
/// that only browsers were told about. Nothing hangs on it: both ends prove inside that they know the deployment's key, and
/// the frames are sealed from end to end, so that somebody in between learns no more than from plain HTTP, which is served
/// as well.
fn any_certificate() -> Connector {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate::new(provider)))
        .with_no_client_auth();
    Connector::Rustls(Arc::new(config))
}
