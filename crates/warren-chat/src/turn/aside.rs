//! What is asked of a model beside the turns: a title for a new chat and a few words about a turn that has ended. Nobody
//! waits for it, and when it fails the chat is as it was.

use std::{sync::Arc, time::Duration};

use futures::StreamExt;
use serde_json::json;
use warren_chat_proto::{ChatState, Message};
use warren_db::{DbError, Guard, Tx, channels, entity::chats, query};
use warren_llm::{Message as ModelMessage, ModelEvent, ModelRequest, ToolChoice};
use warren_vocab::{ChatId, ChatStatus, MessageRole, ModelConfigId, UserId};

use super::{Turn, prompt};
use crate::{
    commands::made_title,
    crash_points::{self, Moment},
    error::ChatResult,
    models,
    service::Shared,
    settings,
    store::{self, Outcome},
};

const TIME: Duration = Duration::from_secs(30);
const TITLE_CHARS_MAX: usize = 80;
/// Characters of a message that its title or summary is made from.
const SOURCE_CHARS_MAX: usize = 4000;

/// A question that gets a few words.
struct Question {
    purpose: &'static str,
    instruction: &'static str,
    tokens_max: u32,
}

const TITLE: Question = Question {
    purpose: "title",
    instruction: "\
Write a title of two to eight words for a conversation that begins with the message below. Keep names and identifiers as \
they are. Do not answer the message. Write nothing but the title, without quotes or a full stop.",
    tokens_max: 256,
};
const SUMMARY: Question = Question {
    purpose: "turn_summary",
    instruction: "\
Say in two to five words what was done in the answer below. Write nothing but these words, without a full stop.",
    tokens_max: 64,
};

/// Asks for a title of a chat that has one message of its user, no answer and no title of its own.
pub(super) fn name(shared: &Arc<Shared>, turn: &Turn, chat: &chats::Model, history: &[Message]) {
    let mut said = history.iter().filter(|message| message.role != MessageRole::System);
    let (Some(first), None) = (said.next(), said.next()) else { return };
    let made = made_title(&first.content);
    let text = prompt::text(&first.content);
    let is_first_attempt = chat.generation_attempt == 0;
    if !shared.worker.makes_titles || !is_first_attempt || chat.title != made || text.trim().is_empty() {
        return;
    }
    let Ok(ready) = turn.model() else { return };
    let (config, id, owner) = (ready.config, ChatId::from_uuid(chat.id), UserId::from_uuid(chat.owner_id));
    let asking = shared.clone();
    shared.tasks.spawn(format!("title of chat {id}"), async move {
        let Ok(chosen) = settings::title_model(asking.db.reader()).await else { return };
        let config = chosen.model.unwrap_or(config);
        let Some(title) = ask(&asking, owner, config, &TITLE, &text).await else { return };
        let write = async |tx: &Tx| {
            // Somebody may have named the chat meanwhile.
            let row = query::chats::by_id(tx, id).await?;
            if row.is_some_and(|row| row.title == made) {
                query::chats::set_title(tx, id, &title).await?;
                crash_points::reach(Moment::BeforeCommit, "title");
                let hint = json!({ "kind": "title_change", "chat_id": id });
                tx.notify(channels::chats_of(owner), hint);
            }
            Ok::<_, DbError>(())
        };
        if let Err(error) = asking.db.write_guarded(Guard::chat(id), write).await {
            tracing::debug!(%error, chat.id = %id, "a title could not be kept");
        }
        crash_points::reach(Moment::AfterCommit, "title");
    });
}

/// Asks for a title of a chat that is about `text`, with the model that makes titles or the chat's own. Gives nothing when
/// there is none in time.
///
/// # Errors
/// Fails on database errors.
pub(crate) async fn title(shared: &Shared, chat: &chats::Model, text: &str) -> ChatResult<Option<String>> {
    let chosen = settings::title_model(shared.db.reader()).await?;
    let own = ModelConfigId::from_uuid(chat.last_model_config_id);
    let owner = UserId::from_uuid(chat.owner_id);
    Ok(ask(shared, owner, chosen.model.unwrap_or(own), &TITLE, text).await)
}

