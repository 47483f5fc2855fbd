//! What was kept, and what it must agree with: acknowledgements and the effects of tools.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Violation, Wrong, viewer::digest};

/// A message, as far as it is judged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kept {
    pub id: i64,
    pub role: String,
    pub text: String,
    /// Ids and names of the tools it calls.
    pub calls: Vec<(String, String)>,
    /// Results: id of the call, what came out, and whether that is an error.
    pub results: Vec<(String, String, bool)>,
    /// Of everything in it.
    pub digest: u64,
}

/// A chat's committed history at rest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Committed {
    pub status: String,
    /// Oldest first.
    pub messages: Vec<Kept>,
    /// The texts of what waits.
    pub queue: Vec<String>,
}

/// What a sender was told about its messages. Each has a text of its own.
#[derive(Debug, Clone, Default)]
pub struct Acknowledged {
    /// There exactly once.
    pub once: BTreeSet<String>,
    /// There at most once: the answer was lost, or the message may have been replaced.
    pub at_most_once: BTreeSet<String>,
    /// Replaced by an edit that was acknowledged.
    pub gone: BTreeSet<String>,
}

/// What a client was told about the results of its own tools, by call.
#[derive(Debug, Clone, Default)]
pub struct ClientTools {
    pub accepted: BTreeMap<String, Vec<String>>,
}

impl Kept {
    /// Reads a message as the API and the stream give it.
    pub fn read(message: &Value) -> Self {
        let parts = message["content"].as_array().map(Vec::as_slice).unwrap_or_default();
        let of = |kind: &'static str| parts.iter().filter(move |part| part["type"] == kind);
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Self {
            id: message["id"].as_i64().unwrap_or_default(),
            role: word(&message["role"]),
            text: of("text").filter_map(|part| part["text"].as_str()).collect(),
            calls: of("tool-call")
                .map(|part| (word(&part["tool_call_id"]), word(&part["tool_name"])))
                .collect(),
            results: of("tool-result")
                .map(|part| {
                    (word(&part["tool_call_id"]), part["result"].to_string(), part["is_error"] == true)
                })
                .collect(),
            digest: digest(&message["content"]),
        }
    }
}

impl Committed {
    /// What a sender was told is true, each call has one result, and nothing is there twice.
    pub fn agrees_with(&self, who: &str, told: &Acknowledged, tools: &ClientTools) -> Vec<Violation> {
        let mut found = self.messages_are_there_once(who, told);
        found.extend(self.calls_have_one_result(who));
        found.extend(self.results_are_those_accepted(who, tools));
        let ids: Vec<_> = self.messages.iter().map(|kept| kept.id).collect();
        if !ids.is_sorted_by(|left, right| left < right) {
            found.push(Violation::new(Wrong::OutOfOrder, who, format!("the ids of messages are {ids:?}")));
        }
        found
    }

    fn count(&self, text: &str) -> usize {
        let said = self.messages.iter().filter(|kept| kept.role == "user").map(|kept| &kept.text);
        said.chain(&self.queue).filter(|said| said.contains(text)).count()
    }

    fn messages_are_there_once(&self, who: &str, told: &Acknowledged) -> Vec<Violation> {
        let mut found = Vec::new();
        let mut say = |wrong, what: String| found.push(Violation::new(wrong, who, what));
        for text in &told.once {
            match self.count(text) {
                0 => say(Wrong::Lost, format!("the acknowledged message {text:?} is not there")),
                1 => {}
                count => say(Wrong::Doubled, format!("the message {text:?} is there {count} times")),
            }
        }
        for text in &told.at_most_once {
            let count = self.count(text);
            if count > 1 {
                say(Wrong::Doubled, format!("the message {text:?} is there {count} times"));
            }
        }
        for text in &told.gone {
            if self.count(text) > 0 {
                say(Wrong::Different, format!("the message {text:?} was replaced and is there"));
            }
        }
        found
    }

    fn calls_have_one_result(&self, who: &str) -> Vec<Violation> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let calls = self.messages.iter().flat_map(|kept| &kept.calls);
        let results = self.messages.iter().flat_map(|kept| &kept.results);
        calls.for_each(|(call, _)| *counts.entry(call).or_default() += 0);
        results.for_each(|(call, _, _)| *counts.entry(call).or_default() += 1);
        let is_at_rest = self.status == "waiting";
        let wrong = counts.into_iter().filter_map(|(call, count)| match count {
            0 if is_at_rest => Some((Wrong::Lost, format!("the call {call} has no result"))),
            0 | 1 => None,
            count => Some((Wrong::Doubled, format!("the call {call} has {count} results"))),
        });
        wrong.map(|(wrong, what)| Violation::new(wrong, who, what)).collect()
    }

    fn results_are_those_accepted(&self, who: &str, tools: &ClientTools) -> Vec<Violation> {
        let mut found = Vec::new();
        let results: BTreeMap<_, _> = self
            .messages
            .iter()
            .flat_map(|kept| &kept.results)
            .map(|(call, output, _)| (call, output))
            .collect();
        for (call, accepted) in &tools.accepted {
            if accepted.len() > 1 {
                let what = format!("several results of the call {call} were accepted: {accepted:?}");
                found.push(Violation::new(Wrong::EffectTwice, who, what));
            }
            // A call that was edited away has no result any more.
            if let (Some(kept), Some(first)) = (results.get(call), accepted.first())
                && !kept.contains(first.as_str())
            {
                let what = format!("the call {call} was answered with {first}, kept is {kept}");
                found.push(Violation::new(Wrong::Different, who, what));
            }
        }
        found
    }
}

/// Each command left its mark at most once, and at least once where its result says that it ran.
pub fn commands_ran_once(marks: &[String], ran: &BTreeSet<String>) -> Vec<Violation> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    marks.iter().for_each(|mark| *counts.entry(mark).or_default() += 1);
    let twice = counts.iter().filter(|(_, count)| **count > 1).map(|(mark, count)| {
        Violation::new(
            Wrong::EffectTwice,
            "workspace",
            format!("the command of the call {mark} ran {count} times"),
        )
    });
    let never = ran.iter().filter(|call| !counts.contains_key(call.as_str())).map(|call| {
        let what = format!("the call {call} has a good result and its command never ran");
        Violation::new(Wrong::Lost, "workspace", what)
    });
    twice.chain(never).collect()
}

/// The model is told each result once.
pub fn prompt_is_told_once(request: &Value) -> Vec<Violation> {
    let messages = request["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut seen = BTreeSet::new();
    let results = messages.iter().filter(|message| message["role"] == "tool");
    let twice = results.filter_map(|message| message["tool_call_id"].as_str()).filter(|id| !seen.insert(*id));
    twice
        .map(|id| {
            Violation::new(Wrong::Doubled, "model", format!("the result of the call {id} is told twice"))
        })
        .collect()
}
