//! The lines that stand for tool calls and their results. Pure.

use std::collections::HashSet;

use serde_json::Value;
use warren_api::chats::ChatMessagePart;

/// Lines of a result that are shown; the rest is counted.
const RESULT_LINES_MAX: usize = 10;
/// Longest shown line, in characters.
const LINE_CHARS_MAX: usize = 160;

/// Which calls and results are on the terminal.
#[derive(Debug, Default)]
pub(super) struct Tools {
    calls: HashSet<String>,
    results: HashSet<String>,
    live_output: HashSet<String>,
}

impl Tools {
    /// A new attempt may use the ids of calls that were dropped.
    pub(super) fn new_episode(&mut self) {
        self.live_output.clear();
    }

    /// Returns what to print for a streamed part.
    pub(super) fn live(&mut self, part: &ChatMessagePart) -> Option<String> {
        match part {
            ChatMessagePart::ToolCall { args: Some(_), .. } => self.committed(part),
            ChatMessagePart::ToolResult { tool_call_id, result_delta: Some(delta), .. } => {
                self.live_output.insert(tool_call_id.clone());
                Some(delta.clone())
            }
            ChatMessagePart::ToolResult { result: Some(_), .. } => self.committed(part),
            ChatMessagePart::ToolCall { .. }
            | ChatMessagePart::ToolResult { .. }
            | ChatMessagePart::Text { .. }
            | ChatMessagePart::Reasoning { .. }
            | ChatMessagePart::Source { .. }
            | ChatMessagePart::File { .. }
            | ChatMessagePart::FileReference { .. }
            | ChatMessagePart::ContextFile { .. }
            | ChatMessagePart::Skill { .. } => None,
        }
    }

    /// Returns what to print for a part of a message, unless it is on the terminal.
    pub(super) fn committed(&mut self, part: &ChatMessagePart) -> Option<String> {
        match part {
            ChatMessagePart::ToolCall { tool_call_id, tool_name, args, .. } => {
                self.calls.insert(tool_call_id.clone()).then(|| call_line(tool_name, args.as_ref()))
            }
            ChatMessagePart::ToolResult { tool_call_id, tool_name, result, is_error, .. } => {
                let new = self.results.insert(tool_call_id.clone());
                let live = self.live_output.contains(tool_call_id);
                new.then(|| result_lines(tool_name, result.as_ref(), *is_error, live))
            }
            ChatMessagePart::Text { .. }
            | ChatMessagePart::Reasoning { .. }
            | ChatMessagePart::Source { .. }
            | ChatMessagePart::File { .. }
            | ChatMessagePart::FileReference { .. }
            | ChatMessagePart::ContextFile { .. }
            | ChatMessagePart::Skill { .. } => None,
        }
    }
}

fn call_line(name: &str, args: Option<&Value>) -> String {
    let args = args.map(|args| shorten(&args.to_string())).unwrap_or_default();
    format!("● {name} {args}\n")
}

fn result_lines(name: &str, result: Option<&Value>, is_error: bool, live: bool) -> String {
    let mark = if is_error { "✘" } else { "✔" };
    if live && !is_error {
        return format!("  {mark} {name}\n");
    }
    let text = match result {
        Some(Value::String(text)) => text.clone(),
        Some(value) => main_text(value),
        None => String::new(),
    };
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let mut out = format!("  {mark} {name}\n");
    for line in lines.iter().take(RESULT_LINES_MAX) {
        out.push_str(&format!("    {}\n", shorten(line)));
    }
    if lines.len() > RESULT_LINES_MAX {
        out.push_str(&format!("    … {} more lines\n", lines.len() - RESULT_LINES_MAX));
    }
    out
}

/// The field that a person wants to read, where a result has one; else the whole result.
fn main_text(value: &Value) -> String {
    ["output", "content", "error", "message"]
        .iter()
        .find_map(|field| value.get(field).and_then(Value::as_str))
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= LINE_CHARS_MAX {
        return text.to_owned();
    }
    text.chars().take(LINE_CHARS_MAX).chain(std::iter::once('…')).collect()
}
