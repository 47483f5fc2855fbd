//! Model providers: one streaming call behind one trait, and one set of errors.
//!
//! Owns the wire side of models (requests, streamed events, error classification). Knows nothing of chats,
//! databases or tools beyond their names and schemas; whether to try again is the caller's decision.

mod classify;
mod error;
mod openai;
mod request;

use async_trait::async_trait;
use futures::stream::BoxStream;

pub use error::ModelError;
pub use openai::{OpenAiCompatible, OpenAiConfig};
pub use request::{Message, ModelRequest, ToolCall, ToolSpec};

/// What a model says while it answers, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelEvent {
    /// More text of the answer.
    Text(String),
    /// More of what the model thinks.
    Reasoning(String),
    /// More of a tool call. The first event of a call has its name; arguments come as pieces of JSON text.
    ToolCall { call_id: String, name: String, args_delta: String },
    /// The answer is complete. Always the last event of a stream without error.
    End {
        /// Why the model stopped, in the provider's own word.
        reason: Option<String>,
        usage: Usage,
    },
}

/// What an answer cost, in tokens, as far as the provider says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    pub input_tokens: Option<i64>,
    pub output_tokens: Option<i64>,
    pub total_tokens: Option<i64>,
    pub reasoning_tokens: Option<i64>,
}

/// The events of one answer. Ends after [`ModelEvent::End`] or after the first error; dropping it ends the call.
pub type ModelStream = BoxStream<'static, Result<ModelEvent, ModelError>>;

/// A model that can be asked.
#[async_trait]
pub trait Model: Send + Sync {
    /// Sends the conversation and returns the answer as it is written. Dropping the future or the stream cancels the
    /// call.
    ///
    /// # Errors
    /// Fails when the provider cannot be reached, refuses, or answers with something else than a stream.
    async fn stream(&self, request: ModelRequest) -> Result<ModelStream, ModelError>;
}

#[cfg(test)]
mod tests;
