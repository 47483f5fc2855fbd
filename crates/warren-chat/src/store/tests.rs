//! The store on a real database.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

mod asks;
mod cut_calls;
mod fences;
mod leases;
mod lost_commits;
mod matrix;
mod messages;
mod money;
mod onward;
mod parallel;
mod requests;
mod retention;
pub(crate) mod stage;
mod transitions;
mod walk;
