//! warren-tunnel-proto
