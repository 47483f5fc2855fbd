//! Changes of the list of chats, as clients see them.

use warren_api::chats::{ChatStreamToolCall, ChatWatchEvent, ChatWatchEventKind};
use warren_chat::{ListChange, ListChangeKind};

use crate::view;

/// Makes the event of a change. A row that cannot be shown is left out; reading it says what is wrong with it.
pub(super) fn event(change: &ListChange) -> Option<ChatWatchEvent> {
    let chat = match view::chats::chat(change.chat.clone(), change.has_unread) {
        Ok(chat) => chat,
        Err(error) => {
            tracing::warn!(?error, chat.id = %change.chat.id, "a changed chat cannot be shown");
            return None;
        }
    };
    let tool_calls = change.tool_calls.iter().map(|call| ChatStreamToolCall {
        tool_call_id: call.call_id.clone(),
        tool_name: call.tool_name.clone(),
        args: call.args.to_string(),
    });
    Some(ChatWatchEvent { kind: kind(change.kind), chat, tool_calls: tool_calls.collect() })
}

fn kind(kind: ListChangeKind) -> ChatWatchEventKind {
    match kind {
        ListChangeKind::Created => ChatWatchEventKind::Created,
        ListChangeKind::Deleted => ChatWatchEventKind::Deleted,
        ListChangeKind::Status => ChatWatchEventKind::StatusChange,
        ListChangeKind::Title => ChatWatchEventKind::TitleChange,
        ListChangeKind::Summary => ChatWatchEventKind::SummaryChange,
        ListChangeKind::ActionRequired => ChatWatchEventKind::ActionRequired,
    }
}
