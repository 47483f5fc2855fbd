//! Tools that a client brings along and answers itself.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use warren_chat_proto::nests_deeper;
use warren_db::entity::chats;
use warren_llm::ToolSpec;

use super::schema;
use crate::{
    error::{ChatResult, ChatServiceError},
    rows,
};

/// The most tools that a client may bring along.
const TOOLS_MAX: usize = 250;
const NAME_LEN_MAX: usize = 64;
const SCHEMA_DEPTH_MAX: usize = 64;

/// A tool of the client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DynamicTool {
    pub name: String,
    #[serde(default)]
    pub description: String,
    /// JSON Schema of the arguments.
    #[serde(default)]
    pub input_schema: Value,
}

/// Checks the tools that a client wants to bring along.
///
/// # Errors
/// Says which one cannot be used and why.
pub fn check_dynamic_tools(tools: &[DynamicTool]) -> ChatResult<()> {
    let invalid = |message: String| Err(ChatServiceError::invalid("unsafe_dynamic_tools", message));
    if tools.len() > TOOLS_MAX {
        return invalid(format!("At most {TOOLS_MAX} tools can be brought along."));
    }
    let mut seen = BTreeSet::new();
    for tool in tools {
        let name = tool.name.as_str();
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || name.len() > NAME_LEN_MAX || !name.chars().all(is_word) {
            return invalid(format!(
                "The tool name {name:?} must have 1 to {NAME_LEN_MAX} letters, digits, hyphens or underscores."
            ));
        }
        if schema::is_built_in(name) {
            return invalid(format!("The tool name {name:?} belongs to a built-in tool. Choose another."));
        }
        if !seen.insert(name) {
            return invalid(format!("The tool name {name:?} is used twice."));
        }
        if nests_deeper(&tool.input_schema, SCHEMA_DEPTH_MAX) {
            return invalid(format!("The input schema of the tool {name:?} nests too deeply."));
        }
        if !tool.input_schema.is_object() && !tool.input_schema.is_null() {
            return invalid(format!("The input schema of the tool {name:?} is not a JSON object."));
        }
    }
    Ok(())
}

/// The tools that the client of a chat has brought along. What is stored and cannot be read counts as none.
pub(crate) fn of_chat(chat: &chats::Model) -> Vec<DynamicTool> {
    let Some(stored) = chat.dynamic_tools.clone() else { return Vec::new() };
    rows::parse("list of dynamic tools", stored).unwrap_or_else(|error| {
        tracing::warn!(%error, chat.id = %chat.id, "the dynamic tools of a chat cannot be read");
        Vec::new()
    })
}

impl From<DynamicTool> for ToolSpec {
    fn from(tool: DynamicTool) -> Self {
        let schema = if tool.input_schema.is_null() {
            json!({ "type": "object", "properties": {} })
        } else {
            tool.input_schema
        };
        Self { name: tool.name, description: tool.description, schema }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(name: &str) -> DynamicTool {
        DynamicTool { name: name.into(), description: String::new(), input_schema: Value::Null }
    }

    #[test]
    fn names_are_unique_and_none_is_of_a_built_in_tool() {
        assert!(check_dynamic_tools(&[tool("weather"), tool("news")]).is_ok());
        for wrong in [
            vec![tool("")],
            vec![tool("a b")],
            vec![tool("weather"), tool("weather")],
            vec![tool("execute")],
            vec![DynamicTool { input_schema: json!([]), ..tool("weather") }],
            (0..251).map(|n| tool(&format!("t{n}"))).collect(),
        ] {
            assert!(check_dynamic_tools(&wrong).is_err(), "{wrong:?}");
        }
    }
}
