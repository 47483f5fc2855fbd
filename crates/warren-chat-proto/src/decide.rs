//! What a running turn does next, from the history alone.

use std::collections::BTreeSet;

use serde_json::Value;
use warren_vocab::MessageRole;

use crate::part::Part;

/// The most answers of the model in one turn.
pub const STEPS_MAX: usize = 1200;

/// A tool call that has no result yet.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenCall {
    pub call_id: String,
    pub tool_name: String,
    pub args: Value,
}

/// The next thing that the worker does.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Run these tools, in the order in which the model asked for them.
    RunTools(Vec<OpenCall>),
    /// Ask the model.
    Generate,
    /// The turn is over: the model has answered, or it has used up its steps.
    Finish { reached_step_limit: bool },
}

/// Decides from the roles and parts of the history, oldest first.
pub fn next<'a>(history: impl IntoIterator<Item = (MessageRole, &'a [Part])>) -> Next {
    let mut steps = 0;
    let mut last_step_has_calls = None;
    let mut open: Vec<OpenCall> = Vec::new();
    for (role, parts) in history {
        match role {
            MessageRole::System => {}
            MessageRole::User => (steps, last_step_has_calls, open) = (0, None, Vec::new()),
            MessageRole::Assistant => {
                steps += 1;
                open.extend(calls(parts));
                last_step_has_calls = Some(calls(parts).next().is_some());
            }
            MessageRole::Tool => {
                let answered: BTreeSet<_> = answers(parts).collect();
                open.retain(|call| !answered.contains(call.call_id.as_str()));
            }
        }
    }
    match last_step_has_calls {
        _ if !open.is_empty() => Next::RunTools(open),
        None => Next::Generate,
        Some(false) => Next::Finish { reached_step_limit: false },
        Some(true) if steps >= STEPS_MAX => Next::Finish { reached_step_limit: true },
        Some(true) => Next::Generate,
    }
}

/// The calls of a history that no later message answers.
pub fn open_calls<'a>(history: impl IntoIterator<Item = (MessageRole, &'a [Part])>) -> Vec<OpenCall> {
    let mut open: Vec<OpenCall> = Vec::new();
    for (_, parts) in history {
        open.extend(calls(parts));
        let answered: BTreeSet<_> = answers(parts).collect();
        open.retain(|call| !answered.contains(call.call_id.as_str()));
    }
    open
}

fn calls(parts: &[Part]) -> impl Iterator<Item = OpenCall> {
    parts.iter().filter_map(|part| match part {
        Part::ToolCall { tool_call_id, tool_name, args, .. } => Some(OpenCall {
            call_id: tool_call_id.clone(),
            tool_name: tool_name.clone(),
            args: args.clone().unwrap_or_else(|| Value::Object(serde_json::Map::new())),
        }),
        Part::Text { .. }
        | Part::Reasoning { .. }
        | Part::ToolResult { .. }
        | Part::FileReference { .. }
        | Part::Source { .. }
        | Part::File { .. }
        | Part::Unknown => None,
    })
}

fn answers(parts: &[Part]) -> impl Iterator<Item = &str> {
    parts.iter().filter_map(|part| match part {
        Part::ToolResult { tool_call_id, result: Some(_), .. } => Some(tool_call_id.as_str()),
        Part::ToolResult { .. }
        | Part::Text { .. }
        | Part::Reasoning { .. }
        | Part::ToolCall { .. }
        | Part::FileReference { .. }
        | Part::Source { .. }
        | Part::File { .. }
        | Part::Unknown => None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    type History = Vec<(MessageRole, Vec<Part>)>;

    fn decide(history: &History) -> Next {
        next(history.iter().map(|(role, parts)| (*role, parts.as_slice())))
    }

    #[test]
    fn a_turn_goes_from_the_question_over_tools_to_the_answer() {
        let mut history: History = vec![(MessageRole::User, vec![Part::text("list files")])];
        assert_eq!(decide(&history), Next::Generate);
        let calls = vec![
            Part::text("I look."),
            Part::tool_call("a", "execute", json!({"command": "ls"})),
            Part::tool_call("b", "read_file", json!({"path": "/x"})),
        ];
        history.push((MessageRole::Assistant, calls));
        let Next::RunTools(open) = decide(&history) else { panic!("tools are open") };
        assert_eq!(open.iter().map(|call| call.call_id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        history.push((MessageRole::Tool, vec![Part::tool_result("a", "execute", json!({}), false)]));
        let Next::RunTools(open) = decide(&history) else { panic!("one tool is open") };
        assert_eq!(open.len(), 1);
        history.push((MessageRole::Tool, vec![Part::tool_result("b", "read_file", json!({}), true)]));
        assert_eq!(decide(&history), Next::Generate);
        history.push((MessageRole::Assistant, vec![Part::text("Two files.")]));
        assert_eq!(decide(&history), Next::Finish { reached_step_limit: false });
        history.push((MessageRole::User, vec![Part::text("thanks")]));
        assert_eq!(decide(&history), Next::Generate);
    }

    #[test]
    fn a_model_that_never_stops_asking_is_stopped() {
        let mut history: History = vec![(MessageRole::User, vec![Part::text("loop")])];
        for step in 0..STEPS_MAX {
            let id = step.to_string();
            history.push((MessageRole::Assistant, vec![Part::tool_call(&id, "execute", json!({}))]));
            history.push((MessageRole::Tool, vec![Part::tool_result(&id, "execute", json!({}), false)]));
        }
        assert_eq!(decide(&history), Next::Finish { reached_step_limit: true });
    }
}
