//! warren-db
