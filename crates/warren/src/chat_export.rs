//! A chat as a document for people. Pure.
//!
//! What people and models wrote is Markdown already and stays it, kept from running over its place (see [`prose`]); what
//! programs wrote stands in fences longer than any within. The call of a tool and its result, which are parts of two
//! messages, are told together.

mod fence;
mod prose;

use std::{
    collections::{BTreeMap, HashSet},
    fmt::Write as _,
};

use chrono::{DateTime, Utc};
use serde_json::Value;
use warren_api::chats::{ChatMessagePart, ChatMessageUsage};

use crate::{
    chat_tool::{self, State},
    chat_wire::{self, Message, Part},
    printable,
};

/// What `warren-chat-proto` calls the pretended tool under which a summary is shown.
const SUMMARY_TOOL: &str = "chat_summarized";
const TITLE_CHARS_MAX: usize = 200;
const OBJECT_CHARS_MAX: usize = 100;

/// What a document is made of.
#[derive(Debug, Default)]
pub struct Document {
    /// The chat as the API shows it.
    pub chat: Value,
    /// Oldest first, as the API shows them.
    pub messages: Vec<Value>,
    pub queued_messages: Vec<Value>,
    /// Name of the owner; empty when it is not known.
    pub owner: String,
    /// Names of models by the ids of their configurations.
    pub models: BTreeMap<String, String>,
    pub cost: Option<Cost>,
    /// Whether the thoughts of the model are in it.
    pub with_reasoning: bool,
}

/// What the chat has cost.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// Millionths of a dollar.
    pub micros: i64,
}

/// Writes the document.
pub fn markdown(document: &Document) -> String {
    let messages: Vec<Message> = document.messages.iter().map(chat_wire::message).collect();
    let mut writer = Writer { document, messages: &messages, told: HashSet::new(), out: String::new() };
    writer.head();
    for (at, message) in messages.iter().enumerate() {
        writer.message(at, message);
    }
    writer.queue();
    writer.out
}

struct Writer<'a> {
    document: &'a Document,
    messages: &'a [Message],
    /// Results that were told with their calls: (message, part).
    told: HashSet<(usize, usize)>,
    out: String,
}

