//! The settings of one server: the typed tree, the table of options, and how values get from flags, variables and the
//! file into the tree.
//!
//! Owns every option's names, default and meaning. Must not act on them: what a setting does is the business of whoever
//! reads it. Must not know the command line's parser either, which builds its flags from the table.

mod documentation;
mod duration;
mod load;
mod nearest;
mod options;
mod report;
mod setting;
mod source;
mod tree;

pub use documentation::documentation;
pub use duration::{format_duration, parse_duration};
pub use load::{ConfigError, Inputs, load};
pub use options::{Field, Group, Opt, options};
pub use report::{OptionReport, report, values};
pub use setting::{Kind, Setting};
pub use source::{Source, Sources};
pub use tree::{
    Database, Github, Hsts, Http, Logging, Metrics, Oidc, Provisioner, RateLimit, Retention, SameSite,
    ServerConfig, Session, Ssh, Telemetry, Tls, TlsVersion, Trace,
};
