//! warren-authz
