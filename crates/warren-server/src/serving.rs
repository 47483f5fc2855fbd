//! Connections: accepting them, TLS, the deadlines of slow and idle clients, and their end at a shutdown.
//!
//! Knows nothing of routes: every request goes to one service with its [`Peer`] in the extensions.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{body::Body, extract::Request, response::Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tower::{Service, ServiceExt};
use warren_rt::Tasks;

use crate::{client_address::Peer, metrics::Connections};
pub(crate) use tracked::Carrier;
use tracked::Tracked;

pub(crate) mod redirect;
pub(crate) mod tls;
mod tracked;

/// Time for the handshake and the first request head; whoever is slower only holds a socket.
const FIRST_HEAD_DEADLINE: Duration = Duration::from_secs(30);
/// Time for each later request head, counted from the end of the answer before: clients that keep connections for reuse
/// commonly give them up after 90 s, and should be the first to do so.
const IDLE_DEADLINE: Duration = Duration::from_secs(120);
/// Pause after a failed accept, which is nearly always a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How one listener serves.
#[derive(Clone)]
pub(crate) struct Serving {
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) connections: Connections,
    pub(crate) deadlines: Deadlines,
}

/// How long clients may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadlines {
    pub(crate) first_head: Duration,
    pub(crate) idle: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { first_head: FIRST_HEAD_DEADLINE, idle: IDLE_DEADLINE }
    }
}

/// Accepts connections until the tasks stop; requests under way then finish, or are cut off at the stop's deadline.
pub(crate) fn serve<S>(listener: TcpListener, serving: Serving, service: S, tasks: &Tasks)
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    tasks.spawn("listener", accept_all(listener, serving, service, tasks.clone()));
}

async fn accept_all<S>(listener: TcpListener, serving: Serving, service: S, tasks: Tasks)
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let connection = one(stream, peer, serving.clone(), service.clone(), tasks.clone());
                tasks.spawn_graceful("connection", connection);
            }
            Err(error) if is_about_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "no connection can be accepted; trying again");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn is_about_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

async fn one<S>(stream: TcpStream, peer: SocketAddr, serving: Serving, service: S, tasks: Tasks)
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    let counted = serving.connections.opened();
    // Small frames are worth more than full packets here; a socket that refuses still works.
    let _ = stream.set_nodelay(true);
    let Some(acceptor) = &serving.tls else {
        return requests(Tracked::new(stream, counted), peer, serving.deadlines, service, &tasks).await;
    };
    match timeout(serving.deadlines.first_head, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => {
            requests(Tracked::new(stream, counted), peer, serving.deadlines, service, &tasks).await;
        }
        Ok(Err(error)) => tracing::debug!(%error, %peer, "a TLS handshake failed"),
        Err(_) => tracing::debug!(%peer, "a TLS handshake took too long"),
    }
}

/// Serves the requests of one connection. Ends when the client leaves or is too slow, or when the connection becomes a
/// WebSocket, which has its own owner.
async fn requests<S, I>(stream: Tracked<I>, peer: SocketAddr, deadlines: Deadlines, service: S, tasks: &Tasks)
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let is_asked = Arc::new(AtomicBool::new(false));
    let (asked, carrier) = (is_asked.clone(), stream.carrier());
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        asked.store(true, Ordering::Relaxed);
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        request.extensions_mut().insert(carrier.clone());
        service.clone().oneshot(request)
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(deadlines.idle);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service).with_upgrades());
    let stopped = tasks.token().cancelled_owned();
    let (mut stopped, mut is_stopping) = (pin!(stopped), false);
    let (mut too_late, mut is_late) = (pin!(sleep(deadlines.first_head)), false);
    // Who has not sent a request yet is owed no answer.
    let owes_nothing = || !is_asked.load(Ordering::Relaxed);
    loop {
        tokio::select! {
            outcome = &mut connection => {
                if let Err(error) = outcome {
                    tracing::debug!(%error, %peer, "a connection failed");
                }
                return;
            }
            () = &mut too_late, if !is_late => {
                if owes_nothing() {
                    return;
                }
                is_late = true;
            }
            () = &mut stopped, if !is_stopping => {
                if owes_nothing() {
                    return;
                }
                is_stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

#[cfg(test)]
mod tests;
