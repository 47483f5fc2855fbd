//! Tests of the use cases on a real SQLite file. Provisioners are played by writing job rows.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

mod accounts;
mod audit;
mod support;
mod templates;
mod workspaces;
