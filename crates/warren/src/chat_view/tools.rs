//! The lines that stand for tool calls, their outputs and results. Pure.

use std::time::Instant;

use serde_json::Value;
use warren_api::chats::ChatMessagePart;

use super::{
    QUESTION_TOOL, SUMMARY_TOOL,
    look::{Look, Style, cut},
};
use crate::{
    chat_tool::{self, State},
    printable,
};

/// Lines at the beginning of an output that are shown.
const HEAD_LINES: usize = 8;
/// Lines at the end of a longer output that are shown.
const TAIL_LINES: usize = 4;
/// An unfinished line of output is cut here, so that a program without line feeds needs no memory.
const PARTIAL_BYTES_MAX: usize = 64 * 1024;

/// Which calls and results are on the terminal.
#[derive(Debug)]
pub(super) struct Tools {
    look: Look,
    calls: Vec<Call>,
    /// The call whose lines were printed last.
    current: Option<String>,
}

#[derive(Debug)]
struct Call {
    id: String,
    name: String,
    args: Value,
    started: Instant,
    has_ended: bool,
    /// Output that is not a whole line.
    partial: String,
    /// Lines of output that came while it ran.
    n_lines: usize,
}

impl Tools {
    pub(super) const fn new(look: Look) -> Self {
        Self { look, calls: Vec::new(), current: None }
    }

    /// A new turn may use the ids of calls before.
    pub(super) fn new_turn(&mut self) {
        self.calls.clear();
        self.current = None;
    }

    /// The call that runs longest, and since when.
    pub(super) fn running(&self) -> Option<(String, Instant)> {
        let call = self.calls.iter().find(|call| !call.has_ended && !call.is_silent())?;
        Some((call.title(), call.started))
    }

    /// Returns what to print for a streamed part.
    pub(super) fn live(&mut self, part: &ChatMessagePart, now: Instant) -> Option<String> {
        match part {
            ChatMessagePart::ToolCall { args: Some(_), .. }
            | ChatMessagePart::ToolResult { result: Some(_), .. } => self.committed(part, now),
            ChatMessagePart::ToolResult { tool_call_id, tool_name, result_delta, result_reset, .. } => {
                let at = self.find(tool_call_id, tool_name, now);
                if *result_reset {
                    let call = &mut self.calls[at];
                    (call.partial, call.n_lines) = (String::new(), 0);
                }
                let text = self.output(at, result_delta.as_deref().unwrap_or_default());
                (!text.is_empty()).then_some(text)
            }
            ChatMessagePart::ToolCall { .. }
            | ChatMessagePart::Text { .. }
            | ChatMessagePart::Reasoning { .. }
            | ChatMessagePart::Source { .. }
            | ChatMessagePart::File { .. }
            | ChatMessagePart::FileReference { .. }
            | ChatMessagePart::ContextFile { .. }
            | ChatMessagePart::Skill { .. } => None,
        }
    }

    /// Returns what to print for a part of a message, unless it is on the terminal.
    pub(super) fn committed(&mut self, part: &ChatMessagePart, now: Instant) -> Option<String> {
        match part {
            ChatMessagePart::ToolCall { tool_call_id, tool_name, args, .. } => {
                if self.calls.iter().any(|call| call.id == *tool_call_id) {
                    return None;
                }
                let call = Call::new(tool_call_id, tool_name, args.clone().unwrap_or_default(), now);
                let is_silent = call.is_silent();
                let line = self.title_line("●", &call);
                self.calls.push(call);
                self.current = Some(tool_call_id.clone());
                (!is_silent).then_some(line)
            }
            ChatMessagePart::ToolResult { tool_call_id, tool_name, result, is_error, .. } => {
                let at = self.find(tool_call_id, tool_name, now);
                if std::mem::replace(&mut self.calls[at].has_ended, true) {
                    return None;
                }
                Some(self.end(at, &result.clone().unwrap_or_default(), *is_error))
            }
            ChatMessagePart::Source { url, title, .. } => {
                let title = title.as_deref().filter(|title| !title.is_empty() && *title != url);
                let title = title.map(|title| format!("{title} ")).unwrap_or_default();
                Some(format!("  ↗ {}\n", printable::one_line(&format!("{title}{url}"), usize::MAX)))
            }
            ChatMessagePart::File { media_type, name, .. } => {
                let name = name.as_deref().filter(|name| !name.is_empty()).unwrap_or(media_type);
                Some(format!("  ▤ {}\n", printable::one_line(name, usize::MAX)))
            }
            ChatMessagePart::FileReference { file_name, start_line, end_line, .. } => {
                let name = printable::one_line(file_name, usize::MAX);
                Some(format!("  ▤ {name}:{start_line}-{end_line}\n"))
            }
            ChatMessagePart::Text { .. }
            | ChatMessagePart::Reasoning { .. }
            | ChatMessagePart::ContextFile { .. }
            | ChatMessagePart::Skill { .. } => None,
        }
    }

    fn find(&mut self, id: &str, name: &str, now: Instant) -> usize {
        match self.calls.iter().position(|call| call.id == id) {
            Some(at) => at,
            None => {
                self.calls.push(Call::new(id, name, Value::Null, now));
                self.calls.len() - 1
            }
        }
    }

    fn title_line(&self, mark: &str, call: &Call) -> String {
        let (verb, object) = call.words();
        let width = self.look.columns.saturating_sub(verb.chars().count() + 4).max(20);
        let object = cut(&object, width);
        let mark = self.look.paint(Style::Cyan, mark);
        format!("{mark} {} {object}", self.look.paint(Style::Bold, &verb)).trim_end().to_owned() + "\n"
    }

