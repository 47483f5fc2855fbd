use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use warren_api::chats::{
    ChatApproval, ChatApprovalReason, ChatStreamActionRequired, ChatStreamStatus, ChatStreamToolCall,
};

use super::*;

mod asked;
mod tool_lines;

const PLAIN: Look =
    Look { colors: false, columns: 80, full: false, reasoning: false, asks: false, stays: false };

fn chat() -> ChatId {
    ChatId::nil()
}

fn new() -> ChatView {
    ChatView::new(PLAIN, chat(), None)
}

fn after(id: i64) -> ChatView {
    ChatView::new(PLAIN, chat(), Some(MessageId(id)))
}

impl ChatView {
    fn see(&mut self, events: &[ChatStreamEvent]) -> String {
        self.frame(events, Instant::now())
    }
}

fn part(episode: (i64, i64), seq: i64, part: ChatMessagePart) -> ChatStreamEvent {
    let mut event = bare(ChatStreamEventType::MessagePart);
    event.message_part = Some(ChatStreamMessagePart {
        role: Some(MessageRole::Assistant),
        part,
        history_version: Some(episode.0),
        generation_attempt: Some(episode.1),
        seq: Some(seq),
    });
    event
}

fn text(episode: (i64, i64), seq: i64, text: &str) -> ChatStreamEvent {
    part(episode, seq, ChatMessagePart::text(text))
}

fn message(id: i64, role: MessageRole, content: Vec<ChatMessagePart>) -> ChatStreamEvent {
    let mut event = bare(ChatStreamEventType::Message);
    event.message = Some(ChatMessage {
        id: MessageId(id),
        chat_id: chat(),
        created_by: None,
        model_config_id: None,
        created_at: moment(),
        role,
        content,
        usage: None,
    });
    event
}

fn moment() -> DateTime<Utc> {
    "2026-11-26T10:00:00Z".parse().unwrap()
}

fn user(id: i64, text: &str) -> ChatStreamEvent {
    message(id, MessageRole::User, vec![ChatMessagePart::text(text)])
}

fn answer(id: i64, text: &str) -> ChatStreamEvent {
    message(id, MessageRole::Assistant, vec![ChatMessagePart::text(text)])
}

fn status(status: ChatStatus) -> ChatStreamEvent {
    let mut event = bare(ChatStreamEventType::Status);
    event.status = Some(ChatStreamStatus { status });
    event
}

fn queue(n: i64) -> ChatStreamEvent {
    let mut event = bare(ChatStreamEventType::QueueUpdate);
    let queued = |n| warren_api::chats::ChatQueuedMessage {
        id: warren_vocab::QueuedMessageId(n),
        chat_id: chat(),
        model_config_id: None,
        content: Vec::new(),
        created_at: moment(),
    };
    event.queued_messages = (0..n).map(queued).collect();
    event
}

fn bare(event_type: ChatStreamEventType) -> ChatStreamEvent {
    ChatStreamEvent::new(chat(), event_type)
}

fn call(id: &str, name: &str, args: Value) -> ChatMessagePart {
    ChatMessagePart::ToolCall {
        tool_call_id: id.into(),
        tool_name: name.into(),
        args: Some(args),
        args_delta: None,
        provider_executed: false,
        created_at: None,
    }
}

fn result(id: &str, name: &str, result: Value, is_error: bool) -> ChatMessagePart {
    ChatMessagePart::ToolResult {
        tool_call_id: id.into(),
        tool_name: name.into(),
        result: Some(result),
        result_delta: None,
        result_reset: false,
        is_error,
        is_media: false,
        provider_executed: false,
        created_at: None,
    }
}

fn delta(id: &str, text: &str) -> ChatMessagePart {
    let ChatMessagePart::ToolResult { tool_call_id, tool_name, .. } =
        result(id, "execute", Value::Null, false)
    else {
        unreachable!("it is a result")
    };
    ChatMessagePart::ToolResult {
        tool_call_id,
        tool_name,
        result: None,
        result_delta: Some(text.into()),
        result_reset: false,
        is_error: false,
        is_media: false,
        provider_executed: false,
        created_at: None,
    }
}

