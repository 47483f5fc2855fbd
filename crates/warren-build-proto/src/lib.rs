//! warren-build-proto
