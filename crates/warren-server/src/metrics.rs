//! What operators watch: one Prometheus registry per server, with the names that dashboards of the compatible API use.
//!
//! Owns the counters that requests and connections move. Must not know any route.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::Registry,
};
use warren_chat::ChatMetrics;
use warren_db::Database;

use crate::config::VERSION;
use gauges::Gauges;

mod gauges;
pub(crate) mod listener;

/// Upper bounds of the latency buckets, in seconds.
const LATENCY_BUCKETS: [f64; 11] = [0.001, 0.005, 0.010, 0.025, 0.050, 0.100, 0.500, 1.0, 5.0, 10.0, 30.0];
/// Upper bounds of the lifetimes of WebSockets, in seconds: from one exchange to a working day.
const SOCKET_BUCKETS: [f64; 8] = [0.01, 1.0, 10.0, 60.0, 600.0, 3600.0, 14_400.0, 28_800.0];

/// The counters of one server; clones share them.
#[derive(Clone)]
pub(crate) struct Metrics {
    shared: Arc<Shared>,
}

struct Shared {
    registry: Registry,
    requests: Family<Answered, Counter>,
    latencies: Family<Route, Histogram, fn() -> Histogram>,
    concurrent_requests: Gauge,
    sockets: Gauge,
    socket_durations: Histogram,
    connections: Connections,
    gauges: Gauges,
    chats: ChatMetrics,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    code: u16,
    method: String,
    path: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    method: String,
    path: String,
}

impl Metrics {
    /// Makes a registry in which everything is zero.
    pub(crate) fn new() -> Self {
        let mut registry = Registry::default();
        let requests = Family::default();
        let latencies: Family<_, _, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(LATENCY_BUCKETS));
        let (concurrent_requests, sockets) = (Gauge::default(), Gauge::default());
        let socket_durations = Histogram::new(SOCKET_BUCKETS);
        let connections = Connections::default();
        registry.register("coderd_build", "Version of the server", Info::new([("version", VERSION)]));
        let api = registry.sub_registry_with_prefix("coderd_api");
        api.register("requests_processed", "Requests answered", Clone::clone(&requests));
        api.register("request_latencies_seconds", "Time from request to answer", latencies.clone());
        api.register("concurrent_requests", "Requests under way", concurrent_requests.clone());
        api.register("concurrent_websockets", "Open WebSockets", sockets.clone());
        api.register("websocket_durations_seconds", "Lifetimes of WebSockets", socket_durations.clone());
        api.register("connections", "Open connections of clients", connections.open.clone());
        let gauges = Gauges::register(&mut registry);
        let chats = ChatMetrics::default();
        chats.register(&mut registry);
        let shared = Shared {
            registry,
            requests,
            latencies,
            concurrent_requests,
            sockets,
            socket_durations,
            connections,
            gauges,
            chats,
        };
        Self { shared: Arc::new(shared) }
    }

    /// What the worker of chats counts.
    pub(crate) fn chats(&self) -> ChatMetrics {
        self.shared.chats.clone()
    }

    /// The gauge of open connections.
    pub(crate) fn connections(&self) -> Connections {
        self.shared.connections.clone()
    }

    /// Notes a request; it counts as under way until the answer is dropped.
    pub(crate) fn request(&self) -> Raised {
        Raised::new(&self.shared.concurrent_requests)
    }

    /// Notes an answer. `route` is the route's pattern: paths of users would make a series each.
    pub(crate) fn answered(&self, method: &str, route: &str, code: u16, duration: Duration) {
        let (method, path) = (method.to_owned(), route.to_owned());
        let labels = Route { method: method.clone(), path: path.clone() };
        self.shared.latencies.get_or_create(&labels).observe(duration.as_secs_f64());
        self.shared.requests.get_or_create(&Answered { code, method, path }).inc();
    }

    /// Notes a WebSocket, which counts until the answer is dropped.
    pub(crate) fn socket(&self) -> OpenSocket {
        OpenSocket {
            _open: Raised::new(&self.shared.sockets),
            durations: self.shared.socket_durations.clone(),
            begin: Instant::now(),
        }
    }

    /// Sets the gauges of what is in the database and of the connected agents.
    pub(crate) async fn refresh(&self, db: &Database, n_agents: i64) {
        self.shared.gauges.refresh(db, n_agents).await;
    }

    /// Everything in the text format of OpenMetrics.
    ///
    /// # Errors
    /// Fails only when a metric cannot be written as text.
    pub(crate) fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.shared.registry)?;
        Ok(text)
    }
}

/// Counts open connections.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connections {
    open: Gauge,
}

impl Connections {
    /// Notes a connection; it counts until the answer is dropped.
    pub(crate) fn opened(&self) -> Raised {
        Raised::new(&self.open)
    }

    #[cfg(test)]
    pub(crate) fn open(&self) -> i64 {
        self.open.get()
    }
}

/// Holds a gauge one higher.
#[derive(Debug)]
pub(crate) struct Raised(Gauge);

impl Raised {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Raised {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// An open WebSocket.
pub(crate) struct OpenSocket {
    _open: Raised,
    durations: Histogram,
    begin: Instant,
}

impl Drop for OpenSocket {
    fn drop(&mut self) {
        self.durations.observe(self.begin.elapsed().as_secs_f64());
    }
}

#[cfg(test)]
mod tests;
