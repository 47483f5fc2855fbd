//! What the model says, by the kind of the user's message.
//!
//! Answers are times, so that no two attempts say the same, and mixing them cannot go unnoticed.

use serde_json::{Value, json};

/// The tool that the chat's client runs.
pub const CLIENT_TOOL: &str = "lookup";

/// What a message asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    Short,
    Long,
    Thoughts,
    ClientTool,
    Command,
}

impl Ask {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Short => "Short",
            Self::Long => "Long",
            Self::Thoughts => "Thoughts",
            Self::ClientTool => "Lookup",
            Self::Command => "Command",
        }
    }
}

/// The script. A message that nobody answered is told as one with the next, and the first that fits counts.
pub fn script() -> String {
    let command = json!({ "command": "echo $call >> ~/runs; echo $call" });
    let turns = [
        calls(Ask::Command, json!({ "name": "execute", "args": command })),
        calls(Ask::ClientTool, json!({ "name": CLIENT_TOOL, "args": { "about": "$call" } })),
        json!({ "when": { "user": Ask::Command.word() }, "steps": [clock(6, 10)] }),
        json!({ "when": { "user": Ask::ClientTool.word() }, "steps": [clock(6, 10)] }),
        json!({ "when": { "user": Ask::Thoughts.word() }, "steps": [{ "reasoning": "So this is it. " }, clock(20, 20)] }),
        json!({ "when": { "user": Ask::Long.word() }, "steps": [clock(90, 25)] }),
        json!({ "when": { "user": Ask::Short.word() }, "steps": [clock(12, 15)] }),
    ];
    json!({ "turns": turns }).to_string()
}

fn clock(count: u32, interval_ms: u64) -> Value {
    json!({ "clock": { "count": count, "interval_ms": interval_ms } })
}

fn calls(ask: Ask, call: Value) -> Value {
    json!({ "when": { "user": ask.word(), "tool_results": 0 }, "steps": [clock(5, 10), { "tool_call": call }] })
}
