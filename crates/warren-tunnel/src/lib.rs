//! warren-tunnel
