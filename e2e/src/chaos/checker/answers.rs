//! What the model said, against what was kept: every message has one answer, and every answer is kept once and whole.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Committed, Violation, Wrong};

/// An answer as the model said it; answers begin with `#` and a number that no other has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub text: String,
    pub is_complete: bool,
}

/// The answers of all chats, by their numbers: which chat keeps each.
#[derive(Debug, Default)]
pub struct Answers(BTreeMap<u64, String>);

impl Answers {
    /// Takes the answers that a chat keeps and compares them with what the model said.
    pub fn take(
        &mut self,
        who: &str,
        committed: &Committed,
        n_interrupts: usize,
        said: impl Fn(u64) -> Option<Said>,
    ) -> Vec<Violation> {
        let (mut found, mut n_cut) = (Vec::new(), 0);
        let mut wrong = |wrong, what: String| found.push(Violation::new(wrong, who, what));
        let answers = committed.messages.iter().filter(|kept| kept.role == "assistant");
        for kept in answers.filter(|kept| !kept.text.is_empty()) {
            let (id, text) = (kept.id, &kept.text);
            let Some(serial) = number(text) else {
                wrong(Wrong::Different, format!("the answer {id} does not begin as one: {text:?}"));
                continue;
            };
            if let Some(before) = self.0.insert(serial, format!("message {id} of {who}")) {
                wrong(Wrong::Doubled, format!("the answer #{serial} is kept as {id} and as {before}"));
            }
            match said(serial) {
                None => wrong(Wrong::Different, format!("the model never said #{serial}: {text:?}")),
                Some(said) if !said.text.starts_with(text.as_str()) => {
                    let what = format!("#{serial} was {:?}, kept is {text:?}", said.text);
                    wrong(Wrong::Different, what);
                }
                Some(said) => n_cut += usize::from(!said.is_complete || said.text != *text),
            }
        }
        if n_cut > n_interrupts {
            let what = format!("{n_cut} answers are kept in part, and there were {n_interrupts} interrupts");
            wrong(Wrong::Lost, what);
        }
        found
    }
}

impl Committed {
    /// Each message of the user, which all have `mark` in them, has one answer; as many may have none as were interrupted.
    pub fn each_message_has_one_answer(&self, who: &str, mark: &str, n_interrupts: usize) -> Vec<Violation> {
        let mut turns: Vec<(&str, usize)> = Vec::new();
        for kept in &self.messages {
            match kept.role.as_str() {
                "user" if kept.text.contains(mark) => turns.push((&kept.text, 0)),
                "assistant" if kept.calls.is_empty() => {
                    if let Some((_, count)) = turns.last_mut() {
                        *count += 1;
                    }
                }
                _ => {}
            }
        }
        let doubled = turns.iter().filter(|(_, count)| *count > 1);
        let mut found: Vec<_> = doubled
            .map(|(text, count)| {
                Violation::new(Wrong::Doubled, who, format!("the message {text:?} has {count} answers"))
            })
            .collect();
        let silent: Vec<_> = turns.iter().filter(|(_, count)| *count == 0).map(|(text, _)| *text).collect();
        if self.status == "waiting" && silent.len() > n_interrupts {
            let what = format!("{silent:?} have no answer, and there were {n_interrupts} interrupts");
            found.push(Violation::new(Wrong::Lost, who, what));
        }
        if self.status == "error" {
            let what = "the chat ended with an error although the model answers whoever asks again";
            found.push(Violation::new(Wrong::Failed, who, what));
        }
        found
    }
}

/// No answer is told to the model twice.
pub fn answers_are_told_once(request: &Value) -> Vec<Violation> {
    let messages = request["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut seen: BTreeMap<u64, usize> = BTreeMap::new();
    for message in messages.iter().filter(|message| message["role"] == "assistant") {
        let text = match &message["content"] {
            Value::String(text) => text.clone(),
            Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
        };
        for serial in text.split('#').skip(1).filter_map(digits) {
            *seen.entry(serial).or_default() += 1;
        }
    }
    let twice = seen.into_iter().filter(|(_, count)| *count > 1);
    twice
        .map(|(serial, count)| {
            let what = format!("the answer #{serial} is told {count} times in one request");
            Violation::new(Wrong::Doubled, "model", what)
        })
        .collect()
}

/// The name of the chat that asks: what stands between `<` and `m` in the user's last message.
pub fn asks(request: &Value) -> Option<String> {
    let messages = request["messages"].as_array()?;
    let last = messages.iter().rfind(|message| message["role"] == "user")?["content"].to_string();
    let (name, _) = last.rsplit_once('<')?.1.split_once('m')?;
    Some(name.to_owned())
}

/// No chat is booked more calls than it made.
pub fn calls_are_booked_once(
    booked: &BTreeMap<String, u64>,
    asked: &BTreeMap<String, u64>,
) -> Vec<Violation> {
    let more = booked.iter().filter(|(chat, count)| **count > asked.get(*chat).copied().unwrap_or_default());
    more.map(|(chat, count)| {
        let asked = asked.get(chat).copied().unwrap_or_default();
        let what = format!("{count} calls are booked, the model was asked {asked} times");
        Violation::new(Wrong::Doubled, format!("chat {chat}"), what)
    })
    .collect()
}

/// The number of an answer, which stands at its beginning and nowhere else.
fn number(text: &str) -> Option<u64> {
    let rest = text.strip_prefix('#')?;
    if rest.contains('#') { None } else { digits(rest) }
}

fn digits(text: &str) -> Option<u64> {
    text.split(' ').next()?.parse().ok()
}
