//! The SSH server of tunnel ports 1 and 22.
//!
//! Owns the handshake, the host key and which channels exist. Nobody authenticates here: whoever reaches the port
//! through the tunnel was authorised by the server. Must therefore never listen on a socket.

use std::sync::Arc;
use std::time::Duration;

use russh::keys::PrivateKey;
use russh::keys::ssh_key::private::{Ed25519Keypair, Ed25519PrivateKey, KeypairData};
use russh::server::{Auth, ChannelOpenHandle, Config, Handler, Msg, Session};
use russh::{Channel, ChannelId, ChannelOpenFailure, MethodKind, MethodSet, SshId};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use warren_rt::Tasks;

use crate::workplace::Workplace;

mod forward;
mod intake;
mod session;
mod sftp;
mod terminal_modes;

/// Bytes a client may send on a channel before it waits; large, because throughput is window divided by round trip.
const WINDOW_BYTES: u32 = 8 << 20;
/// After this time without a sign of life the client is probed; three probes without an answer end the connection.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15 * 60);

/// Why a connection ended early.
#[derive(Debug, thiserror::Error)]
pub enum SshError {
    #[error(transparent)]
    Protocol(#[from] russh::Error),
    #[error("cannot make the host key")]
    HostKey(#[source] russh::keys::ssh_key::Error),
}

/// Serves any number of connections.
#[derive(Clone)]
pub struct SshServer {
    config: Arc<Config>,
    workplace: Arc<Workplace>,
    tasks: Tasks,
}

impl SshServer {
    /// Derives the host key from the manifest's seed, so that it stays the same when the workspace is rebuilt.
    ///
    /// # Errors
    /// [`SshError::HostKey`] when no key can be made.
    pub fn new(workplace: Arc<Workplace>, tasks: Tasks) -> Result<SshServer, SshError> {
        let config = Config {
            server_id: SshId::Standard("SSH-2.0-Warren".into()),
            methods: MethodSet::from([MethodKind::None].as_slice()),
            keys: vec![host_key(&workplace.manifest().host_key_seed)?],
            window_size: WINDOW_BYTES,
            channel_buffer_size: 1024,
            auth_rejection_time: Duration::ZERO,
            inactivity_timeout: None,
            keepalive_interval: Some(KEEPALIVE_INTERVAL),
            ..Config::default()
        };
        Ok(SshServer { config: Arc::new(config), workplace, tasks })
    }

    /// Serves one connection until it ends.
    ///
    /// # Errors
    /// [`SshError::Protocol`] when the client breaks the protocol or the stream breaks.
    pub async fn serve<S>(&self, stream: S) -> Result<(), SshError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let ended = CancellationToken::new();
        let _ended_on_return = ended.clone().drop_guard();
        let connection = Connection { workplace: self.workplace.clone(), tasks: self.tasks.clone(), ended };
        let running = russh::server::run_stream(self.config.clone(), stream, connection).await?;
        let handle = running.handle();
        let stopped = self.tasks.token();
        tokio::select! {
            result = running => result,
            () = stopped.cancelled() => {
                let reason = "the workspace agent is shutting down".to_owned();
                let goodbye = handle.disconnect(russh::Disconnect::ByApplication, reason, "en".to_owned());
                // The peer may be gone, in which case nobody misses the farewell.
                drop(tokio::time::timeout(Duration::from_secs(1), goodbye).await);
                Ok(())
            }
        }
    }
}

/// One client.
struct Connection {
    workplace: Arc<Workplace>,
    tasks: Tasks,
    ended: CancellationToken,
}

impl Handler for Connection {
    type Error = SshError;

    async fn auth_none(&mut self, _user: &str) -> Result<Auth, SshError> {
        Ok(Auth::Accept)
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        session: &mut Session,
    ) -> Result<(), SshError> {
        reply.accept().await;
        let context = session::Context {
            workplace: self.workplace.clone(),
            connection: session.handle(),
            ended: self.ended.clone(),
            tasks: self.tasks.clone(),
        };
        self.tasks.spawn("ssh session", session::serve(channel, context));
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host: &str,
        port: u32,
        _originator_address: &str,
        _originator_port: u32,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), SshError> {
        let host = host.to_owned();
        let Ok(port) = u16::try_from(port) else {
            reply.reject(ChannelOpenFailure::ConnectFailed).await;
            return Ok(());
        };
        self.tasks.spawn("ssh forward", forward::tcp(channel, host, port, reply, self.ended.clone()));
        Ok(())
    }

    async fn channel_open_direct_streamlocal(
        &mut self,
        channel: Channel<Msg>,
        socket_path: &str,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), SshError> {
        let path = self.workplace.home().join(socket_path);
        self.tasks.spawn("ssh forward", forward::unix(channel, path, reply, self.ended.clone()));
        Ok(())
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _term: &str,
        _columns: u32,
        _rows: u32,
        _pixel_width: u32,
        _pixel_height: u32,
        _modes: &[(russh::Pty, u32)],
        session: &mut Session,
    ) -> Result<(), SshError> {
        Ok(session.channel_success(channel)?)
    }

    async fn env_request(
        &mut self,
        channel: ChannelId,
        _name: &str,
        _value: &str,
        session: &mut Session,
    ) -> Result<(), SshError> {
        Ok(session.channel_success(channel)?)
    }

    async fn shell_request(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), SshError> {
        Ok(session.channel_success(channel)?)
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        _: &[u8],
        session: &mut Session,
    ) -> Result<(), SshError> {
        Ok(session.channel_success(channel)?)
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        session: &mut Session,
    ) -> Result<(), SshError> {
        if session::is_known_subsystem(name) {
            return Ok(session.channel_success(channel)?);
        }
        Ok(session.channel_failure(channel)?)
    }
}

/// Derives the Ed25519 key from a hexadecimal seed; without one the key lives as long as the process.
fn host_key(seed: &str) -> Result<PrivateKey, SshError> {
    let secret = match hex::decode(seed) {
        Ok(seed) if seed.len() >= 16 => derive(&seed),
        Ok(_) | Err(_) => rand::random(),
    };
    let pair = Ed25519Keypair::from(Ed25519PrivateKey::from_bytes(&secret));
    PrivateKey::new(KeypairData::Ed25519(pair), "").map_err(SshError::HostKey)
}

fn derive(seed: &[u8]) -> [u8; 32] {
    let prk = ring::hkdf::Salt::new(ring::hkdf::HKDF_SHA256, b"warren ssh host key").extract(seed);
    let okm =
        prk.expand(&[b"ed25519"], ring::hkdf::HKDF_SHA256).expect("one block is within the limit of HKDF");
    let mut secret = [0; 32];
    okm.fill(&mut secret).expect("the output has the length that was asked for");
    secret
}

#[cfg(test)]
mod tests;
