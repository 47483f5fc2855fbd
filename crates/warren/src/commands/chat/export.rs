//! `warren chat export`.

use std::path::Path;

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use warren_sdk::{Client, SdkError};
use warren_vocab::{ChatId, MessageId, UserId};

use super::find;
use crate::{
    args::{ExportArgs, ExportFormat},
    chat_export::{self, Cost, Document},
    chat_tool, output,
};

pub(super) async fn run(client: &Client, args: &ExportArgs) -> anyhow::Result<()> {
    let id = find::id(client, &args.chat).await?;
    let document = read(client, id, !args.no_reasoning).await?;
    let format = args.format.unwrap_or_else(|| format_of(args.output_file.as_deref()));
    let text = match format {
        ExportFormat::Json => {
            let Document { chat, messages, queued_messages, .. } = document;
            let object = json!({ "chat": chat, "messages": messages, "queued_messages": queued_messages });
            serde_json::to_string_pretty(&object)? + "\n"
        }
        ExportFormat::Markdown => {
            let document = Document {
                owner: owner(client, &document.chat).await,
                models: models(client).await,
                cost: cost(client, id, &document.chat).await,
                ..document
            };
            chat_export::markdown(&document)
        }
    };
    match &args.output_file {
        None => output::text_out(&text),
        Some(path) => {
            std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
            output::note(&format!("Written to {}.", path.display()));
        }
    }
    Ok(())
}

fn format_of(path: Option<&Path>) -> ExportFormat {
    let extension = path.and_then(Path::extension).and_then(|extension| extension.to_str());
    match extension {
        Some(json) if json.eq_ignore_ascii_case("json") => ExportFormat::Json,
        Some(_) | None => ExportFormat::Markdown,
    }
}

/// Reads the chat and its whole history, page by page.
pub(super) async fn read(client: &Client, id: ChatId, with_reasoning: bool) -> Result<Document, SdkError> {
    let chat = client.raw_chat(id).await?;
    let newest = client.raw_chat_messages(id, None).await?;
    let (mut messages, mut has_more) = (newest.messages, newest.has_more);
    while let (true, Some(oldest)) = (has_more, messages.last().and_then(|message| message["id"].as_i64())) {
        let page = client.raw_chat_messages(id, Some(MessageId(oldest))).await?;
        has_more = page.has_more && !page.messages.is_empty();
        messages.extend(page.messages);
    }
    messages.reverse();
    let queued_messages = newest.queued_messages;
    Ok(Document { chat, messages, queued_messages, with_reasoning, ..Document::default() })
}

/// The name of the owner, where the caller may know it.
async fn owner(client: &Client, chat: &Value) -> String {
    let known = ["owner_name", "owner_username"].map(|field| chat_tool::text(chat, field));
    if let Some(name) = known.into_iter().find(|name| !name.is_empty()) {
        return name.to_owned();
    }
    let user = client.user(chat_tool::text(chat, "owner_id")).await;
    user.map(|user| user.username).unwrap_or_default()
}

/// The names of the models; a chat can be read without.
async fn models(client: &Client) -> std::collections::BTreeMap<String, String> {
    let configs = client.chat_model_configs().await.unwrap_or_default();
    let name =
        |display: &str, model: &str| if display.is_empty() { model.to_owned() } else { display.to_owned() };
    configs.iter().map(|config| (config.id.to_string(), name(&config.display_name, &config.model))).collect()
}

/// What the chat has cost, where the caller may know it.
async fn cost(client: &Client, id: ChatId, chat: &Value) -> Option<Cost> {
    let owner: UserId = chat["owner_id"].as_str()?.parse().ok()?;
    let begun: DateTime<Utc> = chat["created_at"].as_str()?.parse().ok()?;
    let root = chat["root_chat_id"].as_str().and_then(|root| root.parse().ok()).unwrap_or(id);
    let costs = client.chat_costs(owner, begun - TimeDelta::days(1)).await.ok()?;
    let of_chat = costs.by_chat.into_iter().find(|cost| cost.root_chat_id == root)?;
    Some(Cost { micros: of_chat.total_cost_micros })
}
