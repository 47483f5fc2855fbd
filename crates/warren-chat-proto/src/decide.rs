//! What a running turn does next, from the history alone.

use std::collections::BTreeSet;

use serde_json::Value;
use warren_vocab::MessageRole;

use crate::{
    compaction,
    message::{Message, Usage},
    part::Part,
};

/// The most answers of the model in one turn, when nobody has said another number.
pub const STEPS_MAX: usize = 1200;

const NOT_ALONE: &str =
    "This tool must be the only one in an answer, so none of the calls was run. Call it alone.";

/// A message of the history, as far as decisions need it.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    pub role: MessageRole,
    pub parts: &'a [Part],
    /// The snapshot version that committed the message.
    pub revision: i64,
    /// A summary, or what shows users that one was made.
    pub compressed: bool,
    pub usage: Option<&'a Usage>,
}

/// A tool call that has no result yet.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenCall {
    pub call_id: String,
    pub tool_name: String,
    pub args: Value,
    /// The revision of the message that committed the call.
    pub committed_at: i64,
}

/// Who answers a tool call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallKind {
    /// The server runs it now.
    Local,
    /// The client of the chat runs it.
    Dynamic,
    /// Somebody decides first whether it runs.
    Asked,
    /// The provider has run it.
    ProviderExecuted,
}

/// What the decision depends on besides the history.
pub struct Rules<'a> {
    /// Who answers an open call, from the chat's tools, the ledger and the approval rules.
    pub kind: &'a (dyn Fn(&OpenCall) -> CallKind + Sync),
    /// Tools that end the turn when they succeed.
    pub stop_after: &'a (dyn Fn(&str) -> bool + Sync),
    /// Tools that must be alone in an answer.
    pub exclusive: &'a (dyn Fn(&str) -> bool + Sync),
    pub steps_max: usize,
    /// None when no summaries are made.
    pub compaction: Option<compaction::Limit>,
}

impl<'a> Rules<'a> {
    /// Rules with the usual number of steps, without tools that end turns or must be alone, and without summaries.
    pub fn new(kind: &'a (dyn Fn(&OpenCall) -> CallKind + Sync)) -> Self {
        let none = &|_: &str| false;
        Self { kind, stop_after: none, exclusive: none, steps_max: STEPS_MAX, compaction: None }
    }
}

/// Why a turn is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The model has answered.
    Answered,
    /// A tool that ends turns has succeeded.
    StoppedByTool,
    /// The turn has used up its steps.
    StepLimit,
}

/// The next thing that the worker does.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Run these tools, in the order in which the model asked for them.
    RunTools(Vec<OpenCall>),
    /// Commit [`refusals`] of these calls: one of them had to be alone.
    Refuse(Vec<OpenCall>),
    /// Wait for the client's results and for somebody's decisions.
    EnterRequiresAction { dynamic: Vec<OpenCall>, asked: Vec<OpenCall> },
    /// Replace the conversation by its summary.
    Compact,
    /// A summary was made and the conversation is still too long: the turn ends with an error.
    TooLong,
    /// Ask the model.
    Generate,
    /// The turn is over.
    Finish(Ending),
}

/// Decides from the history, oldest first. It may begin anywhere before the turn's first message.
pub fn next<'a>(history: impl IntoIterator<Item = impl Into<Entry<'a>>>, rules: &Rules<'_>) -> Next {
    let turn = Turn::read(history, rules);
    let Turn { open, .. } = &turn;
    if !open.is_empty() {
        return answer(&turn, rules);
    }
    let Some(step) = &turn.last_step else {
        return generate(&turn, rules);
    };
    if step.is_stopped {
        return Next::Finish(Ending::StoppedByTool);
    }
    if step.names.is_empty() {
        return Next::Finish(Ending::Answered);
    }
    if turn.n_steps >= rules.steps_max {
        return Next::Finish(Ending::StepLimit);
    }
    generate(&turn, rules)
}

/// The results of calls that are refused because one of them had to be alone.
pub fn refusals(calls: &[OpenCall]) -> Vec<Part> {
    let refusal = |call: &OpenCall| {
        let result = serde_json::json!({ "error": NOT_ALONE, "error_code": "not_alone" });
        Part::tool_result(&call.call_id, &call.tool_name, result, true)
    };
    calls.iter().map(refusal).collect()
}

/// The calls of a history that no later message answers. What a provider runs itself is never open.
pub fn open_calls<'a>(history: impl IntoIterator<Item = impl Into<Entry<'a>>>) -> Vec<OpenCall> {
    let mut open: Vec<OpenCall> = Vec::new();
    for entry in history {
        let entry = entry.into();
        if !entry.compressed {
            open.extend(calls(&entry));
            let answered: BTreeSet<_> = answers(entry.parts).map(|(id, _)| id).collect();
            open.retain(|call| !answered.contains(call.call_id.as_str()));
        }
    }
    open
}

/// What the history says about the current turn.
#[derive(Default)]
struct Turn {
    n_steps: usize,
    last_step: Option<Step>,
    open: Vec<OpenCall>,
    /// What the newest answer used, of this turn or of one before it, unless a summary was made since.
    newest_usage: Option<Usage>,
    /// Answers since the last summary; none when no summary was made in this turn.
    n_since_summary: Option<usize>,
}

