//! From the parts of an unfinished answer to messages that can be committed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{decide::OpenCall, part::Part};

/// Levels of arguments that are kept as they are. JSON is read no deeper than 128, and what holds arguments adds its own.
const ARGS_DEPTH_MAX: usize = 64;

/// What an unfinished answer comes to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Draft {
    /// The parts of the assistant's message; empty when nothing was said.
    pub assistant: Vec<Part>,
    /// One result for every open call, in order.
    pub results: Vec<Part>,
}

/// Joins increments: neighbouring texts become one, and a complete tool call replaces its pieces. Pieces alone count as a
/// call when they are valid JSON; results that are not complete are left out.
pub fn merge(parts: impl IntoIterator<Item = Part>) -> Vec<Part> {
    let mut merged: Vec<Part> = Vec::new();
    let mut calls: BTreeMap<String, usize> = BTreeMap::new();
    for part in parts {
        match part {
            Part::ToolCall { ref tool_call_id, args: ref full, .. } => match calls.get(tool_call_id) {
                Some(place) if full.is_some() => merged[*place] = part,
                Some(place) => drop(merged[*place].absorb(part)),
                None => {
                    calls.insert(tool_call_id.clone(), merged.len());
                    merged.push(part);
                }
            },
            Part::ToolResult { result: None, .. } => {}
            Part::ToolResult { .. }
            | Part::FileReference { .. }
            | Part::Source { .. }
            | Part::File { .. }
            | Part::Unknown => merged.push(part),
            Part::Text { .. } | Part::Reasoning { .. } => {
                let left = match merged.last_mut() {
                    Some(last) => last.absorb(part),
                    None => Some(part),
                };
                merged.extend(left);
            }
        }
    }
    merged.into_iter().filter_map(complete).collect()
}

/// Reads the arguments of a call. Nothing stands for an empty object; none is given for what is no JSON or nests so deeply that
/// a message with it could not be read again.
pub fn arguments(text: &str) -> Option<Value> {
    if text.trim().is_empty() {
        return Some(json!({}));
    }
    serde_json::from_str(text).ok().filter(|args| !nests_deeper(args, ARGS_DEPTH_MAX))
}

