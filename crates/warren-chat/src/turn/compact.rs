//! Replaces a long conversation by its summary, as a step of its own: a crash before the commit leaves the conversation as
//! it was, one after it leaves the summary.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::json;
use tokio::time::Instant;
use warren_chat_proto::{ChatState, Message, Part, compaction};
use warren_db::entity::chats;
use warren_llm::{Message as ModelMessage, ToolChoice};
use warren_vocab::{MessageRole, MessageVisibility};

use super::{
    Turn, commit, context, fail,
    generate::{refused, retry_or_fail, usage},
    listen, prompt,
};
use crate::{
    error::ChatResult,
    metrics::{CompactionResult, ModelLabels},
    service::Shared,
    store::{Command, NewMessage},
};

const ASK: &str = "\
The conversation so far is about to be replaced by a summary, and you go on from that summary alone. Write it now. Say \
what the user wants, what was done and found out, which files, commands, names and numbers matter, what was decided and \
why, and what is left to do next. Do not call tools, do not greet, and do not go on with the task yet.";
const PREAMBLE: &str = "\
The earlier conversation was replaced by this summary, which you wrote. Go on with what is left to do, without asking \
whether you should.";

/// Asks the model for a summary and commits it.
pub(super) async fn compact(
    shared: &Arc<Shared>,
    turn: &mut Turn,
    chat: &chats::Model,
    state: &ChatState,
    history: &[Message],
) -> ChatResult<()> {
    let begun = commit(shared, chat, state, None, Command::RecordAttempt).await?.state;
    let ready = match turn.model() {
        Ok(ready) => ready,
        Err(error) => return fail(shared, chat, &begun, error).await,
    };
    let mut request = prompt::request(shared, turn, chat, ready, history).await?;
    request.messages.push(ModelMessage::User(vec![ASK.to_owned()]));
    request.tool_choice = ToolChoice::None;
    request.headers.push(prompt::purpose("compaction"));
    if let Some(error) = refused(shared, turn, chat, &begun, ready, &request).await? {
        return fail(shared, chat, &begun, error).await;
    }
    let started = Instant::now();
    let asked =
        listen::Asked { shared, ready, episode: None, meter: turn.meter(), used_ids: BTreeSet::new() };
    match listen::ask(asked, request).await {
        Ok(answer) => {
            turn.meter().settle_unless_told(shared, &answer.usage).await;
            let summary = prompt::text(&answer.parts);
            let summary_row = NewMessage {
                visibility: MessageVisibility::Model,
                compressed: true,
                model_config_id: Some(ready.config),
                usage: Some(usage(ready, answer.usage)),
                runtime_ms: i64::try_from(started.elapsed().as_millis()).ok(),
                ..NewMessage::new(MessageRole::User, vec![Part::text(told(&summary, history))])
            };
            let shown = shown(&summary, turn.limit(), history, begun.versions.snapshot);
            let rows = std::iter::once(summary_row).chain(shown).collect();
            let attempt = begun.versions.attempt;
            commit(shared, chat, &begun, Some(attempt), Command::CommitCompaction(rows)).await?;
            turn.meter().forget();
            shared.metrics.compaction(ready, CompactionResult::Success);
            Ok(())
        }
        Err(error) => {
            let labels = ModelLabels::of(ready);
            shared.metrics.compaction(ready, CompactionResult::of(error.kind));
            turn.meter().settle(shared).await;
            turn.leave();
            retry_or_fail(shared, chat, &begun, &labels, error).await
        }
    }
}

/// What the model is told from now on. The last request is kept word for word, as everything depends on it.
fn told(summary: &str, history: &[Message]) -> String {
    let request = context::question(history).map(|message| prompt::text(&message.content));
    let request = request.filter(|request| !request.trim().is_empty());
    let request =
        request.map(|request| format!("\n\nThe last message of the user, word for word:\n{request}"));
    format!("{PREAMBLE}\n\n{summary}{}", request.unwrap_or_default())
}

/// What users see of it.
fn shown(
    summary: &str,
    limit: Option<compaction::Limit>,
    history: &[Message],
    version: i64,
) -> [NewMessage; 2] {
    let id = format!("summary-{version}");
    let newest = history.iter().rev().find_map(|message| message.usage.as_ref());
    let result = json!({
        "summary": summary,
        "source": "automatic",
        "threshold_percent": limit.map(|limit| limit.percent),
        "usage_percent": limit.zip(newest).and_then(|(limit, usage)| limit.percent_used(usage)),
        "context_tokens": newest.and_then(compaction::context_tokens),
        "context_limit_tokens": limit.map(|limit| limit.context),
    });
    let row = |role, part| NewMessage {
        visibility: MessageVisibility::User,
        compressed: true,
        ..NewMessage::new(role, vec![part])
    };
    [
        row(MessageRole::Assistant, Part::tool_call(&id, compaction::TOOL_NAME, json!({}))),
        row(MessageRole::Tool, Part::tool_result(&id, compaction::TOOL_NAME, result, false)),
    ]
}
