//! warren-rt
