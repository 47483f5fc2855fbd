//! From the history to what the model is asked.

use std::{borrow::Cow, collections::BTreeSet};

use serde_json::{Value, json};
use warren_chat_proto::{
    Message, Part,
    repair::{self, PromptMessage},
};
use warren_db::{entity::chats, query};
use warren_llm::{
    AssistantBlock, Message as ModelMessage, ModelRequest, Reasoning, ToolCall, ToolResult, ToolSpec,
};
use warren_vocab::{MessageRole, ModelConfigId, UserId, WorkspaceId};

use super::Turn;
use crate::{error::ChatResult, models::ReadyModel, service::Shared, settings, tools::schema};

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

/// The words that stay the same for a whole turn: of this program, of the deployment and of the user.
pub(super) async fn standing(shared: &Shared, chat: &chats::Model) -> ChatResult<Vec<String>> {
    let reader = shared.db.reader();
    let of_deployment = settings::deployment_prompt(reader).await?;
    let own = settings::prompt_of(reader, UserId::from_uuid(chat.owner_id)).await?;
    let own = (!own.trim().is_empty()).then(|| format!("<user-instructions>\n{own}\n</user-instructions>"));
    let instructions = of_deployment.includes_default.then(|| String::from(INSTRUCTIONS));
    let all = [instructions, Some(of_deployment.text), own].into_iter().flatten();
    Ok(all.filter(|text| !text.trim().is_empty()).collect())
}

/// Builds the request for the next answer from what the model may know of the history.
pub(super) async fn request(
    shared: &Shared,
    turn: &Turn,
    chat: &chats::Model,
    ready: &ReadyModel,
    history: &[Message],
) -> ChatResult<ModelRequest> {
    let own = of_same_provider(shared, ready).await?;
    let is_own = |message: &Message| message.model_config_id.is_some_and(|config| own.contains(&config));
    let prompt = repair::for_prompt(&told(history), is_own);
    let mut system = turn.system();
    system.push(workspace_note(shared, chat).await?);
    let of_chat = prompt.iter().filter(|message| message.role == MessageRole::System);
    system.extend(of_chat.map(|message| text(&message.parts)));
    Ok(ModelRequest {
        system,
        messages: prompt.into_iter().filter_map(message).collect(),
        tools: schema::of_chat(chat),
        max_output_tokens: ready.max_output_tokens,
        temperature: ready.temperature,
        ..ModelRequest::default()
    })
}

/// System messages, the newest summary, and what came after it.
pub(crate) fn told(history: &[Message]) -> Cow<'_, [Message]> {
    if history.iter().all(|message| !message.compressed) {
        return Cow::Borrowed(history);
    }
    let is_summary = |message: &Message| message.compressed && message.role == MessageRole::User;
    let summary = history.iter().rposition(is_summary);
    let is_told = |place: usize, message: &Message| {
        let is_later = summary.is_none_or(|summary| place > summary);
        Some(place) == summary || (!message.compressed && (is_later || message.role == MessageRole::System))
    };
    let told = history.iter().enumerate().filter(|(place, message)| is_told(*place, message));
    Cow::Owned(told.map(|(_, message)| message.clone()).collect())
}

/// How much a model is sent: messages, and the bytes of everything it reads.
pub(super) fn size(request: &ModelRequest) -> (usize, usize) {
    let n_bytes = request.system.iter().map(String::len).sum::<usize>()
        + request.messages.iter().map(message_bytes).sum::<usize>()
        + request.tools.iter().map(tool_bytes).sum::<usize>();
    (request.messages.len() + request.system.len().min(1), n_bytes)
}

fn message_bytes(message: &ModelMessage) -> usize {
    match message {
        ModelMessage::User(texts) => texts.iter().map(String::len).sum(),
        ModelMessage::Assistant(blocks) => blocks.iter().map(block_bytes).sum(),
        ModelMessage::Tool(results) => results.iter().map(|result| result.content.len()).sum(),
    }
}

fn block_bytes(block: &AssistantBlock) -> usize {
    match block {
        AssistantBlock::Text(text) => text.len(),
        AssistantBlock::Reasoning(thought) => {
            thought.text.len() + thought.signature.as_ref().map_or(0, String::len)
        }
        AssistantBlock::ToolCall(call) => call.name.len() + call.args.to_string().len(),
        AssistantBlock::ProviderResult { name, result, .. } => name.len() + result.to_string().len(),
    }
}

