//! From the history to what can be sent to a model: providers refuse calls without results, results without calls, and
//! signed thoughts of others.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use warren_vocab::MessageRole;

use crate::{message::Message, part::Part};

/// Characters of an id and of a name that every provider takes.
const ID_LEN_MAX: usize = 36;
const NAME_LEN_MAX: usize = 64;
/// The field of a call's metadata with the id that its provider gave it, where it is stored under another one.
pub const GIVEN_ID: &str = "given_id";
/// Stands for a tool that a model has called by no name.
const NAMELESS: &str = "unknown";
const MISSING_RESULT: &str = "This tool call has no result.";

/// A message of a prompt. Results stand in a message of their own, right after the calls that they answer.
#[derive(Debug, Clone, PartialEq)]
pub struct PromptMessage {
    pub role: MessageRole,
    pub parts: Vec<Part>,
}

/// Repairs a history for a model. `is_own` says whether a message was written by the provider that is asked now: what other
/// providers have signed or run themselves is left out, as nobody else can read it.
///
/// Ids of calls go back to their provider as it gave them, as some hide a seal in them; others get plain ones.
///
/// Afterwards every call has exactly one result right behind its message, every result has its call, ids of calls are unique,
/// ids and names of a form that every provider takes, arguments objects, and no part is empty.
pub fn for_prompt(history: &[Message], is_own: impl Fn(&Message) -> bool) -> Vec<PromptMessage> {
    let mut results = Results::read(history);
    let mut ids = Ids::default();
    let mut prompt = Vec::new();
    for message in history {
        match message.role {
            MessageRole::System | MessageRole::User => {
                let parts = message.content.iter().filter(|part| is_said(part)).cloned();
                push(&mut prompt, message.role, parts.collect());
            }
            MessageRole::Assistant => {
                let (said, answers) = answer(message, is_own(message), &mut results, &mut ids);
                push(&mut prompt, MessageRole::Assistant, said);
                push(&mut prompt, MessageRole::Tool, answers);
            }
            MessageRole::Tool => {}
        }
    }
    prompt
}

fn push(prompt: &mut Vec<PromptMessage>, role: MessageRole, parts: Vec<Part>) {
    if !parts.is_empty() {
        prompt.push(PromptMessage { role, parts });
    }
}

/// Whether a user's part says anything to a model.
fn is_said(part: &Part) -> bool {
    match part {
        Part::Text { text } => !text.trim().is_empty(),
        Part::File { .. } | Part::FileReference { .. } => true,
        Part::Reasoning { .. }
        | Part::ToolCall { .. }
        | Part::ToolResult { .. }
        | Part::Source { .. }
        | Part::Unknown => false,
    }
}

/// The parts of an answer, and the results of its calls.
fn answer(message: &Message, is_own: bool, results: &mut Results, ids: &mut Ids) -> (Vec<Part>, Vec<Part>) {
    let whole = whole_provider_calls(&message.content);
    let (mut said, mut answers) = (Vec::new(), Vec::new());
    let mut seen = BTreeSet::new();
    for part in &message.content {
        match part {
            Part::Text { text } => said.extend((!text.trim().is_empty()).then(|| part.clone())),
            Part::Reasoning { .. } => said.extend(thought(part, is_own)),
            Part::ToolCall { tool_call_id: id, provider_executed: true, .. }
            | Part::ToolResult { tool_call_id: id, provider_executed: true, .. } => {
                // These go back as they came: the provider knows them by their ids.
                said.extend((is_own && whole.contains(id.as_str())).then(|| part.clone()));
            }
            Part::ToolCall { tool_call_id, tool_name, args, provider_metadata, created_at, .. } => {
                if !seen.insert(tool_call_id) {
                    continue;
                }
                let own_id = provider_metadata.as_ref().and_then(|own| own[GIVEN_ID].as_str());
                let own_id = own_id.unwrap_or(tool_call_id);
                let id = if is_own { ids.as_given(own_id) } else { ids.of(tool_call_id) };
                let tool_name = name(tool_name);
                answers.push(results.take(tool_call_id, &tool_name, &id));
                said.push(Part::ToolCall {
                    tool_call_id: id,
                    tool_name,
                    args: Some(args.clone().filter(Value::is_object).unwrap_or_else(|| json!({}))),
                    args_delta: None,
                    provider_executed: false,
                    provider_metadata: provider_metadata.clone().filter(|_| is_own),
                    created_at: *created_at,
                });
            }
            Part::ToolResult { .. }
            | Part::Source { .. }
            | Part::File { .. }
            | Part::FileReference { .. }
            | Part::Unknown => {}
        }
    }
    let is_only_thought = said.iter().all(|part| matches!(part, Part::Reasoning { .. }));
    if is_only_thought {
        said.clear();
    }
    (said, answers)
}

