//! The Terraform process.
//!
//! Owns: finding the binary, its environment, running its commands, reading what they print, stopping them.
//! Must not: know what a command's result means.

mod binary;
mod environment;
mod process;
mod stream;

pub(crate) use binary::Binary;
pub(crate) use environment::{Additions, Environment};
pub(crate) use process::{CommandError, Runner, end_orphans};
