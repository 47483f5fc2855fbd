//! One viewer: its events one by one, and its end.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
};

use serde_json::Value;

use super::{Committed, Kept, Violation, Wrong};

/// Events that are kept to be shown beside a violation.
const TRANSCRIPT_MAX: usize = 80;
/// Characters of an event in the transcript.
const SHOWN_MAX: usize = 160;

/// An event of a stream, as far as it is judged.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    Message(Kept),
    Part {
        history: i64,
        attempt: i64,
        seq: i64,
        /// What the part adds to the text of the answer.
        text: String,
        digest: u64,
    },
    PreviewReset,
    HistoryReset,
    Status(String),
    Queue(usize),
    /// The model failed and is asked again, at the time that the server says.
    Retry(String),
    Error(String),
    ActionRequired,
    Other(String),
}

/// What one viewer has, and what it may get next.
#[derive(Debug)]
pub struct ViewerCheck {
    name: String,
    messages: BTreeMap<i64, Kept>,
    /// Messages up to this one the viewer said it has.
    after: i64,
    /// The episode of the parts since the last reset, and the last part's number.
    place: Option<(i64, i64)>,
    seq: i64,
    /// The newest episode of all.
    newest: (i64, i64),
    preview: String,
    status: String,
    n_queued: usize,
    transcript: VecDeque<String>,
    /// The failures of the model that it was told of, by the times when it is asked again.
    pub retries: BTreeSet<String>,
    pub n_parts: u64,
    pub n_messages: u64,
    pub n_resets: u64,
}

impl ViewerCheck {
    /// A viewer that has nothing, or the messages up to one.
    pub fn new(name: impl Into<String>, after: i64) -> Self {
        Self {
            name: name.into(),
            messages: BTreeMap::new(),
            after,
            place: None,
            seq: 0,
            newest: (0, 0),
            preview: String::new(),
            status: String::new(),
            n_queued: 0,
            transcript: VecDeque::new(),
            retries: BTreeSet::new(),
            n_parts: 0,
            n_messages: 0,
            n_resets: 0,
        }
    }

    /// Notes something that is not an event, such as a new connection.
    pub fn note(&mut self, text: impl Into<String>) {
        let mut text: String = text.into();
        if let Some((end, _)) = text.char_indices().nth(SHOWN_MAX) {
            text.truncate(end);
        }
        if self.transcript.len() == TRANSCRIPT_MAX {
            self.transcript.pop_front();
        }
        self.transcript.push_back(text);
    }

    /// What it saw last.
    pub fn transcript(&self) -> impl Iterator<Item = &str> {
        self.transcript.iter().map(String::as_str)
    }

    /// Takes the next event and says what is wrong with it.
    pub fn take(&mut self, seen: &Seen) -> Vec<Violation> {
        self.note(format!("{seen:?}"));
        match seen {
            Seen::Message(message) => self.message(message),
            Seen::Part { history, attempt, seq, text, .. } => self.part((*history, *attempt), *seq, text),
            Seen::PreviewReset => {
                self.n_resets += 1;
                self.place = None;
                self.seq = 0;
                self.preview.clear();
                Vec::new()
            }
            Seen::HistoryReset => {
                self.messages.clear();
                self.after = 0;
                Vec::new()
            }
            Seen::Status(status) => {
                let is_same = self.status == *status;
                self.status.clone_from(status);
                self.expect(!is_same, Wrong::Doubled, || format!("the status {status} comes again"))
            }
            Seen::Queue(count) => {
                self.n_queued = *count;
                Vec::new()
            }
            Seen::Retry(at) => {
                self.retries.insert(at.clone());
                Vec::new()
            }
            Seen::Error(error) => {
                vec![self.wrong(Wrong::Failed, format!("the chat shows an error: {error}"))]
            }
            Seen::ActionRequired => Vec::new(),
            Seen::Other(kind) => {
                vec![self.wrong(Wrong::Different, format!("an event of the unknown kind {kind:?} came"))]
            }
        }
    }

    /// Whether the viewer has what was kept in the end, and nothing else.
    pub fn finish(&self, committed: &Committed) -> Vec<Violation> {
        let mut found = Vec::new();
        let kept: BTreeMap<_, _> = committed
            .messages
            .iter()
            .filter(|kept| kept.id > self.after)
            .map(|kept| (kept.id, kept))
            .collect();
        for (id, kept) in &kept {
            match self.messages.get(id) {
                None => found.push(self.wrong(Wrong::Lost, format!("message {id} was never seen: {kept:?}"))),
                Some(seen) if seen.digest != kept.digest => {
                    let what = format!("message {id} is {kept:?}, seen was {seen:?}");
                    found.push(self.wrong(Wrong::Different, what));
                }
                Some(_) => {}
            }
        }
        for (id, seen) in self.messages.iter().filter(|(id, _)| !kept.contains_key(id)) {
            found.push(self.wrong(Wrong::Different, format!("message {id} is seen and not kept: {seen:?}")));
        }
        found.extend(self.expect(self.status == committed.status, Wrong::Lost, || {
            format!("the status is {}, seen was {}", committed.status, self.status)
        }));
        found.extend(self.expect(self.n_queued == committed.queue.len(), Wrong::Lost, || {
            format!("{} messages are queued, seen were {}", committed.queue.len(), self.n_queued)
        }));
        // What a failed attempt said may stay on the screen.
        let is_over = self.preview.is_empty() || committed.status == "error";
        found.extend(
            self.expect(is_over, Wrong::Different, || format!("the preview still shows {:?}", self.preview)),
        );
        found
    }

