//! What a chat waits for, how that is shown, and how an answer is read. Pure.

use std::collections::HashSet;

use serde_json::Value;
use warren_api::chats::{
    ChatApproval, ChatApprovalReason, ChatMessage, ChatMessagePart, ChatStreamActionRequired,
    ChatStreamToolCall,
};
use warren_vocab::{ChatId, MessageRole};

use super::{
    QUESTION_TOOL,
    look::{Look, Style},
};
use crate::{chat_tool, printable, program};

/// What the chat waits for.
#[derive(Debug, Clone, Default)]
pub struct Waiting {
    /// Calls that a person must decide about.
    pub approvals: Vec<ChatApproval>,
    /// Calls that another program answers.
    pub calls: Vec<ChatStreamToolCall>,
    /// Questions of the model, which the next message answers.
    pub questions: Vec<Question>,
}

/// A question of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub header: String,
    pub question: String,
    /// (answer, what it means)
    pub options: Vec<(String, String)>,
}

impl Waiting {
    /// Whether it waits for nothing but the next message.
    pub const fn is_empty(&self) -> bool {
        self.approvals.is_empty() && self.calls.is_empty() && self.questions.is_empty()
    }

    /// A message may ask questions, and the next one of a person answers them.
    pub fn heard(&mut self, message: &ChatMessage) {
        if message.role == MessageRole::User {
            self.questions.clear();
        }
        for part in &message.content {
            match part {
                ChatMessagePart::ToolResult { tool_name, result: Some(result), is_error: false, .. }
                    if tool_name == QUESTION_TOOL =>
                {
                    self.questions = questions_of(result);
                }
                _ => {}
            }
        }
    }

    /// Nothing is asked any more but questions.
    pub(super) fn nothing_asked(&mut self) {
        (self.approvals, self.calls) = <_>::default();
    }

    /// Takes everything that must be answered, and returns what to print of it: of what is not among the calls `told`.
    pub(super) fn asked(
        &mut self,
        action: ChatStreamActionRequired,
        told: &mut HashSet<String>,
        chat: ChatId,
        look: &Look,
    ) -> String {
        (self.approvals, self.calls) = (action.approvals, action.tool_calls);
        let mut out = String::new();
        for approval in &self.approvals {
            if told.insert(approval.tool_call_id.clone()) {
                out.push_str(&approval_text(approval, chat, look));
            }
        }
        for call in &self.calls {
            if told.insert(call.tool_call_id.clone()) {
                out.push_str(&call_text(call, chat, look));
            }
        }
        out
    }

    pub(super) fn questions_text(&self, look: &Look) -> String {
        self.questions.iter().map(|question| question.text(look)).collect()
    }

    /// The command that answers the questions.
    pub fn how_to_answer(&self, chat: ChatId, look: &Look) -> String {
        if look.asks {
            return String::new();
        }
        let (n_questions, program) = (self.questions.len(), program::name());
        let answers = if n_questions == 1 {
            "<number or your own words>".to_owned()
        } else {
            "<answer>".to_owned() + &" <answer>".repeat(n_questions - 1)
        };
        format!("  answer it:  {program} chat answer {chat} {answers}\n")
    }
}

impl Question {
    /// The question with its numbered options.
    pub fn text(&self, look: &Look) -> String {
        let question = printable::reveal(self.question.trim());
        let mut out = format!("{} {}\n", look.paint(Style::Yellow, "?"), look.paint(Style::Bold, &question));
        for (n, (label, meaning)) in self.options.iter().enumerate() {
            let label = printable::one_line(label, usize::MAX);
            let meaning = printable::one_line(meaning, usize::MAX);
            let meaning =
                if meaning.is_empty() { meaning } else { look.paint(Style::Dim, &format!("  {meaning}")) };
            out.push_str(&format!("  {}  {label}{meaning}\n", n + 1));
        }
        out
    }
}

/// Reads the questions of the model's tool.
pub(super) fn questions_of(value: &Value) -> Vec<Question> {
    let list = |value: &Value, field: &str| value[field].as_array().cloned().unwrap_or_default();
    let text = |value: &Value, field: &str| chat_tool::text(value, field).to_owned();
    let option = |option: &Value| (text(option, "label"), text(option, "description"));
    list(value, "questions")
        .iter()
        .map(|one| Question {
            header: text(one, "header"),
            question: text(one, "question"),
            options: list(one, "options").iter().map(option).filter(|(label, _)| !label.is_empty()).collect(),
        })
        .collect()
}

