//! HTTP and WebSocket surface of the server, and the wiring of everything behind it.
//!
//! Routes turn requests into calls of the use cases and rows into API types ([`view`]); they hold no rules of their own.
//! Must not contain SQL. Errors become responses in [`error`] only.

mod agent_client;
mod agent_connections;
mod agent_executable;
mod agent_manifest;
mod attempts;
mod audited;
mod auth;
mod chat_tools;
mod client_address;
mod config;
mod csp;
mod error;
mod extract;
mod frame;
mod live;
mod maintenance;
mod mesh;
mod metrics;
mod middleware;
mod observability;
mod origin;
mod permissions;
mod provisionerd;
mod rate_limit;
mod retention;
mod router;
mod routes;
mod server;
mod serving;
mod site;
mod state;
mod tunnel;
mod view;

pub use audited::{AUDITED, Audited, Trace};
pub use config::{ServerConfig, VERSION};
pub use frame::FrameError;
pub use maintenance::{Maintenance, MaintenanceError, NewOwner, copy_database};
pub use observability::{Observability, ObservabilityError};
pub use permissions::{PERMISSIONS, Permission, Who};
pub use router::openapi;
pub use server::{RunningServer, Server, StartError};
pub use serving::tls::TlsError;
