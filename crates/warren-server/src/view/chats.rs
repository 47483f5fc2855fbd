//! Chats, their messages and the events of their streams.

use std::collections::BTreeMap;

use warren_api::chats::{
    self as api, ChatInputPart, ChatMessagePart, ChatStreamActionRequired, ChatStreamEvent,
    ChatStreamEventType as Type, ChatStreamMessagePart, ChatStreamRetry, ChatStreamStatus,
    ChatStreamToolCall,
};
use warren_chat::{
    AskReason, ListedChat,
    proto::{
        ActionRequired, Approval, ApprovalReason, ChatError, Message, OpenCall, Part, QueuedMessage,
        RetryState, StreamEvent, StreamPart, Usage,
    },
};
use warren_db::entity::chats;
use warren_vocab::{AgentId, BuildId, ChatId, ModelConfigId, OrganizationId, UserId, WorkspaceId};

use super::word;
use crate::error::{ApiError, ApiResult};

/// Shows a chat.
pub(crate) fn chat(row: chats::Model, has_unread: bool) -> ApiResult<api::Chat> {
    let error: Option<ChatError> = row.last_error.and_then(|value| serde_json::from_value(value).ok());
    let labels: BTreeMap<String, String> = serde_json::from_value(row.labels).unwrap_or_default();
    Ok(api::Chat {
        id: ChatId::from_uuid(row.id),
        organization_id: OrganizationId::from_uuid(row.organization_id),
        owner_id: UserId::from_uuid(row.owner_id),
        owner_username: None,
        owner_name: None,
        workspace_id: row.workspace_id.map(WorkspaceId::from_uuid),
        build_id: row.build_id.map(BuildId::from_uuid),
        agent_id: row.agent_id.map(AgentId::from_uuid),
        parent_chat_id: row.parent_chat_id.map(ChatId::from_uuid),
        root_chat_id: row.root_chat_id.map(ChatId::from_uuid),
        last_model_config_id: ModelConfigId::from_uuid(row.last_model_config_id),
        title: row.title,
        status: word(&row.status, "chat status")?,
        plan_mode: row.plan_mode,
        last_error: error.map(chat_error),
        last_turn_summary: row.last_turn_summary,
        created_at: row.created_at,
        updated_at: row.updated_at,
        archived: row.archived,
        shared: false,
        pin_order: row.pin_order,
        mcp_server_ids: Vec::new(),
        labels,
        has_unread,
        warnings: Vec::new(),
        client_type: word(&row.client_type, "client type")?,
        children: Vec::new(),
    })
}

/// Shows a chat with the ones that it made.
pub(crate) fn listed(listed: ListedChat) -> ApiResult<api::Chat> {
    let shown = chat(listed.chat, listed.has_unread)?;
    let children = listed.children.into_iter().map(self::listed).collect::<ApiResult<_>>()?;
    Ok(api::Chat { children, ..shown })
}

/// Shows a tool call that waits for approval.
pub(crate) fn approval(approval: warren_chat::Approval) -> api::ChatApproval {
    let warren_chat::Approval { call, expires_at } = approval;
    api::ChatApproval {
        tool_call_id: call.call_id,
        tool_name: call.tool_name,
        args: call.args.to_string(),
        reason: match call.reason {
            AskReason::OutcomeUnknown => api::ChatApprovalReason::OutcomeUnknown,
            AskReason::Rule | AskReason::Client => api::ChatApprovalReason::Rule,
        },
        message: call.message,
        requested_at: call.requested_at,
        expires_at,
    }
}

/// Shows a message.
pub(crate) fn message(message: Message) -> api::ChatMessage {
    api::ChatMessage {
        id: message.id,
        chat_id: message.chat_id,
        created_by: message.created_by,
        model_config_id: message.model_config_id,
        created_at: message.created_at,
        role: message.role,
        content: message.content.into_iter().filter_map(part).collect(),
        usage: message.usage.map(usage),
    }
}

/// Shows a message of the queue.
pub(crate) fn queued(message: QueuedMessage) -> api::ChatQueuedMessage {
    api::ChatQueuedMessage {
        id: message.id,
        chat_id: message.chat_id,
        model_config_id: Some(message.model_config_id),
        content: message.content.into_iter().filter_map(part).collect(),
        created_at: message.created_at,
    }
}

/// Shows an event of a chat's stream.
pub(crate) fn event(chat: ChatId, event: StreamEvent) -> ChatStreamEvent {
    let new = |event_type| ChatStreamEvent::new(chat, event_type);
    match event {
        StreamEvent::HistoryReset => new(Type::HistoryReset),
        StreamEvent::PreviewReset => new(Type::PreviewReset),
        StreamEvent::Message(found) => {
            ChatStreamEvent { message: Some(message((*found).clone())), ..new(Type::Message) }
        }
        StreamEvent::Queue(queue) => ChatStreamEvent {
            queued_messages: queue.iter().cloned().map(queued).collect(),
            ..new(Type::QueueUpdate)
        },
        StreamEvent::Status(status) => {
            ChatStreamEvent { status: Some(ChatStreamStatus { status }), ..new(Type::Status) }
        }
        StreamEvent::Error(error) => ChatStreamEvent { error: Some(chat_error(error)), ..new(Type::Error) },
        StreamEvent::ActionRequired(action) => {
            ChatStreamEvent { action_required: Some(action_required(&action)), ..new(Type::ActionRequired) }
        }
        StreamEvent::Retry(state) => ChatStreamEvent { retry: Some(retry(state)), ..new(Type::Retry) },
        StreamEvent::Part(found) => {
            ChatStreamEvent { message_part: Some(stream_part(&found)), ..new(Type::MessagePart) }
        }
    }
}

