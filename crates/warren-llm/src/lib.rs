//! Model providers: one streaming call behind one trait, and one set of errors.
//!
//! Owns the wire side of models (requests, streamed events, error classification). Knows nothing of chats,
//! databases or tools beyond their names and schemas; whether to try again is the caller's decision.

mod calls;
mod classify;
mod client;
mod config;
mod error;
mod event;
mod frames;
mod options;
mod protocol;
mod request;

use async_trait::async_trait;
use futures::stream::BoxStream;

pub use client::Connector;
pub use config::{Deadlines, ModelConfig, default_base_url};
pub use error::ModelError;
pub use event::{FinishReason, ModelEvent, Usage};
pub use options::{OptionError, check_options};
pub use request::{
    AssistantBlock, Message, ModelRequest, Reasoning, ToolCall, ToolChoice, ToolResult, ToolSpec,
};

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

    /// The most tokens that an answer to a request may have, with what the model thinks: the bound that is really sent,
    /// after every option.
    fn output_bound(&self, request: &ModelRequest) -> u64;
}
