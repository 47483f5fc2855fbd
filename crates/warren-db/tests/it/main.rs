//! Tests of the database handle on the engine that the test run chose, and of what only one engine has.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

mod copy;
mod crash;
mod database;
mod hints;
mod patience;
mod replicas;
mod silence;
mod standstill;
mod support;
mod versions;
mod visible;