/// Whether a value has more than so many levels of arrays and objects.
pub fn nests_deeper(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels == 0 || items.iter().any(|item| nests_deeper(item, levels - 1)),
        Value::Object(fields) => levels == 0 || fields.values().any(|field| nests_deeper(field, levels - 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Makes the messages for an answer that ends early. `open` are calls of committed messages; `why` is told in the results
/// of calls that have none. What the provider runs itself stays in the assistant's message and is not answered for it.
pub fn cut_short(parts: impl IntoIterator<Item = Part>, open: &[OpenCall], why: &str) -> Draft {
    let mut assistant = Vec::new();
    let mut known: Vec<Part> = Vec::new();
    for part in merge(parts) {
        match part {
            Part::ToolResult { provider_executed: false, .. } => known.push(part),
            Part::ToolResult { .. }
            | Part::Text { .. }
            | Part::Reasoning { .. }
            | Part::ToolCall { .. }
            | Part::FileReference { .. }
            | Part::Source { .. }
            | Part::File { .. }
            | Part::Unknown => assistant.push(part),
        }
    }
    let asked_now: Vec<_> = assistant.iter().filter_map(identity).collect();
    let asked_before = open.iter().map(|call| (call.call_id.clone(), call.tool_name.clone()));
    let mut seen = BTreeSet::new();
    let calls = asked_before.chain(asked_now).filter(|(id, _)| seen.insert(id.clone()));
    let results = calls
        .map(|(id, name)| {
            let found = known
                .iter()
                .find(|part| matches!(part, Part::ToolResult { tool_call_id, .. } if *tool_call_id == id));
            found.cloned().unwrap_or_else(|| Part::tool_result(&id, &name, json!({ "error": why }), true))
        })
        .collect();
    Draft { assistant, results }
}

fn identity(part: &Part) -> Option<(String, String)> {
    match part {
        Part::ToolCall { tool_call_id, tool_name, provider_executed: false, .. } => {
            Some((tool_call_id.clone(), tool_name.clone()))
        }
        Part::ToolCall { .. }
        | Part::Text { .. }
        | Part::Reasoning { .. }
        | Part::ToolResult { .. }
        | Part::FileReference { .. }
        | Part::Source { .. }
        | Part::File { .. }
        | Part::Unknown => None,
    }
}

/// Turns pieces of arguments into arguments; drops what is empty or cannot be read.
fn complete(part: Part) -> Option<Part> {
    match part {
        Part::ToolCall {
            tool_call_id,
            tool_name,
            args: None,
            args_delta,
            provider_executed,
            provider_metadata,
            created_at,
        } => {
            let args = arguments(&args_delta.unwrap_or_default())?;
            Some(Part::ToolCall {
                tool_call_id,
                tool_name,
                args: Some(args),
                args_delta: None,
                provider_executed,
                provider_metadata,
                created_at,
            })
        }
        Part::Text { ref text }
        | Part::Reasoning { ref text, signature: None, provider_metadata: None, .. }
            if text.is_empty() =>
        {
            None
        }
        Part::Text { .. }
        | Part::Reasoning { .. }
        | Part::ToolCall { .. }
        | Part::ToolResult { .. }
        | Part::FileReference { .. }
        | Part::Source { .. }
        | Part::File { .. }
        | Part::Unknown => Some(part),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn increments_become_whole_parts() {
        let parts = [
            Part::text("Hel"),
            Part::text("lo"),
            Part::args_delta("a", "execute", "{\"comm"),
            Part::args_delta("b", "read_file", "{\"pa"),
            Part::args_delta("a", "execute", "and\":\"ls\"}"),
            Part::tool_call("b", "read_file", json!({"path": "/x"})),
            Part::args_delta("c", "write_file", "{\"cut"),
            Part::text("!"),
        ];
        let wanted = [
            Part::text("Hello"),
            Part::tool_call("a", "execute", json!({"command": "ls"})),
            Part::tool_call("b", "read_file", json!({"path": "/x"})),
            Part::text("!"),
        ];
        assert_eq!(merge(parts), wanted);
    }

    #[test]
    fn an_answer_cut_short_keeps_its_text_and_answers_its_calls() {
        let parts = [Part::text("I run it."), Part::args_delta("a", "execute", "{}")];
        let draft = cut_short(parts, &[], "stopped");
        assert_eq!(draft.assistant, [Part::text("I run it."), Part::tool_call("a", "execute", json!({}))]);
        assert_eq!(draft.results, [Part::tool_result("a", "execute", json!({"error": "stopped"}), true)]);
    }

    #[test]
    fn results_that_are_complete_are_kept_when_tools_are_cut_short() {
        let open = ["a", "b"].map(|id| OpenCall {
            call_id: id.into(),
            tool_name: "execute".into(),
            args: json!({}),
            committed_at: 1,
        });
        let done = Part::tool_result("b", "execute", json!({"output": "ok"}), false);
        let parts = [Part::result_delta("a", "execute", "half"), done.clone()];
        let draft = cut_short(parts, &open, "stopped");
        assert!(draft.assistant.is_empty());
        assert_eq!(
            draft.results,
            [Part::tool_result("a", "execute", json!({"error": "stopped"}), true), done]
        );
    }

    #[test]
    fn arguments_that_nest_too_deeply_to_be_read_again_are_no_arguments() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(arguments(&nested(ARGS_DEPTH_MAX)).is_some());
        for levels in [ARGS_DEPTH_MAX + 1, 127, 100_000] {
            assert_eq!(arguments(&nested(levels)), None, "{levels}");
            assert!(merge([Part::args_delta("a", "execute", nested(levels))]).is_empty(), "{levels}");
        }
        assert_eq!((arguments(" "), arguments("{oh")), (Some(json!({})), None));
    }

    fn by_provider(part: Part) -> Part {
        let mut stored = serde_json::to_value(part).unwrap();
        stored["provider_executed"] = json!(true);
        serde_json::from_value(stored).unwrap()
    }

    #[test]
    fn what_the_provider_runs_itself_is_not_answered_for_it() {
        let call = by_provider(Part::tool_call("s", "web_search", json!({})));
        let result = by_provider(Part::tool_result("s", "web_search", json!([]), false));
        let cut = by_provider(Part::tool_call("t", "web_search", json!({})));
        let parts = [call, result, cut];
        assert_eq!(
            cut_short(parts.clone(), &[], "stopped"),
            Draft { assistant: parts.into(), results: vec![] }
        );
    }

    #[test]
    fn thoughts_keep_their_times_and_are_closed_by_their_seal() {
        let at = |seconds| chrono::DateTime::from_timestamp(seconds, 0);
        let thought = |text: &str, seal: Option<&str>, created_at, completed_at| Part::Reasoning {
            text: text.into(),
            signature: seal.map(str::to_owned),
            provider_metadata: None,
            created_at,
            completed_at,
        };
        let parts = [
            thought("Let me", None, at(1), None),
            thought(" see", None, at(2), None),
            thought("", Some("seal"), None, at(3)),
            thought("Next", None, at(4), None),
        ];
        let wanted = [thought("Let me see", Some("seal"), at(1), at(3)), thought("Next", None, at(4), None)];
        assert_eq!(merge(parts), wanted);
    }

    #[test]
    fn results_that_are_not_complete_do_not_count_as_answers() {
        let parts = [Part::tool_call("a", "execute", json!({})), Part::result_delta("a", "execute", "half")];
        let draft = cut_short(parts, &[], "stopped");
        assert_eq!(draft.results, [Part::tool_result("a", "execute", json!({"error": "stopped"}), true)]);
    }
}
