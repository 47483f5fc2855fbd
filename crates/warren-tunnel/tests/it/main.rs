//! The tunnel end to end: real nodes, a real hub, in-process links and WebSockets over loopback.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

mod faults;
mod harness;
mod permissions;
mod streams;
