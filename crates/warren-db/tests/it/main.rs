//! Tests of the database handle on a real SQLite file.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

mod database;
