//! warren-llm
