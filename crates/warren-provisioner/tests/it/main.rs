//! Jobs with the real Terraform.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod build;
mod failure;
mod import;
mod process_template;
mod rig;