/// Asks what a turn was about, once it has ended and no other has begun.
pub(super) fn summarise(
    shared: &Arc<Shared>,
    turn: &Turn,
    chat: &chats::Model,
    state: &ChatState,
    said: String,
) {
    if !shared.worker.makes_titles || state.status != ChatStatus::Waiting {
        return;
    }
    let Ok(ready) = turn.model() else { return };
    let (config, id, owner) = (ready.config, ChatId::from_uuid(chat.id), UserId::from_uuid(chat.owner_id));
    let version = state.versions.history;
    let had_summary = chat.last_turn_summary.is_some();
    let asking = shared.clone();
    shared.tasks.spawn(format!("summary of chat {id}"), async move {
        let summary = match said.trim() {
            "" => None,
            text => ask(&asking, owner, config, &SUMMARY, text).await,
        };
        if summary.is_some() || had_summary {
            keep_summary(&asking, id, owner, version, summary).await;
        }
    });
}

/// Takes away what was said about an earlier turn: it does not fit to one that failed.
pub(super) async fn forget_summary(shared: &Shared, done: &Outcome) {
    if done.chat.last_turn_summary.is_none() {
        return;
    }
    let (id, owner) = (ChatId::from_uuid(done.chat.id), UserId::from_uuid(done.chat.owner_id));
    keep_summary(shared, id, owner, done.state.versions.history, None).await;
}

async fn keep_summary(shared: &Shared, id: ChatId, owner: UserId, version: i64, summary: Option<String>) {
    let write = async |tx: &Tx| {
        if query::chats::set_turn_summary(tx, id, version, summary.as_deref()).await? {
            let hint = json!({ "kind": "summary_change", "chat_id": id });
            tx.notify(channels::chats_of(owner), hint);
        }
        crash_points::reach(Moment::BeforeCommit, "turn_summary");
        Ok::<_, DbError>(())
    };
    if let Err(error) = shared.db.write_guarded(Guard::chat(id), write).await {
        tracing::debug!(%error, chat.id = %id, "the summary of a turn could not be kept");
    }
    crash_points::reach(Moment::AfterCommit, "turn_summary");
}

/// One short answer, or nothing when there is none in time or nothing may be spent.
async fn ask(
    shared: &Shared,
    owner: UserId,
    config: ModelConfigId,
    question: &Question,
    text: &str,
) -> Option<String> {
    let answering = tokio::time::timeout(TIME, answer(shared, owner, config, question, text));
    let answer = answering.await.ok()?;
    let answer = answer.inspect_err(|error| tracing::debug!(%error, "a model could not be asked")).ok()??;
    let line = answer.lines().find(|line| !line.trim().is_empty())?;
    let is_wrapping = |c: char| c.is_whitespace() || "\"'`*#“”„«»".contains(c);
    let line = line.trim_matches(is_wrapping).trim_end_matches(['.', '!', ':', ';', ',']);
    let line: String = line.chars().filter(|c| !c.is_control()).take(TITLE_CHARS_MAX).collect();
    (!line.trim().is_empty()).then(|| line.trim().to_owned())
}

async fn answer(
    shared: &Shared,
    owner: UserId,
    config: ModelConfigId,
    question: &Question,
    text: &str,
) -> ChatResult<Option<String>> {
    store::check_limit(shared.db.reader(), owner).await?;
    // A model that the administrator has chosen and that cannot be used makes no title at all.
    let Ok(ready) = models::resolve(shared, owner, config).await? else {
        return Ok(None);
    };
    let source: String = text.chars().take(SOURCE_CHARS_MAX).collect();
    let request = ModelRequest {
        system: vec![question.instruction.to_owned()],
        messages: vec![ModelMessage::User(vec![format!("<message>\n{source}\n</message>")])],
        tool_choice: ToolChoice::None,
        max_output_tokens: Some(question.tokens_max),
        headers: vec![prompt::purpose(question.purpose)],
        temperature: Some(0.0),
        ..ModelRequest::default()
    };
    let Ok(mut stream) = ready.model.stream(request).await else { return Ok(None) };
    let mut said = String::new();
    while let Some(event) = stream.next().await {
        match event {
            Ok(ModelEvent::Text(text)) => said.push_str(&text),
            Ok(ModelEvent::End { .. }) => return Ok(Some(said)),
            Ok(
                ModelEvent::Reasoning(_)
                | ModelEvent::ReasoningSignature { .. }
                | ModelEvent::ToolCall { .. }
                | ModelEvent::ToolCallMetadata { .. }
                | ModelEvent::ProviderResult { .. }
                | ModelEvent::Source { .. }
                | ModelEvent::UsedSoFar(_),
            ) => {}
            Err(_) => return Ok(None),
        }
    }
    Ok(None)
}
