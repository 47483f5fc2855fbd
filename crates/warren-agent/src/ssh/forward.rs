//! Forwards channels to sockets inside the workspace (`ssh -L`, `ssh -D`).

use std::path::PathBuf;
use std::time::Duration;

use russh::server::{ChannelOpenHandle, Msg};
use russh::{Channel, ChannelOpenFailure};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_util::sync::CancellationToken;

use super::intake::Intake;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Connects to `host:port` and copies both ways until both ends are done.
pub(crate) async fn tcp(
    channel: Channel<Msg>,
    host: String,
    port: u16,
    reply: ChannelOpenHandle,
    ended: CancellationToken,
) {
    let connecting = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect((host.as_str(), port)));
    let Ok(Ok(stream)) = connecting.await else {
        tracing::debug!(host, port, "cannot connect a forwarded channel");
        reply.reject(ChannelOpenFailure::ConnectFailed).await;
        return;
    };
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot switch off Nagle's algorithm");
    }
    reply.accept().await;
    copy(channel, stream, ended).await;
}

/// Connects to a Unix socket and copies both ways until both ends are done.
pub(crate) async fn unix(
    channel: Channel<Msg>,
    path: PathBuf,
    reply: ChannelOpenHandle,
    ended: CancellationToken,
) {
    let Ok(Ok(stream)) = tokio::time::timeout(CONNECT_TIMEOUT, UnixStream::connect(&path)).await else {
        tracing::debug!(path = %path.display(), "cannot connect a forwarded channel");
        reply.reject(ChannelOpenFailure::ConnectFailed).await;
        return;
    };
    reply.accept().await;
    copy(channel, stream, ended).await;
}

async fn copy(channel: Channel<Msg>, stream: impl AsyncRead + AsyncWrite, ended: CancellationToken) {
    let (read, write) = channel.split();
    let (intake, feed) = Intake::of(read);
    let (mut from_socket, to_socket) = tokio::io::split(stream);
    let closed = intake.closed.clone();
    let outward = async {
        let mut buffer = vec![0; 32 << 10];
        while let Ok(n @ 1..) = from_socket.read(&mut buffer).await {
            if write.data_bytes(buffer[..n].to_vec()).await.is_err() {
                break;
            }
        }
        write.eof().await
    };
    let inward = intake.data.copy_to(to_socket);
    let both = async {
        let (_, eof) = tokio::join!(inward, outward);
        eof
    };
    tokio::select! {
        _ = both => {}
        () = feed => {}
        () = closed.cancelled() => {}
        () = ended.cancelled() => {}
    }
    drop(write.close().await);
}