fn tool_bytes(tool: &ToolSpec) -> usize {
    tool.name.len() + tool.description.len() + tool.schema.to_string().len()
}

/// The models whose signed thoughts the asked provider can read.
async fn of_same_provider(shared: &Shared, ready: &ReadyModel) -> ChatResult<BTreeSet<ModelConfigId>> {
    let models = query::chat_model_configs::list(shared.db.reader()).await?;
    let provider = models.iter().find(|model| model.id == ready.config.as_uuid());
    let provider = provider.map(|model| model.ai_provider_id);
    let same = models.iter().filter(|model| Some(model.ai_provider_id) == provider);
    Ok(same.map(|model| ModelConfigId::from_uuid(model.id)).collect())
}

async fn workspace_note(shared: &Shared, chat: &chats::Model) -> ChatResult<String> {
    let Some(id) = chat.workspace_id.map(WorkspaceId::from_uuid) else {
        return Ok(String::from("This chat has no workspace yet."));
    };
    let workspace = query::workspaces::by_id(shared.db.reader(), id).await?;
    Ok(match workspace.filter(|workspace| !workspace.deleted) {
        Some(workspace) => format!("This chat is attached to the workspace {:?}.", workspace.name),
        None => String::from("The workspace of this chat was deleted. Create another if you need one."),
    })
}

fn message(message: PromptMessage) -> Option<ModelMessage> {
    let PromptMessage { role, parts } = message;
    match role {
        MessageRole::System => None,
        MessageRole::User => Some(ModelMessage::User(parts.iter().filter_map(said).collect())),
        MessageRole::Assistant => {
            Some(ModelMessage::Assistant(parts.into_iter().filter_map(block).collect()))
        }
        MessageRole::Tool => Some(ModelMessage::Tool(parts.into_iter().filter_map(result).collect())),
    }
}

pub(super) fn block(part: Part) -> Option<AssistantBlock> {
    match part {
        Part::Text { text } => Some(AssistantBlock::Text(text)),
        Part::Reasoning { text, signature, provider_metadata, .. } => {
            let metadata = provider_metadata;
            Some(AssistantBlock::Reasoning(Reasoning { text, signature, metadata }))
        }
        Part::ToolCall { tool_call_id, tool_name, args, provider_executed, provider_metadata, .. } => {
            Some(AssistantBlock::ToolCall(ToolCall {
                call_id: tool_call_id,
                name: tool_name,
                // Providers want an object even where the model did not write one.
                args: args.filter(Value::is_object).unwrap_or_else(|| json!({})),
                provider_executed,
                metadata: provider_metadata,
            }))
        }
        Part::ToolResult { tool_call_id, tool_name, result, .. } => Some(AssistantBlock::ProviderResult {
            call_id: tool_call_id,
            name: tool_name,
            result: result.unwrap_or_default(),
        }),
        Part::FileReference { .. } | Part::Source { .. } | Part::File { .. } | Part::Unknown => None,
    }
}

fn result(part: Part) -> Option<ToolResult> {
    match part {
        Part::ToolResult { tool_call_id, tool_name, result, is_error, .. } => Some(ToolResult {
            call_id: tool_call_id,
            name: tool_name,
            content: result.unwrap_or_default().to_string(),
            is_error,
        }),
        Part::Text { .. }
        | Part::Reasoning { .. }
        | Part::ToolCall { .. }
        | Part::FileReference { .. }
        | Part::Source { .. }
        | Part::File { .. }
        | Part::Unknown => None,
    }
}

/// The header that tells a request beside the conversation from the others.
pub(super) fn purpose(purpose: &str) -> (String, String) {
    (String::from("X-Warren-Purpose"), purpose.to_owned())
}

/// The texts of a message, one below the other.
pub(super) fn text(parts: &[Part]) -> String {
    parts.iter().filter_map(said).collect::<Vec<_>>().join("\n")
}

fn said(part: &Part) -> Option<String> {
    match part {
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
    }
}
