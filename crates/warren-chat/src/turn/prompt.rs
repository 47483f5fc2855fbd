//! From the history to what the model is asked.

use std::collections::BTreeSet;

use serde_json::json;
use warren_chat_proto::{Message, Part};
use warren_db::{Database, entity::chats, query};
use warren_llm::{AssistantBlock, Message as ModelMessage, ModelRequest, ToolCall, ToolResult};
use warren_vocab::{MessageRole, WorkspaceId};

use crate::{error::ChatResult, models::ReadyModel, tools::schema};

/// What every model is told unless the administrator says otherwise.
pub(crate) const INSTRUCTIONS: &str = "\
You are a software engineer who works in a development workspace on behalf of a user. You reach the workspace only \
through your tools.

- Do what was asked, all of it and nothing more. When a request can be read in two ways that lead to different work, \
ask; otherwise choose the plain reading and say which.
- Look before you change: read files and run commands rather than guess. After a change, check that it works.
- A workspace is a real machine that costs money. Create one only when the task needs one and the chat has none: look \
for a template with list_templates, then use create_workspace.
- When a tool fails, read its error before you try again. When the outcome of a call is unknown, find out what it did \
before you repeat it.
- Never commit, push or publish to a shared branch unless the user has named that branch and said so.
- Write short, plain answers. Say what you did and what the user should know, without emoji or praise.";

const MISSING_RESULT: &str = "This tool call has no result.";

/// Builds the request for the next answer.
pub(super) async fn request(
    db: &Database,
    chat: &chats::Model,
    history: &[Message],
    ready: &ReadyModel,
) -> ChatResult<ModelRequest> {
    let mut system = vec![String::from(INSTRUCTIONS), workspace_note(db, chat).await?];
    let own = history.iter().filter(|message| message.role == MessageRole::System);
    system.extend(own.map(|message| text(&message.content)));
    Ok(ModelRequest {
        system,
        messages: messages(history),
        tools: schema::of_chat(chat),
        max_output_tokens: ready.max_output_tokens,
        temperature: ready.temperature,
        ..ModelRequest::default()
    })
}

async fn workspace_note(db: &Database, chat: &chats::Model) -> ChatResult<String> {
    let Some(id) = chat.workspace_id.map(WorkspaceId::from_uuid) else {
        return Ok(String::from("This chat has no workspace yet."));
    };
    let workspace = query::workspaces::by_id(db.reader(), id).await?;
    Ok(match workspace.filter(|workspace| !workspace.deleted) {
        Some(workspace) => format!("This chat is attached to the workspace {:?}.", workspace.name),
        None => String::from("The workspace of this chat was deleted. Create another if you need one."),
    })
}

/// Every call gets a result right after it, and no result stands without its call: providers refuse anything else.
fn messages(history: &[Message]) -> Vec<ModelMessage> {
    let mut messages = Vec::new();
    let mut rest = history.iter().peekable();
    while let Some(message) = rest.next() {
        match message.role {
            MessageRole::User => messages.push(ModelMessage::User(vec![text(&message.content)])),
            MessageRole::Assistant => {
                let mut results = Vec::new();
                while let Some(tool) = rest.next_if(|next| next.role == MessageRole::Tool) {
                    results.extend(tool.content.iter());
                }
                push_answer(&mut messages, &message.content, &results);
            }
            MessageRole::System | MessageRole::Tool => {}
        }
    }
    messages
}

fn push_answer(messages: &mut Vec<ModelMessage>, parts: &[Part], results: &[&Part]) {
    let tool_calls: Vec<_> = parts.iter().filter_map(tool_call).collect();
    let said = text(parts);
    if said.is_empty() && tool_calls.is_empty() {
        return;
    }
    let asked: Vec<_> = tool_calls.iter().map(|call| (call.call_id.clone(), call.name.clone())).collect();
    let said = (!said.is_empty()).then_some(AssistantBlock::Text(said));
    let blocks = said.into_iter().chain(tool_calls.into_iter().map(AssistantBlock::ToolCall));
    messages.push(ModelMessage::Assistant(blocks.collect()));
    let mut answered = BTreeSet::new();
    for (call_id, name) in asked {
        if !answered.insert(call_id.clone()) {
            continue;
        }
        let found = results.iter().find_map(|part| match part {
            Part::ToolResult { tool_call_id, result: Some(result), .. } if *tool_call_id == call_id => {
                Some(result.to_string())
            }
            Part::ToolResult { .. }
            | Part::Text { .. }
            | Part::Reasoning { .. }
            | Part::ToolCall { .. }
            | Part::FileReference { .. }
            | Part::Source { .. }
            | Part::File { .. }
            | Part::Unknown => None,
        });
        let content = found.unwrap_or_else(|| json!({ "error": MISSING_RESULT }).to_string());
        messages.push(ModelMessage::Tool(vec![ToolResult { call_id, name, content, is_error: false }]));
    }
}

fn tool_call(part: &Part) -> Option<ToolCall> {
    match part {
        Part::ToolCall { tool_call_id, tool_name, args, .. } => Some(ToolCall {
            call_id: tool_call_id.clone(),
            name: tool_name.clone(),
            // Providers want an object even where the model did not write one.
            args: args.clone().filter(serde_json::Value::is_object).unwrap_or_else(|| json!({})),
            provider_executed: false,
            metadata: None,
        }),
        Part::Text { .. }
        | Part::Reasoning { .. }
        | Part::ToolResult { .. }
        | Part::FileReference { .. }
        | Part::Source { .. }
        | Part::File { .. }
        | Part::Unknown => None,
    }
}

fn text(parts: &[Part]) -> String {
    let texts = parts.iter().filter_map(|part| match part {
        Part::Text { text } => Some(text.clone()),
        Part::FileReference { file_name, start_line, end_line, content } => {
            Some(format!("[{file_name}, lines {start_line} to {end_line}]\n{content}"))
        }
        Part::Reasoning { .. }
        | Part::ToolCall { .. }
        | Part::ToolResult { .. }
        | Part::Source { .. }
        | Part::File { .. }
        | Part::Unknown => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}
