//! Tests of the HTTP surface through a bound server on a temporary data directory.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

mod chats;
mod identity;
mod jobs;
mod routes;
mod serving;
mod start;
mod support;
mod templates;
mod workspaces;
