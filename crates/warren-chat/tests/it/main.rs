//! The service with its worker, on a real database, against a scripted model and tools that only remember their calls.

mod crash;
mod errors;
mod latency;
mod support;
mod turns;
