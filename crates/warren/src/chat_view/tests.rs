use chrono::Utc;
use serde_json::json;
use warren_api::chats::{ChatError, ChatStreamStatus};
use warren_vocab::ChatId;

use super::*;

fn chat() -> ChatId {
    ChatId::nil()
}

fn part(episode: (i64, i64), seq: i64, part: ChatMessagePart) -> ChatStreamEvent {
    let mut event = ChatStreamEvent::new(chat(), ChatStreamEventType::MessagePart);
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
    let mut event = ChatStreamEvent::new(chat(), ChatStreamEventType::Message);
    event.message = Some(ChatMessage {
        id: MessageId(id),
        chat_id: chat(),
        created_by: None,
        model_config_id: None,
        created_at: Utc::now(),
        role,
        content,
        usage: None,
    });
    event
}

fn answer(id: i64, text: &str) -> ChatStreamEvent {
    message(id, MessageRole::Assistant, vec![ChatMessagePart::text(text)])
}

fn status(status: ChatStatus) -> ChatStreamEvent {
    let mut event = ChatStreamEvent::new(chat(), ChatStreamEventType::Status);
    event.status = Some(ChatStreamStatus { status });
    event
}

fn bare(event_type: ChatStreamEventType) -> ChatStreamEvent {
    ChatStreamEvent::new(chat(), event_type)
}

#[test]
fn a_streamed_answer_is_printed_once() {
    let mut view = ChatView::new(None);
    let mut out = view.frame(&[message(1, MessageRole::User, vec![ChatMessagePart::text("hi")])]);
    out += &view.frame(&[status(ChatStatus::Running), text((1, 1), 1, "Hel"), text((1, 1), 2, "lo")]);
    out += &view.frame(&[answer(2, "Hello"), status(ChatStatus::Waiting)]);
    assert_eq!(out, "> hi\nHello\n");
    assert!(view.has_ended());
    assert_eq!(view.last_message(), Some(MessageId(2)));
}

#[test]
fn a_reconnect_in_the_middle_of_an_answer_repeats_nothing() {
    let mut view = ChatView::new(Some(MessageId(1)));
    let mut out =
        view.frame(&[status(ChatStatus::Running), text((1, 1), 1, "one "), text((1, 1), 2, "two ")]);
    view.reconnected();
    assert!(!view.has_ended());
    let again = [status(ChatStatus::Running), bare(ChatStreamEventType::PreviewReset)];
    out += &view.frame(&again);
    out += &view.frame(&[text((1, 1), 1, "one "), text((1, 1), 2, "two "), text((1, 1), 3, "three")]);
    out += &view.frame(&[answer(2, "one two three"), status(ChatStatus::Waiting)]);
    assert_eq!(out, "one two three\n");
}

#[test]
fn an_answer_that_was_committed_while_away_is_completed() {
    let mut view = ChatView::new(Some(MessageId(1)));
    let mut out = view.frame(&[status(ChatStatus::Running), text((1, 1), 1, "one ")]);
    view.reconnected();
    out += &view.frame(&[answer(2, "one two"), status(ChatStatus::Waiting)]);
    assert_eq!(out, "one two\n");
}

#[test]
fn a_message_is_not_printed_again_after_a_history_reset() {
    let mut view = ChatView::new(None);
    let mut out = view.frame(&[answer(2, "one"), status(ChatStatus::Waiting)]);
    out += &view.frame(&[bare(ChatStreamEventType::HistoryReset), answer(2, "one"), answer(3, "two")]);
    assert_eq!(out, "one\n[the history was changed]\ntwo\n");
}

#[test]
fn a_dropped_answer_is_said_to_be_dropped() {
    let mut view = ChatView::new(None);
    let mut out = view.frame(&[status(ChatStatus::Running), text((1, 1), 1, "wrong")]);
    out += &view.frame(&[bare(ChatStreamEventType::PreviewReset), text((1, 2), 1, "right")]);
    out += &view.frame(&[answer(2, "right")]);
    assert_eq!(out, "wrong\n[that answer was dropped; the model starts again]\nright\n");
}

#[test]
fn text_that_the_server_did_not_keep_is_owned_up_to() {
    let mut view = ChatView::new(None);
    let mut out = view.frame(&[text((1, 1), 1, "abcdef")]);
    out += &view.frame(&[answer(2, "abc")]);
    assert_eq!(out, "abcdef\n[the last 3 characters above were not kept]\n");
}

#[test]
fn tool_calls_and_results_are_printed_once_each() {
    let call = ChatMessagePart::ToolCall {
        tool_call_id: "c1".into(),
        tool_name: "execute".into(),
        args: Some(json!({"command": "ls"})),
        args_delta: None,
        provider_executed: false,
        created_at: None,
    };
    let result = ChatMessagePart::ToolResult {
        tool_call_id: "c1".into(),
        tool_name: "execute".into(),
        result: Some(json!({"output": "a\nb\n", "exit_code": 0})),
        result_delta: None,
        result_reset: false,
        is_error: false,
        is_media: false,
        provider_executed: false,
        created_at: None,
    };
    let mut view = ChatView::new(None);
    let mut out = view.frame(&[text((1, 1), 1, "Look:"), part((1, 1), 2, call.clone())]);
    out += &view.frame(&[message(2, MessageRole::Assistant, vec![ChatMessagePart::text("Look:"), call])]);
    out += &view.frame(&[message(3, MessageRole::Tool, vec![result])]);
    let expected = "Look:\n● execute {\"command\":\"ls\"}\n  ✔ execute\n    a\n    b\n";
    assert_eq!(out, expected);
}

#[test]
fn a_failed_turn_ends_with_its_reason() {
    let mut view = ChatView::new(None);
    let mut error = bare(ChatStreamEventType::Error);
    error.error = Some(ChatError {
        message: "The model cannot be reached.".into(),
        detail: None,
        kind: None,
        provider: None,
        retryable: true,
        status_code: None,
    });
    view.frame(&[status(ChatStatus::Error), error]);
    assert!(view.has_ended());
    assert_eq!(view.error(), Some("The model cannot be reached."));
}

#[test]
fn a_waiting_chat_with_a_queue_has_not_ended() {
    let mut view = ChatView::new(None);
    let mut queue = bare(ChatStreamEventType::QueueUpdate);
    queue.queued_messages = vec![warren_api::chats::ChatQueuedMessage {
        id: warren_vocab::QueuedMessageId(1),
        chat_id: chat(),
        model_config_id: None,
        content: Vec::new(),
        created_at: Utc::now(),
    }];
    view.frame(&[queue, status(ChatStatus::Waiting)]);
    assert!(!view.has_ended());
}

#[test]
fn a_new_attempt_that_continues_the_printed_text_repeats_nothing() {
    let mut view = ChatView::new(None);
    let mut out =
        view.frame(&[status(ChatStatus::Running), text((1, 1), 1, "one "), text((1, 1), 2, "two ")]);
    view.reconnected();
    out += &view.frame(&[text((1, 2), 1, "one"), text((1, 2), 2, " two three")]);
    out += &view.frame(&[answer(2, "one two three")]);
    assert_eq!(out, "one two three\n");
}