/// Shows what a chat waits for.
fn action_required(action: &ActionRequired) -> ChatStreamActionRequired {
    let call = |call: &OpenCall| ChatStreamToolCall {
        tool_call_id: call.call_id.clone(),
        tool_name: call.tool_name.clone(),
        args: call.args.to_string(),
    };
    let approval = |approval: &Approval| api::ChatApproval {
        tool_call_id: approval.call.call_id.clone(),
        tool_name: approval.call.tool_name.clone(),
        args: approval.call.args.to_string(),
        reason: match approval.reason {
            ApprovalReason::Rule => api::ChatApprovalReason::Rule,
            ApprovalReason::OutcomeUnknown => api::ChatApprovalReason::OutcomeUnknown,
        },
        message: approval.message.clone(),
        requested_at: approval.requested_at,
        expires_at: approval.expires_at,
    };
    ChatStreamActionRequired {
        tool_calls: action.tool_calls.iter().map(call).collect(),
        approvals: action.approvals.iter().map(approval).collect(),
    }
}

/// Reads the parts of a message that a user sends.
pub(crate) fn input(parts: Vec<ChatInputPart>) -> ApiResult<Vec<Part>> {
    parts.into_iter().map(input_part).collect()
}

fn input_part(part: ChatInputPart) -> ApiResult<Part> {
    match part.part_type.as_str() {
        "text" => Ok(Part::text(part.text.unwrap_or_default())),
        "file-reference" => Ok(Part::FileReference {
            file_name: part.file_name.unwrap_or_default(),
            start_line: part.start_line.unwrap_or_default(),
            end_line: part.end_line.unwrap_or_default(),
            content: part.content.unwrap_or_default(),
        }),
        "file" => {
            let detail = "files cannot be attached yet";
            Err(ApiError::bad_request("Files cannot be attached to messages yet.").field("content", detail))
        }
        other => {
            let message = format!("A message cannot have a part of type {other:?}; use text.");
            Err(ApiError::bad_request(message.clone()).field("content", message))
        }
    }
}

fn chat_error(error: ChatError) -> api::ChatError {
    api::ChatError {
        message: error.message,
        detail: error.detail,
        kind: error.kind,
        provider: error.provider,
        retryable: error.retryable,
        status_code: error.status_code,
    }
}

fn retry(state: RetryState) -> ChatStreamRetry {
    ChatStreamRetry {
        attempt: state.attempt,
        delay_ms: state.delay_ms,
        error: state.error,
        kind: state.kind,
        provider: state.provider,
        status_code: state.status_code,
        retrying_at: state.retrying_at,
    }
}

fn stream_part(found: &StreamPart) -> ChatStreamMessagePart {
    ChatStreamMessagePart {
        role: Some(found.role),
        part: part(found.part.clone()).unwrap_or_else(|| ChatMessagePart::text("")),
        history_version: Some(found.history_version),
        generation_attempt: Some(found.generation_attempt),
        seq: Some(found.seq),
    }
}

fn usage(usage: Usage) -> api::ChatMessageUsage {
    api::ChatMessageUsage {
        input_tokens: usage.input_tokens,
        output_tokens: usage.output_tokens,
        total_tokens: usage.total_tokens,
        reasoning_tokens: usage.reasoning_tokens,
        cache_creation_tokens: usage.cache_creation_tokens,
        cache_read_tokens: usage.cache_read_tokens,
        context_limit: usage.context_limit,
    }
}

/// What a client sees of a part; nothing of a kind that this program does not know.
fn part(part: Part) -> Option<ChatMessagePart> {
    Some(match part {
        Part::Text { text } => ChatMessagePart::Text { text },
        Part::Reasoning { text, created_at, completed_at, .. } => {
            ChatMessagePart::Reasoning { text, created_at, completed_at }
        }
        Part::ToolCall {
            tool_call_id, tool_name, args, args_delta, provider_executed, created_at, ..
        } => ChatMessagePart::ToolCall {
            tool_call_id,
            tool_name,
            args,
            args_delta,
            provider_executed,
            created_at,
        },
        Part::ToolResult {
            tool_call_id,
            tool_name,
            result,
            result_delta,
            result_reset,
            is_error,
            is_media,
            provider_executed,
            created_at,
        } => ChatMessagePart::ToolResult {
            tool_call_id,
            tool_name,
            result,
            result_delta,
            result_reset,
            is_error,
            is_media,
            provider_executed,
            created_at,
        },
        Part::Source { source_id, url, title } => {
            ChatMessagePart::Source { url, source_id: Some(source_id), title: Some(title) }
        }
        Part::File { media_type, name, file_id, data } => ChatMessagePart::File {
            media_type,
            name: Some(name),
            data,
            file_id: file_id.and_then(|id| id.parse().ok()),
        },
        Part::FileReference { file_name, start_line, end_line, content } => {
            ChatMessagePart::FileReference { file_name, start_line, end_line, content }
        }
        Part::Unknown => return None,
    })
}
