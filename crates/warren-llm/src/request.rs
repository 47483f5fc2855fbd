//! What a model is asked.

use serde_json::Value;

/// A conversation and the tools that the model may ask for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ModelRequest {
    /// Instructions that precede the conversation.
    pub system: Option<String>,
    pub messages: Vec<Message>,
    pub tools: Vec<ToolSpec>,
    /// The most tokens of the answer.
    pub max_output_tokens: Option<u32>,
    pub temperature: Option<f64>,
}

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    User(String),
    /// What the model said, and the tools it asked for in the same breath.
    Assistant {
        text: String,
        tool_calls: Vec<ToolCall>,
    },
    /// What a tool answered.
    ToolResult {
        call_id: String,
        name: String,
        content: String,
    },
}

/// A tool call of an earlier answer.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolCall {
    pub call_id: String,
    pub name: String,
    pub args: Value,
}

/// A tool that the model may ask for.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolSpec {
    pub name: String,
    pub description: String,
    /// JSON Schema of the arguments.
    pub schema: Value,
}
