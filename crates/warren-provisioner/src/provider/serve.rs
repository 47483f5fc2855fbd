//! Serving the provider on a private Unix socket, to Terraform processes that attach to it.

use std::{
    future::Future,
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    pin::Pin,
};

use futures::{Stream, stream};
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::{Request, Response, Status, Streaming, transport::Server};

use super::Provider;
use crate::proto::{
    plugin::{
        ConnInfo, Empty, StdioData,
        grpc_broker_server::{GrpcBroker, GrpcBrokerServer},
        grpc_controller_server::{GrpcController, GrpcControllerServer},
        grpc_stdio_server::{GrpcStdio, GrpcStdioServer},
    },
    tfplugin5::provider_server::ProviderServer,
};

/// What Terraform itself allows.
const MESSAGE_BYTES_MAX: usize = 256 << 20;
/// The longest path of a socket on Linux, with its final zero.
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// A provider that listens; the socket goes away with it.
#[derive(Debug)]
pub(crate) struct ProviderSocket {
    listener: UnixListener,
    path: PathBuf,
    /// Removes the socket's directory when dropped.
    _dir: tempfile::TempDir,
}

impl ProviderSocket {
    /// Binds a socket in a new directory that only this user can enter: under `parent`, or under the system's
    /// temporary directory when `parent` is too deep for a socket's path.
    ///
    /// # Errors
    /// The directory cannot be made or the socket not be bound.
    pub(crate) fn bind(parent: &Path) -> io::Result<Self> {
        let private = |parent: &Path| {
            let mode = std::fs::Permissions::from_mode(0o700);
            tempfile::Builder::new().prefix("tf-").permissions(mode).tempdir_in(parent)
        };
        let mut dir = private(parent)?;
        let fits = |dir: &tempfile::TempDir| dir.path().join("s").as_os_str().len() <= SOCKET_PATH_BYTES_MAX;
        if !fits(&dir) {
            dir = private(&std::env::temp_dir())?;
        }
        let path = dir.path().join("s");
        Ok(Self { listener: UnixListener::bind(&path)?, path, _dir: dir })
    }

    /// The value of `TF_REATTACH_PROVIDERS` that leads Terraform here.
    pub(crate) fn reattach(&self) -> String {
        serde_json::json!({
            "registry.terraform.io/coder/coder": {
                "Protocol": "grpc",
                "ProtocolVersion": 5,
                "Pid": std::process::id(),
                "Test": true,
                "Addr": { "Network": "unix", "String": self.path },
            }
        })
        .to_string()
    }

    /// Serves the provider for as long as `work` takes.
    ///
    /// # Errors
    /// The server itself has failed.
    pub(crate) async fn serve_during<T>(
        self,
        provider: Provider,
        work: impl Future<Output = T>,
    ) -> Result<T, tonic::transport::Error> {
        let Self { listener, path: _, _dir } = self;
        let provider = ProviderServer::new(provider)
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX);
        let server = Server::builder()
            .add_service(provider)
            .add_service(GrpcControllerServer::new(Housekeeping))
            .add_service(GrpcStdioServer::new(Housekeeping))
            .add_service(GrpcBrokerServer::new(Housekeeping))
            .serve_with_incoming(UnixListenerStream::new(listener));
        tokio::select! {
            result = work => Ok(result),
            served = server => Err(served.expect_err("a listener never runs out of connections")),
        }
    }
}

/// The services that Terraform's plugin library opens beside the provider. Their streams stay open and silent;
/// they are dropped with the connection.
struct Housekeeping;

type Silent<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl GrpcController for Housekeeping {
    async fn shutdown(&self, _: Request<Empty>) -> Result<Response<Empty>, Status> {
        Ok(Response::new(Empty {}))
    }
}

#[tonic::async_trait]
impl GrpcStdio for Housekeeping {
    type StreamStdioStream = Silent<StdioData>;

    async fn stream_stdio(&self, _: Request<Empty>) -> Result<Response<Self::StreamStdioStream>, Status> {
        Ok(Response::new(Box::pin(stream::pending())))
    }
}

#[tonic::async_trait]
impl GrpcBroker for Housekeeping {
    type StartStreamStream = Silent<ConnInfo>;

    async fn start_stream(
        &self,
        _: Request<Streaming<ConnInfo>>,
    ) -> Result<Response<Self::StartStreamStream>, Status> {
        Ok(Response::new(Box::pin(stream::pending())))
    }
}