impl Writer<'_> {
    fn head(&mut self) {
        let chat = &self.document.chat;
        let field = |name| chat_tool::text(chat, name);
        let title = Some(field("title")).filter(|title| !title.trim().is_empty()).unwrap_or("Untitled chat");
        self.out.push_str(&format!("# {}\n\n", prose::inline(&printable::one_line(title, TITLE_CHARS_MAX))));
        self.fact("Chat", &format!("`{}`", prose::inline(field("id"))));
        self.fact("Owner", &prose::inline(&self.document.owner));
        self.fact("Begun", &moment(field("created_at").parse().ok()));
        self.fact("Last change", &moment(field("updated_at").parse().ok()));
        let archived = if chat["archived"] == true { ", archived" } else { "" };
        self.fact("Status", &format!("{}{archived}", prose::inline(&field("status").replace('_', " "))));
        let labels = chat["labels"].as_object().into_iter().flatten();
        let labels = labels.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()));
        self.fact("Labels", &prose::inline(&labels.collect::<Vec<_>>().join(", ")));
        self.fact("Messages", &self.messages.len().to_string());
        self.fact("Tokens", &tokens(&total(self.messages)));
        self.fact(
            "Cost",
            &self.document.cost.filter(|cost| cost.micros > 0).map(dollars).unwrap_or_default(),
        );
        let error = &chat["last_error"];
        if let Some(message) = error["message"].as_str().filter(|_| field("status") == "error") {
            let detail = error["detail"].as_str().map(|detail| format!(" ({detail})")).unwrap_or_default();
            self.paragraph(&format!(
                "**It stopped with an error:** {}",
                prose::inline(&format!("{message}{detail}"))
            ));
        }
    }

    /// A line of the head; nothing when there is nothing to say.
    fn fact(&mut self, name: &str, value: &str) {
        if !value.is_empty() && value != "``" {
            self.out.push_str(&format!("- **{name}:** {value}\n"));
        }
    }

    fn message(&mut self, at: usize, message: &Message) {
        let open: Vec<_> =
            (0..message.parts.len()).filter(|part| !self.told.contains(&(at, *part))).collect();
        if open.is_empty() {
            return;
        }
        let who = match message.role.as_str() {
            "user" => "User".to_owned(),
            "assistant" => {
                let model = message.model_config_id.as_ref().and_then(|id| self.document.models.get(id));
                model.map_or_else(
                    || "Assistant".to_owned(),
                    |model| format!("Assistant ({})", prose::inline(model)),
                )
            }
            "tool" => "Tool".to_owned(),
            "system" => "System".to_owned(),
            other => prose::inline(other),
        };
        let time = moment(message.created_at);
        let time = if time.is_empty() { time } else { format!(" · {time}") };
        self.out.push_str(&format!("\n---\n\n## {who}{time}\n"));
        let is_quoted = message.role != "assistant";
        for part in open {
            self.part((at, part), &message.parts[part], is_quoted);
        }
    }

    fn part(&mut self, place: (usize, usize), part: &Part, is_quoted: bool) {
        let part = match part {
            Part::Known(part) => part,
            Part::Unknown(kind) => {
                let kind = prose::inline(&printable::one_line(kind, OBJECT_CHARS_MAX));
                return self.paragraph(&format!(
                    "*A part of kind “{kind}” is left out: this program does not know it.*"
                ));
            }
        };
        match part {
            ChatMessagePart::Text { text } => self.text(text, is_quoted),
            ChatMessagePart::Reasoning { text, created_at, completed_at } => {
                self.reasoning(text, *created_at, *completed_at);
            }
            ChatMessagePart::ToolCall { tool_call_id, tool_name, args, provider_executed, .. } => {
                let args = args.clone().unwrap_or_default();
                let found = self.result_of(place, tool_call_id);
                let by = if *provider_executed { " by the model’s provider" } else { "" };
                self.call(tool_name, &args, found, by);
            }
            ChatMessagePart::ToolResult { tool_name, result, is_error, .. } => {
                let result = result.clone().unwrap_or_default();
                self.call(
                    tool_name,
                    &Value::Null,
                    Some((result, *is_error)),
                    " (the call itself is not in the history)",
                );
            }
            ChatMessagePart::Source { url, title, .. } => {
                let title = title.as_deref().filter(|title| !title.is_empty()).unwrap_or(url);
                self.paragraph(&format!("Source: {} {}", prose::inline(title), prose::code(url)));
            }
            ChatMessagePart::File { media_type, name, .. } => {
                let name = name.as_deref().filter(|name| !name.is_empty()).unwrap_or("without a name");
                self.paragraph(&format!("File: {} ({})", prose::code(name), prose::inline(media_type)));
            }
            ChatMessagePart::FileReference { file_name, start_line, end_line, content } => {
                self.paragraph(&format!("{}, lines {start_line} to {end_line}:", prose::code(file_name)));
                self.block("", content);
            }
            ChatMessagePart::ContextFile { context_file_path, .. } => {
                self.paragraph(&format!("Instructions were read from {}.", prose::code(context_file_path)));
            }
            ChatMessagePart::Skill { skill_name, .. } => {
                self.paragraph(&format!("Skill: {}", prose::code(skill_name)));
            }
        }
    }

    fn text(&mut self, text: &str, is_quoted: bool) {
        if text.trim().is_empty() {
            return;
        }
        let text = printable::reveal(text);
        let shown = if is_quoted { prose::quoted(&text) } else { prose::own(&text) };
        self.paragraph(shown.trim_end());
    }

    fn reasoning(&mut self, text: &str, from: Option<DateTime<Utc>>, to: Option<DateTime<Utc>>) {
        if !self.document.with_reasoning || text.trim().is_empty() {
            return;
        }
        let ms = from.zip(to).map(|(from, to)| (to - from).num_milliseconds()).filter(|ms| *ms > 0);
        let took = ms.map(|ms| format!(" ({})", chat_tool::duration(ms as f64))).unwrap_or_default();
        self.folded(&format!("Reasoning{took}"), &prose::quoted(&printable::reveal(text)));
    }

    fn call(&mut self, name: &str, args: &Value, found: Option<(Value, bool)>, note: &str) {
        if name == SUMMARY_TOOL {
            return self.summary(found.as_ref().map(|(result, _)| result));
        }
        let (verb, object) = chat_tool::title(name, args);
        let object = match object.trim() {
            "" => String::new(),
            object => format!(" {}", prose::code(&printable::one_line(object, OBJECT_CHARS_MAX))),
        };
        self.out.push_str(&format!(
            "\n### {}{object}\n",
            prose::inline(&printable::one_line(&verb, OBJECT_CHARS_MAX))
        ));
        let called = if args.is_null() { "" } else { ", called with" };
        self.paragraph(&format!("Tool {}{note}{called}", prose::code(name)));
        self.arguments(args);
        let Some((result, is_error)) = found else {
            return self.paragraph("There is no result.");
        };
        let state = chat_tool::state(&result, is_error);
        let outcome = chat_tool::outcome(name, &result);
        let outcome = if outcome.is_empty() { outcome } else { format!(" · {}", prose::inline(&outcome)) };
        self.paragraph(&format!("Result: **{}**{outcome}", state.word()));
        self.result(name, &result, state);
    }

    /// Arguments as JSON, but commands and texts of several lines as they are.
    fn arguments(&mut self, args: &Value) {
        let Value::Object(fields) = args else {
            if !args.is_null() {
                self.json(args);
            }
            return;
        };
        let (mut texts, mut rest) = (Vec::new(), serde_json::Map::new());
        for (name, value) in fields {
            match value.as_str() {
                Some(text) if name == "command" || text.contains('\n') => texts.push((name, text)),
                Some(_) | None => _ = rest.insert(name.clone(), value.clone()),
            }
        }
        if !rest.is_empty() || texts.is_empty() {
            self.json(&Value::Object(rest));
        }
        for (name, text) in texts {
            if name == "command" {
                self.block("sh", text);
            } else {
                self.paragraph(&format!("{}:", prose::code(&printable::one_line(name, OBJECT_CHARS_MAX))));
                self.block("", text);
            }
        }
    }

    /// The output as text where a result has one, and the other fields beside it.
    fn result(&mut self, name: &str, result: &Value, state: State) {
        match result {
            Value::Null => {}
            Value::String(text) => self.block("", &printable::strip(text)),
            Value::Object(fields) => {
                let main = ["output", "content"]
                    .into_iter()
                    .find_map(|field| Some((field, fields.get(field)?.as_str()?)));
                let Some((field, text)) = main else { return self.json(result) };
                if !text.is_empty() {
                    self.block("", &printable::strip(text));
                }
                let rest: serde_json::Map<_, _> = fields
                    .iter()
                    .filter(|(name, _)| *name != field)
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect();
                let says_more =
                    state != State::Done || !matches!(name, "execute" | "process_output" | "read_file");
                if says_more && !rest.is_empty() {
                    self.json(&Value::Object(rest));
                }
            }
            Value::Bool(_) | Value::Number(_) | Value::Array(_) => self.json(result),
        }
    }

    fn summary(&mut self, result: Option<&Value>) {
        let Some(result) = result else {
            return self.paragraph("*The conversation was being condensed to a summary.*");
        };
        let full =
            result["usage_percent"].as_f64().map(|percent| format!(" at {percent:.0} % of the context"));
        self.paragraph(&format!(
            "*The conversation up to here was condensed{}: the model goes on from this summary.*",
            full.unwrap_or_default()
        ));
        self.folded("Summary", &prose::quoted(&printable::reveal(chat_tool::text(result, "summary"))));
    }

    fn queue(&mut self) {
        let queue: Vec<Message> = self.document.queued_messages.iter().map(chat_wire::message).collect();
        if queue.is_empty() {
            return;
        }
        self.out.push_str("\n---\n\n## Waiting in the queue\n");
        for message in queue {
            self.paragraph(&format!("Sent {}:", moment(message.created_at)));
            for part in &message.parts {
                self.part((usize::MAX, 0), part, true);
            }
        }
    }

    /// The result of a call: of those that carry its id, the first before the next word of a person. Ids may come again later.
    fn result_of(&mut self, (at, part): (usize, usize), call_id: &str) -> Option<(Value, bool)> {
        for (n, message) in self.messages.iter().enumerate().skip(at) {
            if n > at && message.role == "user" {
                return None;
            }
            let first = if n == at { part + 1 } else { 0 };
            for (m, candidate) in message.parts.iter().enumerate().skip(first) {
                let Part::Known(ChatMessagePart::ToolResult { tool_call_id, result, is_error, .. }) =
                    candidate
                else {
                    continue;
                };
                if tool_call_id == call_id && self.told.insert((n, m)) {
                    return Some((result.clone().unwrap_or_default(), *is_error));
                }
            }
        }
        None
    }

    fn paragraph(&mut self, text: &str) {
        self.out.push_str(&format!("\n{text}\n"));
    }

    fn folded(&mut self, title: &str, text: &str) {
        self.out.push_str(&format!(
            "\n<details>\n<summary>{title}</summary>\n\n{}\n\n</details>\n",
            text.trim_end()
        ));
    }

    fn json(&mut self, value: &Value) {
        self.block("json", &printable::reveal(&serde_json::to_string_pretty(value).unwrap_or_default()));
    }

    fn block(&mut self, language: &str, text: &str) {
        let text = printable::reveal(text);
        self.out.push('\n');
        fence::write(&mut self.out, language, &text);
    }
}