fn failure(message: &str) -> ChatStreamEvent {
    let mut error = bare(ChatStreamEventType::Error);
    error.error = Some(ChatError {
        message: message.into(),
        detail: None,
        kind: None,
        provider: None,
        retryable: true,
        status_code: None,
    });
    error
}

#[test]
fn a_streamed_answer_is_printed_once() {
    let mut view = new();
    let mut out = view.see(&[user(1, "hi")]);
    out += &view.see(&[status(ChatStatus::Running), text((1, 1), 1, "Hel"), text((1, 1), 2, "lo")]);
    out += &view.see(&[answer(2, "Hello"), status(ChatStatus::Waiting)]);
    assert_eq!(out, "> hi\n\nHello\n");
    assert!(view.has_ended());
    assert_eq!(view.last_message(), Some(MessageId(2)));
}

#[test]
fn a_stream_that_starts_over_in_the_middle_of_an_answer_repeats_nothing() {
    let mut view = after(1);
    let mut out = view.see(&[status(ChatStatus::Running), text((1, 1), 1, "one "), text((1, 1), 2, "two ")]);
    out += &view.see(&[status(ChatStatus::Running), bare(ChatStreamEventType::PreviewReset)]);
    out += &view.see(&[text((1, 1), 1, "one "), text((1, 1), 2, "two "), text((1, 1), 3, "three")]);
    out += &view.see(&[answer(2, "one two three"), status(ChatStatus::Waiting)]);
    assert_eq!(out, "one two three\n");
}

#[test]
fn an_answer_that_was_committed_while_away_is_completed() {
    let mut view = after(1);
    let mut out = view.see(&[status(ChatStatus::Running), text((1, 1), 1, "one ")]);
    out += &view.see(&[answer(2, "one two"), status(ChatStatus::Waiting)]);
    assert_eq!(out, "one two\n");
}

#[test]
fn a_message_is_not_printed_again_after_a_history_reset() {
    let mut view = new();
    let mut out = view.see(&[answer(2, "one"), status(ChatStatus::Waiting)]);
    out += &view.see(&[bare(ChatStreamEventType::HistoryReset), answer(2, "one"), answer(3, "two")]);
    assert_eq!(out, "one\n[the history was changed]\ntwo\n");
}

#[test]
fn a_dropped_answer_is_said_to_be_dropped() {
    let mut view = new();
    let mut out = view.see(&[status(ChatStatus::Running), text((1, 1), 1, "wrong")]);
    out += &view.see(&[bare(ChatStreamEventType::PreviewReset), text((1, 2), 1, "right")]);
    out += &view.see(&[answer(2, "right")]);
    assert_eq!(out, "wrong\n[that answer was dropped; the model starts again]\nright\n");
}

#[test]
fn text_that_the_server_did_not_keep_is_owned_up_to() {
    let mut view = new();
    let mut out = view.see(&[text((1, 1), 1, "abcdef")]);
    out += &view.see(&[answer(2, "abc")]);
    assert_eq!(out, "abcdef\n[the last 3 characters above were not kept]\n");
}

#[test]
fn a_new_attempt_that_continues_the_printed_text_repeats_nothing() {
    let mut view = new();
    let mut out = view.see(&[status(ChatStatus::Running), text((1, 1), 1, "one "), text((1, 1), 2, "two ")]);
    out += &view.see(&[text((1, 2), 1, "one"), text((1, 2), 2, " two three")]);
    out += &view.see(&[answer(2, "one two three")]);
    assert_eq!(out, "one two three\n");
}

#[test]
fn a_failed_turn_ends_with_its_reason() {
    let mut view = new();
    assert_eq!(view.see(&[status(ChatStatus::Error)]), "");
    assert!(!view.has_ended(), "the reason comes in the next frame");
    assert_eq!(view.see(&[failure("The model cannot be reached.")]), "", "it is the error of the command");
    assert!(view.has_ended());
    assert_eq!(view.error(), Some("The model cannot be reached."));

    let mut view = ChatView::new(Look { stays: true, ..PLAIN }, chat(), None);
    let out = view.see(&[status(ChatStatus::Error), failure("No \u{1b}[31mkey.")]);
    assert_eq!(out, "✘ No ␛[31mkey.\n");
    view.see(&[status(ChatStatus::Running)]);
    assert_eq!(view.error(), None);
}