    fn message(&mut self, message: &Kept) -> Vec<Violation> {
        self.n_messages += 1;
        let mut found = Vec::new();
        let newest = self.messages.keys().next_back().copied().unwrap_or(self.after);
        match self.messages.get(&message.id) {
            Some(had) => {
                let is_new = had.digest != message.digest;
                found.extend(
                    self.expect(is_new, Wrong::Doubled, || format!("message {} comes again", message.id)),
                );
            }
            None if message.id <= newest => {
                let wrong = if message.id <= self.after { Wrong::Doubled } else { Wrong::OutOfOrder };
                found.push(self.wrong(wrong, format!("message {} comes after message {newest}", message.id)));
            }
            None => {}
        }
        if message.role == "assistant" {
            found.extend(self.continues_preview(&message.text));
        }
        self.messages.insert(message.id, message.clone());
        found
    }

    /// What is kept begins with what was shown of it. Every answer begins with a word of its own, so an answer that begins
    /// with another word is another attempt's, and the shown one is taken back.
    fn continues_preview(&self, kept: &str) -> Option<Violation> {
        let first = |text: &str| text.split(' ').next().unwrap_or_default().to_owned();
        let is_same_answer = !self.preview.is_empty() && first(&self.preview) == first(kept);
        let is_wrong = is_same_answer && !kept.starts_with(&self.preview);
        is_wrong
            .then(|| self.wrong(Wrong::Different, format!("shown was {:?}, kept is {kept:?}", self.preview)))
    }

    fn part(&mut self, episode: (i64, i64), seq: i64, text: &str) -> Vec<Violation> {
        self.n_parts += 1;
        let (place, before) = (self.place, self.seq);
        let at = format!("part {seq} of {episode:?}");
        self.place = Some(episode);
        self.seq = seq;
        let newest = self.newest;
        self.newest = newest.max(episode);
        self.preview.push_str(text);
        let wrong = match place {
            _ if episode < newest => Some((Wrong::OutOfOrder, format!("{at} comes after one of {newest:?}"))),
            None if seq != 1 => Some((Wrong::Lost, format!("{at} is the first one"))),
            None => None,
            Some(place) if place != episode => Some((
                Wrong::OutOfOrder,
                format!("{at} comes without a reset after part {before} of {place:?}"),
            )),
            Some(_) if seq == before + 1 => None,
            Some(_) if seq <= before => Some((Wrong::Doubled, format!("{at} comes after part {before}"))),
            Some(_) => Some((Wrong::Lost, format!("{at} comes after part {before}"))),
        };
        wrong.map(|(wrong, what)| self.wrong(wrong, what)).into_iter().collect()
    }

    fn expect(&self, holds: bool, wrong: Wrong, what: impl Fn() -> String) -> Vec<Violation> {
        if holds { Vec::new() } else { vec![self.wrong(wrong, what())] }
    }

    fn wrong(&self, wrong: Wrong, what: String) -> Violation {
        Violation::new(wrong, self.name.clone(), what)
    }
}

/// Reads a frame: its events and the cursor after them.
pub fn read_events(frame: &str) -> Result<(Vec<Seen>, Option<String>), serde_json::Error> {
    let events: Vec<Value> = serde_json::from_str(frame)?;
    let cursor = events.iter().rev().find_map(|event| event["cursor"].as_str().map(str::to_owned));
    Ok((events.iter().map(seen).collect(), cursor))
}

fn seen(event: &Value) -> Seen {
    let kind = event["type"].as_str().unwrap_or_default();
    match kind {
        "message" => Seen::Message(Kept::read(&event["message"])),
        "message_part" => {
            let part = &event["message_part"];
            let is_text = part["role"] == "assistant" && part["part"]["type"] == "text";
            let text = part["part"]["text"].as_str().filter(|_| is_text).unwrap_or_default();
            let number = |name: &str| part[name].as_i64().unwrap_or_default();
            Seen::Part {
                history: number("history_version"),
                attempt: number("generation_attempt"),
                seq: number("seq"),
                text: text.to_owned(),
                digest: digest(&part["part"]),
            }
        }
        "preview_reset" => Seen::PreviewReset,
        "history_reset" => Seen::HistoryReset,
        "status" => Seen::Status(event["status"]["status"].as_str().unwrap_or_default().to_owned()),
        "queue_update" => Seen::Queue(event["queued_messages"].as_array().map_or(0, Vec::len)),
        "retry" => Seen::Retry(event["retry"]["retrying_at"].as_str().unwrap_or_default().to_owned()),
        "error" => Seen::Error(event["error"].to_string()),
        "action_required" => Seen::ActionRequired,
        other => Seen::Other(other.to_owned()),
    }
}

/// The same for the same JSON, in whatever order the fields of its objects come.
pub fn digest(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    walk(value, &mut hasher);
    hasher.finish()
}

fn walk(value: &Value, hasher: &mut DefaultHasher) {
    match value {
        Value::Array(items) => {
            (1_u8, items.len()).hash(hasher);
            items.iter().for_each(|item| walk(item, hasher));
        }
        Value::Object(fields) => {
            (2_u8, fields.len()).hash(hasher);
            let sorted: BTreeMap<_, _> = fields.iter().collect();
            for (name, field) in sorted {
                name.hash(hasher);
                walk(field, hasher);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            (3_u8, value.to_string()).hash(hasher);
        }
    }
}
