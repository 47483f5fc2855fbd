//! warren-chat
