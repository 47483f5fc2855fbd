//! QUIC as it is used inside the tunnel.
//!
//! Every peer address inside the tunnel is already authenticated by WireGuard: a datagram from it was made by the
//! holder of the key that the server vouches for. QUIC's TLS therefore authenticates nothing. Each process makes a
//! self-signed certificate and accepts any other; TLS only provides the keys that QUIC cannot do without.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use quinn::congestion::BbrConfig;
use quinn::crypto::rustls::{NoInitialCipherSuite, QuicClientConfig, QuicServerConfig};
use quinn::{
    ClientConfig, Endpoint, EndpointConfig, IdleTimeout, MtuDiscoveryConfig, ServerConfig, TokioRuntime,
    TransportConfig, VarInt,
};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::PrivateKeyDer;
use warren_tunnel_proto::{PAYLOAD_MAX, PAYLOAD_MIN};

use crate::{any_certificate::AnyCertificate, socket::TunnelSocket};

/// Name in certificates and handshakes; it carries no meaning.
pub(crate) const SERVER_NAME: &str = "warren-tunnel";
const ALPN: &[u8] = b"warren-tunnel-1";
/// Window per stream: 16 MiB carry 2.6 Gbit/s at a round trip of 50 ms.
const STREAM_WINDOW: u32 = 16 << 20;
const CONNECTION_WINDOW: u32 = 32 << 20;
const STREAMS_MAX: u32 = 1024;
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// A connection outlives outages up to this long.
const IDLE_MAX: VarInt = VarInt::from_u32(300_000);

/// Why QUIC could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum QuicSetUpError {
    #[error("the certificate of this process could not be made")]
    Certificate(#[source] rcgen::Error),
    #[error("the tunnel's encryption could not be configured")]
    Tls(#[source] rustls::Error),
    #[error("no cipher suite fits QUIC")]
    Cipher(#[source] NoInitialCipherSuite),
    #[error("the tunnel's datagram endpoint could not be started")]
    Endpoint(#[source] io::Error),
}

/// Starts an endpoint over the tunnel's socket. Must run inside a tokio runtime.
pub(crate) fn endpoint(socket: Arc<TunnelSocket>, accepts: bool) -> Result<Endpoint, QuicSetUpError> {
    let provider = Arc::new(provider());
    let transport = Arc::new(transport());
    let server = accepts.then(|| server_config(&provider, &transport)).transpose()?;
    let mut config = EndpointConfig::default();
    config.max_udp_payload_size(PAYLOAD_MAX as u16).expect("the inner MTU is above QUIC's minimum of 1200");
    let mut endpoint = Endpoint::new_with_abstract_socket(config, server, socket, Arc::new(TokioRuntime))
        .map_err(QuicSetUpError::Endpoint)?;
    endpoint.set_default_client_config(client_config(provider, transport)?);
    Ok(endpoint)
}

fn transport() -> TransportConfig {
    let mut discovery = MtuDiscoveryConfig::default();
    discovery.upper_bound(PAYLOAD_MAX as u16);
    let mut transport = TransportConfig::default();
    transport
        .initial_mtu(PAYLOAD_MIN as u16)
        .min_mtu(PAYLOAD_MIN as u16)
        .mtu_discovery_config(Some(discovery))
        .stream_receive_window(STREAM_WINDOW.into())
        .receive_window(CONNECTION_WINDOW.into())
        .send_window(STREAM_WINDOW.into())
        .max_concurrent_bidi_streams(STREAMS_MAX.into())
        .max_concurrent_uni_streams(0u32.into())
        .datagram_receive_buffer_size(None)
        .keep_alive_interval(Some(KEEP_ALIVE))
        .max_idle_timeout(Some(IdleTimeout::from(IDLE_MAX)))
        .congestion_controller_factory(Arc::new(BbrConfig::default()));
    transport
}

fn server_config(
    provider: &Arc<CryptoProvider>,
    transport: &Arc<TransportConfig>,
) -> Result<ServerConfig, QuicSetUpError> {
    let made =
        rcgen::generate_simple_self_signed([SERVER_NAME.to_owned()]).map_err(QuicSetUpError::Certificate)?;
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let mut tls = rustls::ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(QuicSetUpError::Tls)?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .map_err(QuicSetUpError::Tls)?;
    tls.alpn_protocols = vec![ALPN.to_vec()];
    let crypto = QuicServerConfig::try_from(tls).map_err(QuicSetUpError::Cipher)?;
    let mut config = ServerConfig::with_crypto(Arc::new(crypto));
    config.transport_config(Arc::clone(transport));
    config.migration(false);
    Ok(config)
}

fn client_config(
    provider: Arc<CryptoProvider>,
    transport: Arc<TransportConfig>,
) -> Result<ClientConfig, QuicSetUpError> {
    let verifier = Arc::new(AnyCertificate::new(Arc::clone(&provider)));
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(QuicSetUpError::Tls)?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    tls.alpn_protocols = vec![ALPN.to_vec()];
    let crypto = QuicClientConfig::try_from(tls).map_err(QuicSetUpError::Cipher)?;
    let mut config = ClientConfig::new(Arc::new(crypto));
    config.transport_config(transport);
    Ok(config)
}

/// AES-128-GCM only: QUIC needs it anyway, and it is the cheapest where AES is in hardware.
fn provider() -> CryptoProvider {
    let mut provider = rustls::crypto::ring::default_provider();
    provider.cipher_suites.retain(|suite| suite.suite() == rustls::CipherSuite::TLS13_AES_128_GCM_SHA256);
    provider
}
