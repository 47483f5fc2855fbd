//! warren-dev-model
