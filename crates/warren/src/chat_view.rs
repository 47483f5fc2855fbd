//! Turns the events of a chat's stream into terminal text, each character once. Pure.
//!
//! A terminal cannot take text back. So what was printed of an unfinished answer is remembered: when the stream starts
//! over after a reconnect, or when the answer is committed as a message, only what is missing is printed. When the
//! server has dropped something that was printed, that is said instead of hidden.
//!
//! Nothing that others wrote reaches the terminal without passing [`printable`](crate::printable).

mod look;
mod tools;
mod waiting;

use std::{collections::HashSet, time::Instant};

use warren_api::chats::{
    ChatError, ChatMessage, ChatMessagePart, ChatStreamEvent, ChatStreamEventType, ChatStreamMessagePart,
    ChatStreamRetry,
};
use warren_vocab::{ChatId, ChatStatus, MessageId, MessageRole};

pub use look::Look;
use look::{Style, cut};
pub use waiting::{Question, Waiting, answer_text, call_text, choose, command_word};

use crate::{chat_tool, printable};

/// The pretended tool under which a summary of the conversation is shown.
const SUMMARY_TOOL: &str = "chat_summarized";
const QUESTION_TOOL: &str = "ask_user_question";
/// Cells that the footer needs beside a title.
const FOOTER_FACTS: usize = 16;

/// What the terminal shows so far.
#[derive(Debug)]
pub struct ChatView {
    look: Look,
    chat: ChatId,
    last_message: Option<MessageId>,
    status: Option<ChatStatus>,
    /// When the status, or the answer that is being written, last changed.
    changed_at: Option<Instant>,
    n_queued: usize,
    preview: Preview,
    tools: tools::Tools,
    waiting: Waiting,
    /// Calls that were shown to wait.
    told: HashSet<String>,
    retry: Option<(ChatStreamRetry, Instant)>,
    shown: HashSet<MessageId>,
    error: Option<String>,
    block: Block,
    at_line_start: bool,
    has_printed: bool,
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
    /// Thoughts that were not printed.
    thought: String,
    has_thought: bool,
}

/// What was printed last; a blank line comes between two kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    Remark,
    User,
    Thought,
    Text,
    Tools,
    Asked,
}

impl ChatView {
    /// Starts with nothing printed; messages up to `after` are known to the reader.
    pub fn new(look: Look, chat: ChatId, after: Option<MessageId>) -> Self {
        Self {
            look,
            chat,
            last_message: after,
            status: None,
            changed_at: None,
            n_queued: 0,
            preview: Preview::default(),
            tools: tools::Tools::new(look),
            waiting: Waiting::default(),
            told: HashSet::new(),
            retry: None,
            shown: HashSet::new(),
            error: None,
            block: Block::Remark,
            at_line_start: true,
            has_printed: false,
        }
    }

    /// The last message that is known.
    pub const fn last_message(&self) -> Option<MessageId> {
        self.last_message
    }

    /// Whether the chat has nothing left to do until somebody says something.
    pub fn has_ended(&self) -> bool {
        match self.status {
            Some(ChatStatus::Waiting | ChatStatus::Completed | ChatStatus::Paused) => self.n_queued == 0,
            // What belongs to the status may come in the next frame.
            Some(ChatStatus::Error) => self.error.is_some(),
            Some(ChatStatus::RequiresAction) => !self.waiting.is_empty(),
            Some(ChatStatus::Running | ChatStatus::Interrupting | ChatStatus::Pending) | None => false,
        }
    }

    /// What the chat waits for once it has nothing left to do.
    pub fn waits_for(&self) -> Option<&Waiting> {
        let waits = self.has_ended() && self.status != Some(ChatStatus::Error) && !self.waiting.is_empty();
        waits.then_some(&self.waiting)
    }

    /// Why the chat stopped, if it stopped with an error.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Takes a frame of events and returns the text to print.
    pub fn frame(&mut self, events: &[ChatStreamEvent], now: Instant) -> String {
        let mut out = String::new();
        for event in events {
            self.event(event, now, &mut out);
        }
        out
    }

    /// Returns what to print for something between the events.
    pub fn note(&mut self, text: &str) -> String {
        let mut out = String::new();
        self.remark(text, &mut out);
        out
    }

    /// The person's terminal is at the end of a line that was not printed by the view, or at the beginning of the next.
    pub const fn cursor_moved(&mut self, at_line_start: bool) {
        self.at_line_start = at_line_start;
    }

    /// Whether a line of its own can be shown below the text.
    pub const fn is_at_line_start(&self) -> bool {
        self.at_line_start
    }

