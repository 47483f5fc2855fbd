//! warren-app