/// The last answer of the model in this turn.
struct Step {
    /// The tools that it calls, without those that the provider runs.
    names: Vec<String>,
    is_stopped: bool,
}

impl Turn {
    fn read<'a>(history: impl IntoIterator<Item = impl Into<Entry<'a>>>, rules: &Rules<'_>) -> Self {
        let mut turn = Self::default();
        for entry in history {
            turn.take(&entry.into(), rules);
        }
        turn
    }

    fn take(&mut self, entry: &Entry<'_>, rules: &Rules<'_>) {
        if entry.compressed {
            (self.newest_usage, self.n_since_summary) = (None, Some(0));
            return;
        }
        match entry.role {
            MessageRole::System => {}
            MessageRole::User => {
                let newest_usage = self.newest_usage;
                *self = Self { newest_usage, ..Self::default() };
            }
            MessageRole::Assistant => {
                let asked: Vec<_> = calls(entry).collect();
                let names = asked.iter().map(|call| call.tool_name.clone()).collect();
                self.n_steps += 1;
                self.n_since_summary = self.n_since_summary.map(|n| n + 1);
                self.last_step = Some(Step { names, is_stopped: false });
                self.open.extend(asked);
                self.newest_usage = entry.usage.copied().or(self.newest_usage);
            }
            MessageRole::Tool => {
                for (id, is_error) in answers(entry.parts) {
                    let Some(place) = self.open.iter().position(|call| call.call_id == id) else { continue };
                    let call = self.open.remove(place);
                    if let Some(step) = &mut self.last_step {
                        step.is_stopped |= !is_error && (rules.stop_after)(&call.tool_name);
                    }
                }
            }
        }
    }
}

/// Decides about open calls: first what can run, then what somebody else must answer.
fn answer(turn: &Turn, rules: &Rules<'_>) -> Next {
    let names = turn.last_step.as_ref().map_or(&[][..], |step| &step.names);
    if names.len() > 1 && names.iter().any(|name| (rules.exclusive)(name)) {
        return Next::Refuse(turn.open.clone());
    }
    let (mut local, mut dynamic, mut asked) = (Vec::new(), Vec::new(), Vec::new());
    for call in &turn.open {
        match (rules.kind)(call) {
            CallKind::Local => local.push(call.clone()),
            CallKind::Dynamic => dynamic.push(call.clone()),
            CallKind::Asked => asked.push(call.clone()),
            CallKind::ProviderExecuted => {}
        }
    }
    if !local.is_empty() {
        return Next::RunTools(local);
    }
    if dynamic.is_empty() && asked.is_empty() {
        return generate(turn, rules);
    }
    Next::EnterRequiresAction { dynamic, asked }
}

/// Asks the model, after a summary where one is due.
fn generate(turn: &Turn, rules: &Rules<'_>) -> Next {
    let is_too_long = match (&rules.compaction, &turn.newest_usage) {
        (Some(limit), Some(usage)) => limit.is_reached(usage),
        (None, _) | (_, None) => false,
    };
    match (is_too_long, turn.n_since_summary) {
        (false, _) => Next::Generate,
        // The summary did not help: another would not either.
        (true, Some(1)) => Next::TooLong,
        (true, _) => Next::Compact,
    }
}

fn calls<'a>(entry: &Entry<'a>) -> impl Iterator<Item = OpenCall> + use<'a> {
    let committed_at = entry.revision;
    entry.parts.iter().filter_map(move |part| match part {
        Part::ToolCall { tool_call_id, tool_name, args, provider_executed: false, .. } => Some(OpenCall {
            call_id: tool_call_id.clone(),
            tool_name: tool_name.clone(),
            args: args.clone().unwrap_or_else(|| Value::Object(serde_json::Map::new())),
            committed_at,
        }),
        Part::ToolCall { .. }
        | Part::Text { .. }
        | Part::Reasoning { .. }
        | Part::ToolResult { .. }
        | Part::FileReference { .. }
        | Part::Source { .. }
        | Part::File { .. }
        | Part::Unknown => None,
    })
}

/// The ids of answered calls, and whether they failed.
fn answers(parts: &[Part]) -> impl Iterator<Item = (&str, bool)> {
    parts.iter().filter_map(|part| match part {
        Part::ToolResult { tool_call_id, result: Some(_), is_error, .. } => {
            Some((tool_call_id.as_str(), *is_error))
        }
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

impl<'a> From<&'a Message> for Entry<'a> {
    fn from(message: &'a Message) -> Self {
        Self {
            role: message.role,
            parts: &message.content,
            revision: message.revision,
            compressed: message.compressed,
            usage: message.usage.as_ref(),
        }
    }
}

impl<'a> From<(MessageRole, &'a [Part])> for Entry<'a> {
    fn from((role, parts): (MessageRole, &'a [Part])) -> Self {
        Self { role, parts, revision: 0, compressed: false, usage: None }
    }
}

#[cfg(test)]
mod tests;
