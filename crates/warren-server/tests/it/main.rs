//! Tests of the HTTP surface through a bound server on a temporary data directory.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

mod access;
mod audit;
mod bad_input;
mod chat_providers;
mod chat_streams;
mod chats;
mod cross_site;
mod deployment;
mod frame;
mod identity;
mod jobs;
mod organizations;
mod replicas;
mod routes;
mod serving;
mod start;
mod support;
mod templates;
mod traces;
mod upstream_login;
mod users;
mod workspaces;
