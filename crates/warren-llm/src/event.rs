//! What a model says while it answers.

use serde_json::Value;

/// A piece of an answer, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelEvent {
    /// More text of the answer.
    Text(String),
    /// More of what the model thinks.
    Reasoning(String),
    /// The stretch of reasoning that was being told is complete, and this is what the provider wants back with it. May come
    /// without any text before: providers also seal what they do not tell.
    ReasoningSignature {
        signature: Option<String>,
        /// Says which kind of provider it belongs to. Never shown.
        metadata: Option<Value>,
    },
    /// More of a tool call. Pieces of several calls may mix; arguments come as pieces of JSON text.
    ToolCall {
        /// Never empty and different for every call of the answer.
        call_id: String,
        name: String,
        args_delta: String,
        /// The provider runs the tool itself; its result is in the same answer.
        provider_executed: bool,
    },
    /// What the provider wants back with a call, in its own form. Never shown.
    ToolCallMetadata { call_id: String, metadata: Value },
    /// What the provider's own tool answered, to be sent back as it is.
    ProviderResult { call_id: String, name: String, result: Value, is_error: bool },
    /// Where the model has something from.
    Source { id: String, url: String, title: String },
    /// What the answer has used so far, as far as the provider says it before the end. Replaces what was said before.
    UsedSoFar(Usage),
    /// The answer is complete. Always the last event of a stream without error.
    End { reason: FinishReason, usage: Usage },
}

/// Why an answer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FinishReason {
    /// The model had nothing more to say.
    Stop,
    /// The model waits for the results of tools.
    ToolCalls,
    /// The most tokens of an answer are reached; the last call may be incomplete.
    Length,
    /// The provider holds the rest back.
    Refused,
    /// The provider wants to be asked again with what it has said so far.
    Paused,
    /// Another word of the provider, or none.
    Other(Option<String>),
}

/// What an answer cost, in tokens, as far as the provider says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Without those that were read from or written to the provider's cache.
    pub input_tokens: Option<i64>,
    /// With those of reasoning.
    pub output_tokens: Option<i64>,
    pub total_tokens: Option<i64>,
    pub reasoning_tokens: Option<i64>,
    pub cache_creation_tokens: Option<i64>,
    pub cache_read_tokens: Option<i64>,
}
