//! The script: turns with a condition, each a list of steps. The first turn whose condition holds is played.
//!
//! Conditions look at the request alone, so that a client that asks again after a crash gets the same answer.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

/// A script that cannot be used. The text says where it is wrong.
#[derive(Debug, Error)]
#[error("the script is not usable: {0}")]
pub struct ScriptError(String);

/// Turns in the order in which they are tried.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    pub turns: Vec<Turn>,
}

/// One answer and the condition under which it is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    #[serde(default)]
    pub when: When,
    pub steps: Vec<Step>,
}

/// Conditions on a request; all that are given must hold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// The last message of the user contains this text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// So many tool results follow the last message of the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_results: Option<usize>,
    /// The last tool result contains this text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_result: Option<String>,
    /// The request is for this, such as `title`. Requests that say what they are for match no other turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// This is the n-th request that would otherwise match, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<usize>,
}

/// One thing that the model does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// Says a text, word by word.
    Text(String),
    /// Thinks a text, word by word.
    Reasoning(String),
    /// Asks for a tool. A string value `$result:POINTER` in the arguments is replaced by the part of the last tool
    /// result that the JSON pointer names.
    ToolCall { name: String, args: Value },
    /// Waits, in milliseconds.
    DelayMs(u64),
    /// Waits until the barrier of this name is released.
    Barrier(String),
    /// Says the time, in nanoseconds since 1970, `count` times, `interval_ms` apart, each as a part of its own.
    Clock { count: u32, interval_ms: u64 },
    /// Answers with an HTTP error. Must be the first step.
    Fail { status: u16, message: String },
    /// Breaks the stream off without an end.
    Cut,
    /// Says nothing more, and does not end.
    Stall,
}

impl Script {
    /// Reads a script from JSON text.
    ///
    /// # Errors
    /// Names the line and the field that is wrong.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        let script: Self = serde_json::from_str(text).map_err(|error| ScriptError(error.to_string()))?;
        for (index, turn) in script.turns.iter().enumerate() {
            let late = turn.steps.iter().skip(1).any(|step| matches!(step, Step::Fail { .. }));
            if late {
                return Err(ScriptError(format!("turn {}: `fail` must be the first step", index + 1)));
            }
        }
        Ok(script)
    }

    /// Finds the turns whose condition holds, leaving `nth` aside.
    pub(crate) fn candidates(&self, request: &Value, purpose: Option<&str>) -> Vec<(usize, &Turn)> {
        let facts = Facts::of(request);
        let fits = |when: &When| when.purpose.as_deref() == purpose && facts.hold(when);
        self.turns.iter().enumerate().filter(|(_, turn)| fits(&turn.when)).collect()
    }
}

/// What conditions look at.
struct Facts {
    last_user: String,
    tool_results: usize,
    last_result: Option<String>,
}

impl Facts {
    fn of(request: &Value) -> Self {
        let messages = request["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
        let user_at = messages.iter().rposition(|message| message["role"] == "user");
        let after = &messages[user_at.map_or(0, |at| at + 1)..];
        let results: Vec<_> = after.iter().filter(|message| message["role"] == "tool").collect();
        Self {
            last_user: user_at.map(|at| text_of(&messages[at])).unwrap_or_default(),
            tool_results: results.len(),
            last_result: results.last().map(|message| text_of(message)),
        }
    }

    fn hold(&self, when: &When) -> bool {
        when.user.as_ref().is_none_or(|text| self.last_user.contains(text.as_str()))
            && when.tool_results.is_none_or(|count| self.tool_results == count)
            && when.last_result.as_ref().is_none_or(|text| {
                self.last_result.as_ref().is_some_and(|result| result.contains(text.as_str()))
            })
    }
}

/// The last tool result of a request, as JSON where it is JSON.
pub(crate) fn last_result(request: &Value) -> Value {
    let text = Facts::of(request).last_result.unwrap_or_default();
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

/// Puts parts of the last tool result where the arguments ask for them.
pub(crate) fn fill(args: &Value, result: &Value) -> Value {
    match args {
        Value::String(text) => match text.strip_prefix("$result:") {
            Some(pointer) => result.pointer(pointer).cloned().unwrap_or(Value::Null),
            None => args.clone(),
        },
        Value::Array(items) => items.iter().map(|item| fill(item, result)).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| (key.clone(), fill(value, result))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => args.clone(),
    }
}

/// The text of a message, whose content is a string or a list of parts.
fn text_of(message: &Value) -> String {
    match &message["content"] {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    }
}
