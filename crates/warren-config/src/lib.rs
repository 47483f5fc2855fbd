//! The settings of one server: the typed tree, and where its values come from.
//!
//! Owns every option's name, default and meaning. Must not act on them: what a setting does is the business of whoever
//! reads it.

mod tree;

pub use tree::{
    Database, Github, Hsts, Http, Logging, Metrics, Oidc, Provisioner, RateLimit, Retention, SameSite,
    ServerConfig, Session, Ssh, Telemetry, Tls, TlsVersion, Trace,
};
