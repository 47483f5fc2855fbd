//! warren-sdk
