//! warren-chat-proto
