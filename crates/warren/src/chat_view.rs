//! Turns the events of a chat's stream into terminal text, each character once. Pure.
//!
//! A terminal cannot take text back. So what was printed of an unfinished answer is remembered: when the stream starts
//! over after a reconnect, or when the answer is committed as a message, only what is missing is printed. When the
//! server has dropped something that was printed, that is said instead of hidden.

use std::collections::HashSet;

use warren_api::chats::{
    ChatMessage, ChatMessagePart, ChatStreamEvent, ChatStreamEventType, ChatStreamMessagePart,
};
use warren_vocab::{ChatStatus, MessageId, MessageRole};

mod tools;

/// What the terminal shows so far.
#[derive(Debug, Default)]
pub struct ChatView {
    last_message: Option<MessageId>,
    status: Option<ChatStatus>,
    n_queued: usize,
    preview: Preview,
    tools: tools::Tools,
    shown: HashSet<MessageId>,
    error: Option<String>,
    at_line_start: bool,
    started: bool,
}

/// An answer that is not committed.
#[derive(Debug, Default)]
struct Preview {
    /// (history version, generation attempt) of the parts.
    episode: Option<(i64, i64)>,
    seq: i64,
    /// The text of this episode so far.
    text: String,
    /// The text that the terminal shows, perhaps from an episode before.
    shown: String,
}

impl ChatView {
    /// Starts with nothing printed; messages up to `after` are known to the reader.
    pub fn new(after: Option<MessageId>) -> Self {
        Self { last_message: after, at_line_start: true, ..Self::default() }
    }

    /// The place to continue from after a lost connection.
    pub const fn last_message(&self) -> Option<MessageId> {
        self.last_message
    }

    /// Whether the chat has nothing left to do.
    pub fn has_ended(&self) -> bool {
        let idle = match self.status {
            Some(ChatStatus::Waiting | ChatStatus::Completed) => self.n_queued == 0,
            Some(ChatStatus::Error | ChatStatus::RequiresAction | ChatStatus::Paused) => true,
            Some(ChatStatus::Running | ChatStatus::Interrupting | ChatStatus::Pending) | None => false,
        };
        idle && self.started
    }

    /// Why the chat stopped, if it stopped with an error.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Forgets what only counts within one connection; the printed text stays known.
    pub fn reconnected(&mut self) {
        self.status = None;
        self.started = false;
    }

    /// Takes a frame of events and returns the text to print.
    pub fn frame(&mut self, events: &[ChatStreamEvent]) -> String {
        let mut out = String::new();
        for event in events {
            self.event(event, &mut out);
        }
        out
    }

    fn event(&mut self, event: &ChatStreamEvent, out: &mut String) {
        match event.event_type {
            ChatStreamEventType::Message => {
                if let Some(message) = &event.message {
                    self.message(message, out);
                }
            }
            ChatStreamEventType::MessagePart => {
                if let Some(part) = &event.message_part {
                    self.part(part, out);
                }
            }
            ChatStreamEventType::Status => {
                self.status = event.status.as_ref().map(|status| status.status);
                self.started = true;
                if self.status != Some(ChatStatus::Error) {
                    self.error = None;
                }
            }
            ChatStreamEventType::Error => {
                let error = event.error.as_ref();
                self.error = error.map(|error| match &error.detail {
                    Some(detail) => format!("{} [{detail}]", error.message),
                    None => error.message.clone(),
                });
            }
            ChatStreamEventType::Retry => {
                if let Some(retry) = &event.retry {
                    let seconds = retry.delay_ms as f64 / 1000.0;
                    let error = retry.error.trim_end_matches('.');
                    self.remark(&format!("{error}; trying again in {seconds:.1} s"), out);
                }
            }
            ChatStreamEventType::QueueUpdate => self.n_queued = event.queued_messages.len(),
            // What was printed stays on the terminal; the next parts are compared with it.
            ChatStreamEventType::PreviewReset => {}
            ChatStreamEventType::HistoryReset => {
                if !self.shown.is_empty() {
                    self.remark("the history was changed", out);
                }
            }
            ChatStreamEventType::ActionRequired => self.remark("the chat waits for an action elsewhere", out),
        }
    }