    /// Takes output of a running call and prints the lines that it completes, as long as there are few.
    fn output(&mut self, at: usize, delta: &str) -> String {
        let call = &mut self.calls[at];
        call.partial.push_str(delta);
        let Some(end) = call.partial.rfind('\n') else {
            if call.partial.len() > PARTIAL_BYTES_MAX {
                call.partial.clear();
            }
            return String::new();
        };
        let rest = call.partial.split_off(end + 1);
        let whole = printable::strip(&std::mem::replace(&mut call.partial, rest));
        let before = call.n_lines;
        call.n_lines += whole.lines().count();
        let n_free = if self.look.full { usize::MAX } else { HEAD_LINES.saturating_sub(before) };
        let lines: String = whole.lines().take(n_free).map(|line| self.output_line(line)).collect();
        if lines.is_empty() { lines } else { self.resume(at) + &lines }
    }

    /// Says whose lines follow, when those of another call were printed in between.
    fn resume(&mut self, at: usize) -> String {
        let call = &self.calls[at];
        if self.current.as_deref() == Some(call.id.as_str()) {
            return String::new();
        }
        let line = self.title_line("◌", call);
        self.current = Some(call.id.clone());
        line
    }

    fn end(&mut self, at: usize, result: &Value, is_error: bool) -> String {
        let call = &self.calls[at];
        if call.name == SUMMARY_TOOL {
            return self.look.paint(
                Style::Yellow,
                "[the conversation so far was condensed to a summary; the model goes on from there]",
            ) + "\n";
        }
        let state = chat_tool::state(result, is_error);
        if call.is_silent() && state == State::Done {
            return String::new();
        }
        let body = match call.name.as_str() {
            "read_file" if state == State::Done => String::new(),
            name => printable::strip(&chat_tool::body(name, result, state)),
        };
        let n_shown = if self.look.full { call.n_lines } else { call.n_lines.min(HEAD_LINES) };
        let lines = self.rest(body.trim_end(), n_shown);
        let is_current = self.current.as_deref() == Some(call.id.as_str());
        let outcome = printable::one_line(&chat_tool::outcome(&call.name, result), usize::MAX);
        let (is_headed, title) = (is_current || !lines.is_empty(), call.title());
        let facts = [if is_headed { String::new() } else { cut(&title, self.look.columns / 2) }, outcome];
        let facts = facts.into_iter().filter(|fact| !fact.is_empty()).collect::<Vec<_>>().join(" · ");
        let facts = match state {
            State::Done if !facts.is_empty() => facts,
            State::Done | State::Failed | State::Denied | State::Stopped | State::Unknown => {
                [state.word(), &facts]
                    .into_iter()
                    .filter(|fact| !fact.is_empty())
                    .collect::<Vec<_>>()
                    .join(" · ")
            }
        };
        let style = match state {
            State::Done => Style::Green,
            State::Failed => Style::Red,
            State::Denied | State::Stopped | State::Unknown => Style::Yellow,
        };
        let head = if lines.is_empty() { String::new() } else { self.resume(at) };
        format!("{head}{lines}  {} {facts}\n", self.look.paint(style, state.mark()))
    }

    /// The lines of a result that are not on the terminal, those in the middle of many left out.
    fn rest(&self, body: &str, n_shown: usize) -> String {
        let lines: Vec<&str> = body.lines().collect();
        let rest = &lines[n_shown.min(lines.len())..];
        let n_head = if self.look.full { rest.len() } else { HEAD_LINES.saturating_sub(n_shown) };
        if rest.len() <= n_head + TAIL_LINES + 1 {
            return rest.iter().map(|line| self.output_line(line)).collect();
        }
        let (head, rest) = rest.split_at(n_head);
        let (left_out, tail) = rest.split_at(rest.len() - TAIL_LINES);
        let between = format!("… {} lines left out; --full shows them", left_out.len());
        let between = format!("  {}\n", self.look.paint(Style::Dim, &format!("│ {between}")));
        let print = |lines: &[&str]| lines.iter().map(|line| self.output_line(line)).collect::<String>();
        format!("{}{between}{}", print(head), print(tail))
    }

    fn output_line(&self, line: &str) -> String {
        let width = if self.look.full { usize::MAX } else { self.look.columns.saturating_sub(5).max(20) };
        let line = cut(&line.replace('\t', "    "), width);
        let style = match line.chars().next() {
            Some('+') => Some(Style::Green),
            Some('-') => Some(Style::Red),
            _ => None,
        };
        let is_diff = self.current_is("edit_files");
        let line =
            style.filter(|_| is_diff).map_or_else(|| line.clone(), |style| self.look.paint(style, &line));
        format!("  {} {line}", self.look.paint(Style::Dim, "│")).trim_end().to_owned() + "\n"
    }

    fn current_is(&self, name: &str) -> bool {
        self.calls.iter().any(|call| self.current.as_ref() == Some(&call.id) && call.name == name)
    }
}

impl Call {
    fn new(id: &str, name: &str, args: Value, started: Instant) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            args,
            started,
            has_ended: false,
            partial: String::new(),
            n_lines: 0,
        }
    }

    fn words(&self) -> (String, String) {
        let (verb, object) = chat_tool::title(&self.name, &self.args);
        (printable::one_line(&verb, 80), printable::one_line(&object, 1000))
    }

    fn title(&self) -> String {
        let (verb, object) = self.words();
        format!("{verb} {object}").trim_end().to_owned()
    }

    /// Questions and summaries are told in words of their own.
    fn is_silent(&self) -> bool {
        self.name == QUESTION_TOOL || self.name == SUMMARY_TOOL
    }
}