#[test]
fn a_waiting_chat_with_a_queue_has_not_ended() {
    let mut view = new();
    let out = view.see(&[queue(1), status(ChatStatus::Waiting)]);
    assert_eq!(out, "[1 message waits in the queue]\n");
    assert!(!view.has_ended());
    assert_eq!(view.see(&[queue(3)]), "[3 messages wait in the queue]\n");
    assert_eq!(view.see(&[queue(0)]), "");
    assert!(view.has_ended());
}

#[test]
fn stopping_is_told() {
    let mut view = new();
    view.see(&[status(ChatStatus::Running), text((1, 1), 1, "Half an")]);
    let out = view.see(&[status(ChatStatus::Interrupting)]);
    assert_eq!(out, "\n[being stopped]\n");
    assert_eq!(view.see(&[answer(2, "Half an"), status(ChatStatus::Waiting)]), "[stopped]\n");
}

#[test]
fn a_retry_is_told_with_its_reason_and_counted_down() {
    let mut view = new();
    view.see(&[status(ChatStatus::Running)]);
    let mut retry = bare(ChatStreamEventType::Retry);
    retry.retry = Some(ChatStreamRetry {
        attempt: 2,
        delay_ms: 4000,
        error: "The provider is busy.".into(),
        kind: None,
        provider: None,
        status_code: Some(529),
        retrying_at: moment(),
    });
    let start = Instant::now();
    let out = view.frame(&[retry], start);
    assert_eq!(out, "[The provider is busy; attempt 2 failed, trying again in 4.0 s]\n");
    let footer = |view: &ChatView, s| view.footer(start + Duration::from_secs(s)).unwrap();
    assert_eq!(footer(&view, 1), "⋯ trying again in 3 s");
    assert_eq!(footer(&view, 9), "⋯ trying again in 0 s");
    view.frame(&[text((1, 3), 1, "Up")], start);
    assert!(footer(&view, 9).starts_with("⋯ waiting"));
}

#[test]
fn what_goes_on_is_shown_below_the_text_and_nothing_once_it_has_ended() {
    let mut view = new();
    let start = Instant::now();
    let in_12_s = start + Duration::from_secs(12);
    assert_eq!(view.footer(start), None);
    view.frame(&[status(ChatStatus::Running)], start);
    assert_eq!(view.footer(in_12_s).unwrap(), "⋯ waiting for the model · 12 s");
    let thought = ChatMessagePart::Reasoning { text: "Hm".into(), created_at: None, completed_at: None };
    view.frame(&[part((1, 1), 1, thought)], start);
    assert_eq!(view.footer(in_12_s).unwrap(), "⋯ thinking · 12 s");
    view.frame(&[part((1, 1), 2, call("c", "execute", json!({ "command": "x".repeat(200) })))], start);
    let footer = view.footer(in_12_s).unwrap();
    assert!(
        footer.starts_with("⋯ Run xxx") && footer.ends_with("… · 12 s") && footer.chars().count() < 80,
        "{footer}"
    );
    view.frame(&[status(ChatStatus::Interrupting)], start);
    assert_eq!(view.footer(start).unwrap(), "⋯ stopping");
    view.frame(&[status(ChatStatus::Waiting)], start);
    assert_eq!(view.footer(start), None);
}

#[test]
fn thoughts_are_shown_to_who_wants_them_before_what_came_of_them() {
    let thought =
        |text: &str| ChatMessagePart::Reasoning { text: text.into(), created_at: None, completed_at: None };
    let committed =
        message(2, MessageRole::Assistant, vec![thought("First\nsecond"), ChatMessagePart::text("So.")]);
    let live =
        [part((1, 1), 1, thought("First\n")), part((1, 1), 2, thought("second")), text((1, 1), 3, "So.")];
    let shown = "~ First\n~ second\n\nSo.\n";
    for (reasoning, expected) in [(true, shown), (false, "So.\n")] {
        let look = Look { reasoning, ..PLAIN };
        let mut view = ChatView::new(look, chat(), None);
        let out = view.see(&live) + &view.see(std::slice::from_ref(&committed));
        assert_eq!(out, expected, "live");
        assert_eq!(
            ChatView::new(look, chat(), None).see(std::slice::from_ref(&committed)),
            expected,
            "read later"
        );
    }
}