    /// What goes on at this moment, on one line: nothing that stays.
    pub fn footer(&self, now: Instant) -> Option<String> {
        if self.status.is_none() || self.has_ended() {
            return None;
        }
        let since =
            |start: Instant| chat_tool::duration(now.saturating_duration_since(start).as_millis() as f64);
        let text = if let Some((retry, at)) = &self.retry {
            let left =
                (retry.delay_ms as f64 / 1000.0 - now.saturating_duration_since(*at).as_secs_f64()).max(0.0);
            let left = if left < 60.0 { format!("{left:.0} s") } else { chat_tool::duration(left * 1000.0) };
            format!("⋯ trying again in {left}")
        } else if self.status == Some(ChatStatus::Interrupting) {
            "⋯ stopping".to_owned()
        } else if let Some((title, started)) = self.tools.running() {
            let title = cut(&title, self.look.columns.saturating_sub(FOOTER_FACTS));
            format!("⋯ {title} · {}", since(started))
        } else {
            let what = if self.preview.has_thought { "thinking" } else { "waiting for the model" };
            format!("⋯ {what} · {}", self.changed_at.map(since).unwrap_or_default())
        };
        Some(self.look.paint(Style::Dim, &cut(&text, self.look.columns.saturating_sub(1))))
    }

    fn event(&mut self, event: &ChatStreamEvent, now: Instant, out: &mut String) {
        match event.event_type {
            ChatStreamEventType::Message => {
                if let Some(message) = &event.message {
                    self.message(message, now, out);
                }
            }
            ChatStreamEventType::MessagePart => {
                if let Some(part) = &event.message_part {
                    self.part(part, now, out);
                }
            }
            ChatStreamEventType::Status => {
                if let Some(status) = &event.status {
                    self.status(status.status, now, out);
                }
            }
            ChatStreamEventType::Error => {
                if let Some(error) = &event.error {
                    self.failed(error, out);
                }
            }
            ChatStreamEventType::Retry => {
                if let Some(retry) = &event.retry {
                    self.retry(retry, now, out);
                }
            }
            ChatStreamEventType::QueueUpdate => self.queue(event.queued_messages.len(), out),
            // What was printed stays on the terminal; the next parts are compared with it.
            ChatStreamEventType::PreviewReset => {}
            ChatStreamEventType::HistoryReset => {
                self.waiting.questions.clear();
                if !self.shown.is_empty() {
                    self.remark("the history was changed", out);
                }
            }
            ChatStreamEventType::ActionRequired => {
                let action = event.action_required.clone().unwrap_or_default();
                let text = self.waiting.asked(action, &mut self.told, self.chat, &self.look);
                self.write_block(Block::Asked, &text, out);
            }
        }
    }

    fn status(&mut self, status: ChatStatus, now: Instant, out: &mut String) {
        let before = self.status.replace(status);
        self.changed_at = Some(now);
        if status != ChatStatus::Error {
            self.error = None;
        }
        if status != ChatStatus::Running {
            self.retry = None;
        }
        if status != ChatStatus::RequiresAction {
            self.waiting.nothing_asked();
            self.told.clear();
        }
        match status {
            ChatStatus::Interrupting => self.remark("being stopped", out),
            ChatStatus::Waiting if before == Some(ChatStatus::Interrupting) => self.remark("stopped", out),
            ChatStatus::Waiting if !self.waiting.questions.is_empty() => {
                let text = self.waiting.how_to_answer(self.chat, &self.look);
                self.write_block(Block::Asked, &text, out);
            }
            ChatStatus::Waiting
            | ChatStatus::Running
            | ChatStatus::RequiresAction
            | ChatStatus::Error
            | ChatStatus::Pending
            | ChatStatus::Paused
            | ChatStatus::Completed => {}
        }
    }

    fn failed(&mut self, error: &ChatError, out: &mut String) {
        let text = match &error.detail {
            Some(detail) => format!("{} [{detail}]", error.message),
            None => error.message.clone(),
        };
        let text = printable::reveal(&text).into_owned();
        if self.look.stays {
            let line = self.look.paint(Style::Red, &format!("✘ {text}"));
            self.write_block(Block::Asked, &format!("{line}\n"), out);
        }
        self.error = Some(text);
    }

    fn retry(&mut self, retry: &ChatStreamRetry, now: Instant, out: &mut String) {
        let delay = chat_tool::duration(retry.delay_ms as f64);
        let error = printable::reveal(retry.error.trim_end_matches('.')).into_owned();
        self.remark(&format!("{error}; attempt {} failed, trying again in {delay}", retry.attempt), out);
        self.retry = Some((retry.clone(), now));
    }

    fn queue(&mut self, n_queued: usize, out: &mut String) {
        let before = std::mem::replace(&mut self.n_queued, n_queued);
        match n_queued {
            n if n <= before => {}
            1 => self.remark("1 message waits in the queue", out),
            n => self.remark(&format!("{n} messages wait in the queue"), out),
        }
    }

    fn part(&mut self, event: &ChatStreamMessagePart, now: Instant, out: &mut String) {
        let episode = (event.history_version.unwrap_or(0), event.generation_attempt.unwrap_or(0));
        if self.preview.episode != Some(episode) {
            let shown = std::mem::take(&mut self.preview.shown);
            self.preview = Preview { episode: Some(episode), shown, ..Preview::default() };
        }
        let seq = event.seq.unwrap_or(self.preview.seq + 1);
        if seq <= self.preview.seq {
            return;
        }
        self.preview.seq = seq;
        self.retry = None;
        match &event.part {
            ChatMessagePart::Text { text } => {
                self.think_aloud(out);
                self.preview.text.push_str(text);
                self.catch_up(out);
            }
            ChatMessagePart::Reasoning { text, .. } => {
                self.preview.has_thought = true;
                self.preview.thought.push_str(text);
            }
            part => {
                if let Some(text) = self.tools.live(part, now) {
                    self.think_aloud(out);
                    self.write_block(Block::Tools, &text, out);
                }
            }
        }
    }

