//! What the model says, by the kind of the user's message.
//!
//! Answers begin with a number that no other has and go on with times, so that no two attempts say the same, and mixing
//! them cannot go unnoticed. Every now and then the model fails, before an answer or in the middle of one; whoever asks
//! again is answered.

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

/// One request of so many is refused, one of so many of the others is answered in part.
const REFUSED: u64 = 10;
const CUT: u64 = 15;
/// Commands that one message asks for, one after the other.
const COMMANDS: usize = 3;

/// How often a model fails at most that was asked so often.
pub const fn failures_max(n_asked: u64) -> u64 {
    n_asked / REFUSED + n_asked / CUT
}

/// The script. A message that nobody answered is told as one with the next, and the first that fits counts.
pub fn script() -> String {
    let command = json!({ "command": "echo $call >> ~/runs; sleep 0.1; echo $call" });
    let command = json!({ "name": "execute", "args": command });
    let refusal = json!({ "status": 503, "message": "The model is overloaded." });
    let mut turns = vec![
        json!({ "when": { "every": REFUSED }, "steps": [{ "fail": refusal }] }),
        json!({ "when": { "every": CUT }, "steps": ["serial", clock(4, 10), "cut"] }),
    ];
    turns.extend((0..COMMANDS).map(|n_done| calls(Ask::Command, n_done, &command)));
    turns.extend([
        calls(Ask::ClientTool, 0, &json!({ "name": CLIENT_TOOL, "args": { "about": "$call" } })),
        json!({ "when": { "user": Ask::Command.word() }, "steps": ["serial", clock(6, 10)] }),
        json!({ "when": { "user": Ask::ClientTool.word() }, "steps": ["serial", clock(6, 10)] }),
        json!({ "when": { "user": Ask::Thoughts.word() },
            "steps": [{ "reasoning": "So this is it. " }, "serial", clock(20, 20)] }),
        json!({ "when": { "user": Ask::Long.word() }, "steps": ["serial", clock(90, 25)] }),
        json!({ "when": { "user": Ask::Short.word() }, "steps": ["serial", clock(12, 15)] }),
    ]);
    json!({ "turns": turns }).to_string()
}

fn clock(count: u32, interval_ms: u64) -> Value {
    json!({ "clock": { "count": count, "interval_ms": interval_ms } })
}

fn calls(ask: Ask, n_done: usize, call: &Value) -> Value {
    json!({ "when": { "user": ask.word(), "tool_results": n_done },
        "steps": ["serial", clock(5, 10), { "tool_call": call }] })
}
