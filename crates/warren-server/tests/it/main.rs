//! Tests of the HTTP surface through a bound server on a temporary data directory.

mod identity;
mod jobs;
mod routes;
mod start;
mod support;
mod templates;
mod workspaces;
