//! Runs Terraform for templates and workspaces.
//!
//! Owns: the `coder/coder` provider, the Terraform process, and what becomes of its plans and states.
//! Must not: know the database or the HTTP API; everything a job needs comes with its request.

mod archive;
mod convert;
mod log;
mod parameter;
mod proto;
mod provider;
mod run;
mod schema;
mod terraform;
mod value;

pub use log::LogSink;
pub use run::{Provisioner, ProvisionerConfig};
