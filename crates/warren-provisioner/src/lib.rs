//! Runs Terraform for templates and workspaces.
//!
//! Owns: the `coder/coder` provider, the Terraform process, and what becomes of its plans and states.
//! Must not: know the database or the HTTP API; everything a job needs comes with its request.

mod convert;
mod parameter;
mod proto;
mod provider;
mod schema;
mod value;
