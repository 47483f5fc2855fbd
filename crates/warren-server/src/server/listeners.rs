//! The sockets of a server, with and without TLS, and what is served on each.

use std::{convert::Infallible, io, net::SocketAddr};

use axum::{Router, extract::Request, response::Response};
use tokio::net::TcpListener;
use tower::{Service, util::MapRequest};
use url::Url;
use warren_rt::Tasks;

use super::StartError;
use crate::{
    config::ServerConfig,
    mesh,
    metrics::listener,
    router::router,
    serving::{self, Deadlines, Serving, redirect, tls},
    state::AppState,
};

mod relay;

/// What was bound, before anything is served.
pub(super) struct Listeners {
    plain: Option<Bound>,
    tls: Option<Bound>,
    metrics: Option<Bound>,
    /// The address of `plain`, else of `tls`.
    first: SocketAddr,
}

struct Bound {
    listener: TcpListener,
    address: SocketAddr,
}

impl Listeners {
    /// Takes the addresses first of all, so that a second server fails before it touches anything.
    pub(super) async fn bind(config: &ServerConfig) -> Result<Self, StartError> {
        let http = &config.http;
        let plain = match http.address {
            Some(address) => Some(bind(address, "--http-address").await?),
            None => None,
        };
        let tls = if http.tls.enable { Some(bind(http.tls.address, "--tls-address").await?) } else { None };
        let prometheus = &config.telemetry.prometheus;
        let metrics = match prometheus.enable {
            true => Some(bind(prometheus.address, "--prometheus-address").await?),
            false => None,
        };
        let first =
            plain.as_ref().or(tls.as_ref()).map(|bound| bound.address).ok_or(StartError::NoAddress)?;
        Ok(Self { plain, tls, metrics, first })
    }

    pub(super) fn first_address(&self) -> SocketAddr {
        self.first
    }

    pub(super) fn tls_address(&self) -> Option<SocketAddr> {
        self.tls.as_ref().map(|bound| bound.address)
    }

    pub(super) fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(|bound| bound.address)
    }

    /// The configured URL, else the one of a listening address, TLS first; a wildcard address is reachable as localhost.
    pub(super) fn access_url(&self, config: &ServerConfig) -> Result<Url, StartError> {
        if let Some(url) = &config.http.access_url {
            return Ok(url.clone());
        }
        let (scheme, address) = match self.tls_address() {
            Some(address) => ("https", address),
            None => ("http", self.first),
        };
        let host = match address {
            address if address.ip().is_unspecified() => String::from("localhost"),
            SocketAddr::V4(address) => address.ip().to_string(),
            SocketAddr::V6(address) => format!("[{}]", address.ip()),
        };
        let text = format!("{scheme}://{host}:{}/", address.port());
        text.parse().map_err(|_| StartError::AccessUrl { address })
    }

    /// How the other servers on the same database reach this one: the configured URL, else a listening address, each of
    /// which serves them. None when no other server can have the database.
    pub(super) async fn relay_address(&self, config: &ServerConfig) -> Result<Option<Url>, StartError> {
        let postgres = config.database.postgres_url.expose();
        if config.http.relay_address.is_some() || postgres.is_empty() {
            return Ok(config.http.relay_address.clone());
        }
        let plain = self.plain.as_ref().map(|bound| bound.address);
        let (scheme, mut address) =
            relay::reachable(plain, self.tls_address()).ok_or(StartError::NoAddress)?;
        if address.ip().is_unspecified() {
            address.set_ip(relay::own_address(postgres).await.unwrap_or(address.ip()));
        }
        let url = Url::parse(&format!("{scheme}://{address}/"));
        url.map(Some).map_err(|_| StartError::AccessUrl { address })
    }

    /// Begins to answer.
    pub(super) fn serve(self, state: AppState, tasks: &Tasks) -> Result<(), StartError> {
        let http = &state.config.http;
        let deadlines = Deadlines { first_head: http.header_timeout, ..Deadlines::default() };
        let plain = Serving { tls: None, connections: state.frame.metrics.connections(), deadlines };
        let elsewhere = match &self.tls {
            Some(tls) if http.tls.redirect_http => {
                Some(redirect::base(&state.deployment.access_url, tls.address.port()))
            }
            Some(_) | None => None,
        };
        let secure = match self.tls {
            Some(bound) => Some((bound, tls::acceptor(&http.tls, tasks)?)),
            None => None,
        };
        if let Some(bound) = self.metrics {
            listener::serve(bound.listener, state.clone(), tasks);
        }
        let service = service(state);
        if let Some((bound, acceptor)) = secure {
            let serving = Serving { tls: Some(acceptor), ..plain.clone() };
            serving::serve(bound.listener, serving, service.clone(), tasks);
        }
        match (self.plain, elsewhere) {
            (Some(bound), Some(base)) => {
                // The other servers need no TLS, and no certificate may name the address by which they come.
                let redirecting = redirect::to_https(base, mesh::PATH, service);
                serving::serve(bound.listener, plain, redirecting, tasks);
            }
            (Some(bound), None) => serving::serve(bound.listener, plain, service, tasks),
            (None, _) => {}
        }
        Ok(())
    }
}

async fn bind(address: SocketAddr, option: &'static str) -> Result<Bound, StartError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => StartError::AddressInUse { address, option },
        _ => StartError::Listen { address, source },
    };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok(Bound { listener, address })
}

type WithoutSlash = MapRequest<Router, fn(Request) -> Request>;

fn service(
    state: AppState,
) -> impl Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static
{
    WithoutSlash::new(router(state), without_trailing_slash)
}

/// `/x/` and `/x` are the same route; clients use both.
fn without_trailing_slash(mut request: Request) -> Request {
    let path = request.uri().path();
    if path.len() > 1 && path.ends_with('/') {
        let trimmed = path.trim_end_matches('/');
        let trimmed = if trimmed.is_empty() { "/" } else { trimmed };
        let target =
            request.uri().query().map_or_else(|| trimmed.to_owned(), |query| format!("{trimmed}?{query}"));
        if let Ok(uri) = target.parse() {
            *request.uri_mut() = uri;
        }
    }
    request
}
