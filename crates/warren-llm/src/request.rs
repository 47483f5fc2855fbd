//! What a model is asked.

use serde_json::Value;

/// A conversation and the tools that the model may ask for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ModelRequest {
    /// Instructions that precede the conversation. What changes least comes first, so that providers can cache it.
    pub system: Vec<String>,
    pub messages: Vec<Message>,
    pub tools: Vec<ToolSpec>,
    pub tool_choice: ToolChoice,
    /// The most tokens of the answer, instead of the model's own setting.
    pub max_output_tokens: Option<u32>,
    /// Instead of the model's own setting.
    pub temperature: Option<f64>,
    /// Headers that tell the provider who asks; each a name and a value.
    pub headers: Vec<(String, String)>,
}

/// Whether the model has to use tools.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ToolChoice {
    /// As it likes.
    #[default]
    Auto,
    /// No tool, although the conversation has calls.
    None,
    /// At least one.
    Required,
}

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// Texts of the user, in order.
    User(Vec<String>),
    /// What the model said, in the order in which it said it.
    Assistant(Vec<AssistantBlock>),
    /// The results of the calls of the message before.
    Tool(Vec<ToolResult>),
}

/// A piece of an earlier answer.
#[derive(Debug, Clone, PartialEq)]
pub enum AssistantBlock {
    Text(String),
    Reasoning(Reasoning),
    ToolCall(ToolCall),
    /// What the provider's own tool answered, as the provider gave it.
    ProviderResult {
        call_id: String,
        name: String,
        result: Value,
    },
}

/// What the model thought. It is sent back only to the kind of provider that gave it, and then exactly as it came.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reasoning {
    pub text: String,
    pub signature: Option<String>,
    pub metadata: Option<Value>,
}

/// A tool call of an earlier answer.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolCall {
    pub call_id: String,
    pub name: String,
    /// An object.
    pub args: Value,
    /// The provider ran the tool itself.
    pub provider_executed: bool,
    /// What [`ModelEvent::ToolCallMetadata`](crate::ModelEvent::ToolCallMetadata) said of the call.
    pub metadata: Option<Value>,
}

/// What a tool answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolResult {
    pub call_id: String,
    pub name: String,
    pub content: String,
    pub is_error: bool,
}

/// A tool that the model may ask for.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolSpec {
    pub name: String,
    pub description: String,
    /// JSON Schema of the arguments.
    pub schema: Value,
}
