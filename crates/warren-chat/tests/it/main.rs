//! The service with its worker, on a real database, against a scripted model and tools that only remember their calls.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

mod asides;
mod broken;
mod compaction;
mod crash;
mod cut_calls;
mod drops;
mod errors;
mod latency;
mod limits;
mod metrics;
mod owner;
mod protocols;
mod replicas;
mod retries;
mod rows;
mod runner;
mod support;
mod tools;
mod turns;
mod view;
mod worker;