fn moment(time: Option<DateTime<Utc>>) -> String {
    time.map(|time| time.format("%Y-%m-%d %H:%M:%S UTC").to_string()).unwrap_or_default()
}

fn total(messages: &[Message]) -> ChatMessageUsage {
    let sum = |read: fn(&ChatMessageUsage) -> Option<i64>| {
        let counts: Vec<i64> = messages.iter().filter_map(|message| read(&message.usage)).collect();
        (!counts.is_empty()).then(|| counts.into_iter().fold(0, i64::saturating_add))
    };
    ChatMessageUsage {
        input_tokens: sum(|usage| usage.input_tokens),
        output_tokens: sum(|usage| usage.output_tokens),
        total_tokens: sum(|usage| usage.total_tokens),
        reasoning_tokens: sum(|usage| usage.reasoning_tokens),
        cache_creation_tokens: sum(|usage| usage.cache_creation_tokens),
        cache_read_tokens: sum(|usage| usage.cache_read_tokens),
        context_limit: None,
    }
}

fn tokens(usage: &ChatMessageUsage) -> String {
    let mut text = String::new();
    for (count, what) in [
        (usage.input_tokens, "in"),
        (usage.output_tokens, "out"),
        (usage.reasoning_tokens, "of them reasoning"),
        (usage.cache_read_tokens, "read from the cache"),
        (usage.cache_creation_tokens, "written to the cache"),
    ] {
        if let Some(count) = count.filter(|count| *count > 0) {
            let comma = if text.is_empty() { "" } else { ", " };
            let _ = write!(text, "{comma}{} {what}", grouped(count));
        }
    }
    text
}

fn dollars(cost: Cost) -> String {
    let micros = cost.micros.max(0);
    format!("${}.{:06}", grouped(micros / 1_000_000), micros % 1_000_000)
}

/// Groups digits by three: `12,345`.
fn grouped(count: i64) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests;
