//! Tests of the HTTP surface through a bound server on a temporary data directory.

// The exemption of tests does not reach their helper functions.
#![allow(clippy::unwrap_used)]

mod identity;
mod jobs;
mod routes;
mod start;
mod support;
mod templates;
mod workspaces;