/// A thought goes back unchanged to whoever signed it, even when it is empty; nobody else gets it.
fn thought(part: &Part, is_own: bool) -> Option<Part> {
    match part {
        Part::Reasoning { text, signature, provider_metadata, .. } => {
            let is_signed = signature.is_some() || provider_metadata.is_some();
            (is_own && (is_signed || !text.trim().is_empty())).then(|| part.clone())
        }
        Part::Text { .. }
        | Part::ToolCall { .. }
        | Part::ToolResult { .. }
        | Part::Source { .. }
        | Part::File { .. }
        | Part::FileReference { .. }
        | Part::Unknown => None,
    }
}

/// The calls that the provider ran itself and whose results are in the same message.
fn whole_provider_calls(parts: &[Part]) -> BTreeSet<&str> {
    let (mut asked, mut answered) = (BTreeSet::new(), BTreeSet::new());
    for part in parts {
        match part {
            Part::ToolCall { tool_call_id, provider_executed: true, .. } => {
                asked.insert(tool_call_id.as_str());
            }
            Part::ToolResult { tool_call_id, provider_executed: true, result: Some(_), .. } => {
                answered.insert(tool_call_id.as_str());
            }
            Part::ToolCall { .. }
            | Part::ToolResult { .. }
            | Part::Text { .. }
            | Part::Reasoning { .. }
            | Part::Source { .. }
            | Part::File { .. }
            | Part::FileReference { .. }
            | Part::Unknown => {}
        }
    }
    asked.intersection(&answered).copied().collect()
}

/// The results of the history by the ids of their calls, in order.
#[derive(Default)]
struct Results(BTreeMap<String, Vec<Part>>);

impl Results {
    fn read(history: &[Message]) -> Self {
        let mut found: BTreeMap<String, Vec<Part>> = BTreeMap::new();
        let tools = history.iter().filter(|message| message.role == MessageRole::Tool);
        for part in tools.flat_map(|message| &message.content).rev() {
            if let Part::ToolResult { tool_call_id, result: Some(_), .. } = part {
                found.entry(tool_call_id.clone()).or_default().push(part.clone());
            }
        }
        Self(found)
    }

    /// Takes the earliest result that nobody has taken; a call without one gets an error.
    fn take(&mut self, call_id: &str, tool_name: &str, id: &str) -> Part {
        match self.0.get_mut(call_id).and_then(Vec::pop) {
            Some(Part::ToolResult { result, is_error, is_media, created_at, .. }) => Part::ToolResult {
                tool_call_id: id.to_owned(),
                tool_name: tool_name.to_owned(),
                result,
                result_delta: None,
                result_reset: false,
                is_error,
                is_media,
                provider_executed: false,
                created_at,
            },
            Some(_) | None => Part::tool_result(id, tool_name, json!({ "error": MISSING_RESULT }), true),
        }
    }
}

/// Gives ids that are unique and of a form that every provider takes.
#[derive(Default)]
struct Ids(BTreeSet<String>);

impl Ids {
    fn as_given(&mut self, id: &str) -> String {
        if id.is_empty() || !self.0.insert(id.to_owned()) {
            return self.of(id);
        }
        id.to_owned()
    }

    fn of(&mut self, id: &str) -> String {
        let plain = plain(id, ID_LEN_MAX);
        let plain = if plain.is_empty() { String::from("call") } else { plain };
        let numbered = (2..).map(|n| format!("{plain}-{n}"));
        let free = std::iter::once(plain.clone()).chain(numbered).find(|id| !self.0.contains(id));
        let id = free.expect("the numbers do not end");
        self.0.insert(id.clone());
        id
    }
}

fn name(tool_name: &str) -> String {
    let plain = plain(tool_name, NAME_LEN_MAX);
    if plain.is_empty() { NAMELESS.to_owned() } else { plain }
}

fn plain(text: &str, n_chars_max: usize) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    text.chars().take(n_chars_max).map(|c| if is_plain(c) { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests;