    fn part(&mut self, event: &ChatStreamMessagePart, out: &mut String) {
        let episode = (event.history_version.unwrap_or(0), event.generation_attempt.unwrap_or(0));
        if self.preview.episode != Some(episode) {
            let shown = std::mem::take(&mut self.preview.shown);
            self.preview = Preview { episode: Some(episode), shown, ..Preview::default() };
            self.tools.new_episode();
        }
        let seq = event.seq.unwrap_or(self.preview.seq + 1);
        if seq <= self.preview.seq {
            return;
        }
        self.preview.seq = seq;
        if let ChatMessagePart::Text { text } = &event.part {
            self.preview.text.push_str(text);
            self.catch_up(out);
        } else if let Some(text) = self.tools.live(&event.part) {
            self.begin_line(out);
            self.write(&text, out);
        }
    }

    /// Prints what the episode has and the terminal has not.
    fn catch_up(&mut self, out: &mut String) {
        let Preview { text, shown, .. } = &mut self.preview;
        if shown.starts_with(text.as_str()) {
            return;
        }
        let text = text.clone();
        let shown = std::mem::replace(shown, text.clone());
        if let Some(rest) = text.strip_prefix(shown.as_str()) {
            self.write(rest, out);
        } else {
            self.remark("that answer was dropped; the model starts again", out);
            self.write(&text, out);
        }
    }

    fn message(&mut self, message: &ChatMessage, out: &mut String) {
        let known = self.last_message.is_some_and(|last| message.id <= last);
        if known || !self.shown.insert(message.id) {
            return;
        }
        self.last_message = Some(message.id);
        match message.role {
            MessageRole::User => {
                if !std::mem::take(&mut self.preview.shown).is_empty() {
                    self.remark("that answer was not kept", out);
                }
                self.begin_line(out);
                let text = text_of(message);
                self.write(&format!("> {}\n", text.replace('\n', "\n> ")), out);
            }
            MessageRole::Assistant => self.answer(message, out),
            MessageRole::Tool => self.tool_parts(message, out),
            MessageRole::System => {}
        }
    }

    fn answer(&mut self, message: &ChatMessage, out: &mut String) {
        let printed = std::mem::take(&mut self.preview.shown);
        let text = text_of(message);
        if let Some(rest) = text.strip_prefix(printed.as_str()) {
            self.write(rest, out);
        } else if printed.starts_with(&text) {
            let lost = printed[text.len()..].chars().count();
            self.remark(&format!("the last {lost} characters above were not kept"), out);
        } else {
            self.remark("the answer differs from what was shown; it reads", out);
            self.write(&text, out);
        }
        self.begin_line(out);
        self.tool_parts(message, out);
    }

    fn tool_parts(&mut self, message: &ChatMessage, out: &mut String) {
        for part in &message.content {
            if let Some(text) = self.tools.committed(part) {
                self.begin_line(out);
                self.write(&text, out);
            }
        }
    }

    fn remark(&mut self, text: &str, out: &mut String) {
        self.begin_line(out);
        self.write(&format!("[{text}]\n"), out);
    }

    fn begin_line(&mut self, out: &mut String) {
        if !self.at_line_start {
            self.write("\n", out);
        }
    }

    fn write(&mut self, text: &str, out: &mut String) {
        if let Some(last) = text.chars().last() {
            self.at_line_start = last == '\n';
        }
        out.push_str(text);
    }
}

fn text_of(message: &ChatMessage) -> String {
    message
        .content
        .iter()
        .filter_map(|part| if let ChatMessagePart::Text { text } = part { Some(text.as_str()) } else { None })
        .collect()
}

#[cfg(test)]
mod tests;