    /// Prints what was thought, if that is wanted.
    fn think_aloud(&mut self, out: &mut String) {
        let thought = std::mem::take(&mut self.preview.thought);
        self.preview.has_thought = false;
        if self.look.reasoning && !thought.trim().is_empty() {
            let text = printable::reveal(thought.trim());
            let lines: String =
                text.lines().map(|line| self.look.paint(Style::Dim, &format!("~ {line}")) + "\n").collect();
            self.write_block(Block::Thought, &lines, out);
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
            self.say(rest, out);
        } else {
            self.remark("that answer was dropped; the model starts again", out);
            self.say(&text, out);
        }
    }

    fn message(&mut self, message: &ChatMessage, now: Instant, out: &mut String) {
        self.waiting.heard(message);
        let known = self.last_message.is_some_and(|last| message.id <= last);
        if known || !self.shown.insert(message.id) {
            return;
        }
        self.last_message = Some(message.id);
        self.changed_at = Some(now);
        match message.role {
            MessageRole::User => self.user(message, out),
            MessageRole::Assistant => self.answer(message, now, out),
            MessageRole::Tool => self.tool_parts(message, now, out),
            MessageRole::System => {}
        }
    }

    fn user(&mut self, message: &ChatMessage, out: &mut String) {
        if !std::mem::take(&mut self.preview.shown).is_empty() {
            self.remark("that answer was not kept", out);
        }
        self.tools.new_turn();
        let text = text_of(message);
        let text = printable::reveal(text.trim_end());
        let lines: String =
            text.lines().map(|line| self.look.paint(Style::Bold, &format!("> {line}")) + "\n").collect();
        self.begin_line(out);
        if self.has_printed {
            self.write("\n", out);
        }
        self.block = Block::User;
        self.write_block(Block::User, &lines, out);
    }

    fn answer(&mut self, message: &ChatMessage, now: Instant, out: &mut String) {
        if self.preview.episode.is_none() {
            let thoughts = message.content.iter().filter_map(|part| match part {
                ChatMessagePart::Reasoning { text, .. } => Some(text.as_str()),
                _ => None,
            });
            self.preview.thought = thoughts.collect::<Vec<_>>().join("\n");
        }
        self.think_aloud(out);
        let printed = std::mem::take(&mut self.preview).shown;
        let text = text_of(message);
        if let Some(rest) = text.strip_prefix(printed.as_str()) {
            self.say(rest, out);
        } else if printed.starts_with(&text) {
            let lost = printed[text.len()..].chars().count();
            self.remark(&format!("the last {lost} characters above were not kept"), out);
        } else {
            self.remark("the answer differs from what was shown; it reads", out);
            self.say(&text, out);
        }
        self.begin_line(out);
        self.tool_parts(message, now, out);
    }

    fn tool_parts(&mut self, message: &ChatMessage, now: Instant, out: &mut String) {
        for part in &message.content {
            let Some(text) = self.tools.committed(part, now) else { continue };
            self.write_block(Block::Tools, &text, out);
        }
        let asked = message.content.iter().any(|part| {
            matches!(part, ChatMessagePart::ToolResult { tool_name, is_error: false, .. } if tool_name == QUESTION_TOOL)
        });
        if asked {
            let text = self.waiting.questions_text(&self.look);
            self.write_block(Block::Asked, &text, out);
        }
    }

    /// Prints text of the model.
    fn say(&mut self, text: &str, out: &mut String) {
        if text.is_empty() {
            return;
        }
        if self.block != Block::Text {
            self.blank_line(out);
            self.block = Block::Text;
        }
        let text = printable::reveal(text).into_owned();
        self.write(&text, out);
    }

    /// Prints whole lines of a kind.
    fn write_block(&mut self, block: Block, text: &str, out: &mut String) {
        if text.is_empty() {
            return;
        }
        if self.block != block {
            self.blank_line(out);
        }
        self.begin_line(out);
        self.block = block;
        self.write(text, out);
    }

    fn remark(&mut self, text: &str, out: &mut String) {
        self.begin_line(out);
        self.block = Block::Remark;
        let line = self.look.paint(Style::Yellow, &format!("[{text}]"));
        self.write(&format!("{line}\n"), out);
    }

    fn blank_line(&mut self, out: &mut String) {
        self.begin_line(out);
        if self.has_printed && self.block != Block::Remark {
            self.write("\n", out);
        }
    }

    fn begin_line(&mut self, out: &mut String) {
        if !self.at_line_start {
            self.write("\n", out);
        }
    }

    fn write(&mut self, text: &str, out: &mut String) {
        if let Some(last) = text.chars().last() {
            self.at_line_start = last == '\n';
            self.has_printed = true;
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
