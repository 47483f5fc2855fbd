//! The script: turns with a condition, each a list of steps. The first turn whose condition holds is played.
//!
//! Conditions look at the request alone, so that a client that asks again after a crash gets the same answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use crate::facts::Facts;

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
    /// Every so many requests that would otherwise match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<usize>,
}

/// Tokens. Those of the cache are not in `input`, those of reasoning are in `output`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Counts {
    pub input: u64,
    pub output: u64,
    pub reasoning: u64,
    pub cache_read: u64,
    pub cache_write: u64,
}

impl Counts {
    pub(crate) fn total(&self) -> u64 {
        self.input + self.output + self.cache_read + self.cache_write
    }
}

/// One thing that the model does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// Says a text, word by word.
    Text(String),
    /// Thinks a text, word by word.
    Reasoning(String),
    /// Seals what was thought before, where the protocol has seals.
    Signature(String),
    /// Asks for a tool. A string value `$result:POINTER` in the arguments is replaced by the part of the last tool
    /// result that the JSON pointer names, and `$call` anywhere in the arguments by the call's own id.
    ///
    /// Arguments come in pieces that end at `cuts`, counted in bytes; in two without. `raw_args` is said instead of
    /// `args`, JSON or not. Without an `id` every call gets its own.
    ToolCall {
        name: String,
        #[serde(default)]
        args: Value,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        raw_args: Option<String>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        cuts: Vec<usize>,
    },
    /// What the answer costs; without it, words are counted.
    Usage(Counts),
    /// Waits, in milliseconds.
    DelayMs(u64),
    /// Waits until the barrier of this name is released.
    Barrier(String),
    /// Says the time, in nanoseconds since 1970, `count` times, `interval_ms` apart, each as a part of its own.
    Clock { count: u32, interval_ms: u64 },
    /// Says `#` and the number of this answer, which no other of the server has. What such an answer says is kept.
    Serial,
    /// Answers with an HTTP error. Must be the first step.
    Fail {
        status: u16,
        message: String,
        /// Headers of the answer, such as `retry-after`.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        headers: BTreeMap<String, String>,
    },
    /// Sends an error inside the stream and ends it.
    Error { kind: String, message: String },
    /// Sends a text as it is, whatever the protocol makes of it.
    Raw(String),
    /// Sends bytes as they are.
    RawBytes(Vec<u8>),
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

    /// Finds the turns whose condition holds, leaving `nth` and `every` aside.
    pub(crate) fn candidates(&self, facts: &Facts, purpose: Option<&str>) -> Vec<(usize, &Turn)> {
        let fits = |when: &When| when.purpose.as_deref() == purpose && facts.hold(when);
        self.turns.iter().enumerate().filter(|(_, turn)| fits(&turn.when)).collect()
    }
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