#[test]
fn nothing_that_others_wrote_drives_the_terminal() {
    let nasty = "a\u{1b}[2J\u{1b}]0;x\u{7}b\u{0}\r\u{9b}31m\u{202e}";
    let mut error = failure(nasty);
    error.error.as_mut().unwrap().detail = Some(nasty.into());
    let mut action = bare(ChatStreamEventType::ActionRequired);
    action.action_required = Some(ChatStreamActionRequired {
        tool_calls: vec![ChatStreamToolCall {
            tool_call_id: nasty.into(),
            tool_name: nasty.into(),
            args: json!({ nasty: nasty }).to_string(),
        }],
        approvals: vec![asked::approval(nasty, "execute", json!({ "command": nasty, "x": [nasty] }), nasty)],
    });
    let question = json!({ "questions": [{ "header": nasty, "question": nasty, "options": [{ "label": nasty, "description": nasty }] }] });
    let reference = ChatMessagePart::FileReference {
        file_name: nasty.into(),
        start_line: 1,
        end_line: 2,
        content: String::new(),
    };
    let source = ChatMessagePart::Source { url: nasty.into(), source_id: None, title: Some(nasty.into()) };
    let thought = ChatMessagePart::Reasoning { text: nasty.into(), created_at: None, completed_at: None };
    let events = [
        user(1, nasty),
        status(ChatStatus::Running),
        part((1, 1), 1, thought),
        text((1, 1), 2, nasty),
        part((1, 1), 3, call("c", nasty, json!({ nasty: nasty }))),
        message(
            2,
            MessageRole::Assistant,
            vec![ChatMessagePart::text(nasty), call("c", nasty, json!({ nasty: nasty })), reference, source],
        ),
        part((1, 2), 1, delta("d", &format!("{nasty}\n{nasty}\n"))),
        message(
            3,
            MessageRole::Tool,
            vec![
                result("c", nasty, json!({ "output": nasty, "error": nasty }), true),
                result("d", "execute", json!(nasty), false),
                result("q", "ask_user_question", question, false),
            ],
        ),
        action,
        status(ChatStatus::Waiting),
        error,
    ];
    let look = Look { reasoning: true, stays: true, full: true, ..PLAIN };
    let mut view = ChatView::new(look, chat(), None);
    let mut out = view.see(&events);
    out += &view.footer(Instant::now()).unwrap_or_default();
    let bad: Vec<char> = out.chars().filter(|c| c.is_control() && *c != '\n' || *c == '\u{202e}').collect();
    assert!(bad.is_empty(), "{bad:?} in {out:?}");
}

#[test]
fn colours_are_there_only_where_they_are_wanted_and_end_on_their_line() {
    let events = [
        user(1, "hi\nthere"),
        message(
            2,
            MessageRole::Assistant,
            vec![call("c", "edit_files", json!({ "files": [{ "path": "/a" }] }))],
        ),
        message(
            3,
            MessageRole::Tool,
            vec![result("c", "edit_files", json!({ "files": [{ "diff": "-a\n+b" }] }), false)],
        ),
        status(ChatStatus::Interrupting),
    ];
    let plain = new().see(&events);
    let painted = ChatView::new(Look { colors: true, ..PLAIN }, chat(), None).see(&events);
    assert!(!plain.contains('\u{1b}'));
    assert_eq!(printable::strip(&painted), plain);
    for line in painted.lines().filter(|line| line.contains('\u{1b}')) {
        let last = line.rfind("\u{1b}[").unwrap();
        assert!(line[last..].starts_with("\u{1b}[0m"), "{line:?}");
    }
}