/// Reads an answer: the number of an option, its text in any case, or words of one's own.
///
/// # Errors
/// A sentence, when the number is none of an option or nothing was said.
pub fn choose(question: &Question, said: &str) -> Result<String, String> {
    let said = said.trim();
    let n_options = question.options.len();
    if said.is_empty() {
        return Err("an answer is missing".into());
    }
    if let (Ok(number), true) = (said.parse::<usize>(), n_options > 0) {
        let option = number.checked_sub(1).and_then(|at| question.options.get(at));
        let range = || format!("there is no option {number}, only 1 to {n_options}");
        return option.map(|(label, _)| label.clone()).ok_or_else(range);
    }
    let option = question.options.iter().find(|(label, _)| label.to_lowercase() == said.to_lowercase());
    Ok(option.map_or_else(|| said.to_owned(), |(label, _)| label.clone()))
}

/// The message that answers: each choice, under the heading of its question when there are several.
pub fn answer_text(questions: &[Question], choices: &[String]) -> String {
    let line = |(question, choice): (&Question, &String)| match questions.len() {
        1 => choice.clone(),
        _ if question.header.is_empty() => format!("{}: {choice}", question.question),
        _ => format!("{}: {choice}", question.header),
    };
    questions.iter().zip(choices).map(line).collect::<Vec<_>>().join("\n")
}

/// A text as one word of a command line.
pub fn command_word(text: &str) -> String {
    let is_plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/' | '@' | '+');
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", printable::reveal(text).replace('\'', "'\\''"))
}

fn approval_text(approval: &ChatApproval, chat: ChatId, look: &Look) -> String {
    let message = printable::reveal(approval.message.trim());
    let mut out = format!("{} {}\n", look.paint(Style::Yellow, "?"), look.paint(Style::Bold, &message));
    out.push_str(&arguments(&approval.args));
    let until = approval.expires_at.format("%Y-%m-%d %H:%M UTC");
    out.push_str(&format!("  {}\n", look.paint(Style::Dim, &format!("refused by itself at {until}"))));
    if !look.asks {
        let (program, call) = (program::name(), command_word(&approval.tool_call_id));
        let yes = match approval.reason {
            ChatApprovalReason::Rule => "approve:  ",
            ChatApprovalReason::OutcomeUnknown => "run again:",
        };
        out.push_str(&format!("  {yes}  {program} chat approve {chat} {call}\n"));
        out.push_str(&format!("  deny:       {program} chat approve {chat} {call} --deny --note \"…\"\n"));
    }
    out
}

/// A call that another program answers, with the command that answers it.
pub fn call_text(call: &ChatStreamToolCall, chat: ChatId, look: &Look) -> String {
    let name = printable::one_line(&call.tool_name, 80);
    let asked = format!("Another program must answer {name}.");
    let mut out = format!("{} {}\n", look.paint(Style::Yellow, "?"), look.paint(Style::Bold, &asked));
    out.push_str(&arguments(&call.args));
    let (program, id) = (program::name(), command_word(&call.tool_call_id));
    out.push_str(&format!("  answer it:  {program} chat answer {chat} --result {id}='<JSON>'\n"));
    out
}

/// Every argument of a call: nothing of what would run is hidden.
fn arguments(json: &str) -> String {
    let Ok(Value::Object(fields)) = serde_json::from_str::<Value>(json) else {
        return indented("", json);
    };
    let mut out = String::new();
    for (name, value) in &fields {
        let text = chat_tool::pretty(value);
        let text = if value.is_null() { "null".to_owned() } else { text };
        out.push_str(&match name.as_str() {
            "command" => indented("$ ", &text),
            name => indented(&format!("{}: ", printable::one_line(name, 80)), &text),
        });
    }
    out
}

fn indented(label: &str, text: &str) -> String {
    let text = printable::reveal(text.trim_end());
    let pad = " ".repeat(label.chars().count());
    let lines = text.lines().enumerate();
    let out: String =
        lines.map(|(n, line)| format!("    {}{line}\n", if n == 0 { label } else { &pad })).collect();
    if out.is_empty() { format!("    {}\n", label.trim_end()) } else { out }
}
