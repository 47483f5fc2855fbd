//! One step of a turn: ask the model once, or run the tools of its last answer.

mod prompt;

pub(crate) use prompt::INSTRUCTIONS;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use futures::StreamExt;
use serde_json::Value;
use warren_chat_proto::{
    CallKind, ChatError, ChatState, Episode, Message, Next, OpenCall, Part, RetryState, Usage, cut_short,
    decide, merge, next,
};
use warren_db::{entity::chats, query};
use warren_llm::{ModelError, ModelEvent, ModelStream};
use warren_vocab::{ChatId, ChatStatus, MessageRole, ModelConfigId, UserId};

use crate::{
    error::ChatResult,
    hub::saved_parts,
    models::{self, ReadyModel},
    parts::EpisodeWriter,
    rows,
    service::Shared,
    store::{self, Ask, AskReason, Command, NewMessage, Outcome, fence},
    tools,
};

/// The most attempts to extend one history.
const ATTEMPTS_MAX: i64 = 25;
/// The most attempts when the provider cannot be reached at all: a wrong URL stays wrong.
const UNREACHABLE_ATTEMPTS_MAX: i64 = 3;
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(60);
/// How long a client may take to answer its own tools, and a user to decide.
const CLIENT_TIME: TimeDelta = TimeDelta::minutes(5);
const APPROVAL_TIME: TimeDelta = TimeDelta::hours(24);
const INTERRUPTED: &str = "The tool call was interrupted before it produced a result.";
const BROKEN_OFF: &str = "The answer ended with an error before the tool produced a result.";

/// Does the next thing of a running chat and commits it. Dropping the future stops it at any point.
pub(crate) async fn run_step(shared: &Shared, chat: &chats::Model, state: &ChatState) -> ChatResult<()> {
    let history = history(shared, chat).await?;
    // The tools find out themselves whom they must wait for.
    let kind = |_: &OpenCall| CallKind::Local;
    let stop_after = |name: &str| tools::call::ends_turn(name);
    match next(&history, &decide::Rules { stop_after: &stop_after, ..decide::Rules::new(&kind) }) {
        Next::Finish(_) => {
            commit(shared, chat, state, None, Command::FinishTurn).await?;
        }
        Next::RunTools(calls) => run_tools(shared, chat, state, &calls).await?,
        Next::EnterRequiresAction { dynamic, asked } => {
            run_tools(shared, chat, state, &[dynamic, asked].concat()).await?;
        }
        Next::Refuse(calls) => {
            let refused = NewMessage::new(MessageRole::Tool, decide::refusals(&calls));
            commit(shared, chat, state, None, Command::CommitStep(vec![refused])).await?;
        }
        Next::Generate | Next::Compact | Next::TooLong => generate(shared, chat, state, &history).await?,
    }
    Ok(())
}

/// Commits what an interrupted attempt has said.
pub(crate) async fn finish_interruption(
    shared: &Shared,
    chat: &chats::Model,
    state: &ChatState,
) -> ChatResult<()> {
    shared.parts.flush().await;
    tools::end_running(shared, chat, state, &[]).await?;
    let partial = partial(shared, chat, state, INTERRUPTED).await?;
    let fence = fence(state, ChatStatus::Interrupting, None);
    let id = ChatId::from_uuid(chat.id);
    let command = Command::FinishInterruption { partial };
    store::commit(&shared.db, id, Some(&fence), command).await?;
    Ok(())
}

/// Ends the turn with an error and keeps what was said.
pub(crate) async fn fail(
    shared: &Shared,
    chat: &chats::Model,
    state: &ChatState,
    error: ChatError,
) -> ChatResult<()> {
    shared.parts.flush().await;
    let partial = partial(shared, chat, state, BROKEN_OFF).await?;
    commit(shared, chat, state, None, Command::FinishError { error, partial }).await?;
    Ok(())
}

async fn commit(
    shared: &Shared,
    chat: &chats::Model,
    state: &ChatState,
    attempt: Option<i64>,
    command: Command,
) -> ChatResult<Outcome> {
    let fence = fence(state, ChatStatus::Running, attempt);
    let id = ChatId::from_uuid(chat.id);
    store::commit(&shared.db, id, Some(&fence), command).await
}

async fn history(shared: &Shared, chat: &chats::Model) -> ChatResult<Vec<Message>> {
    let rows = query::chat_messages::live(shared.db.reader(), ChatId::from_uuid(chat.id)).await?;
    let for_model = rows.into_iter().filter(|row| row.visibility != "user");
    for_model.map(rows::message).collect()
}

/// The messages of the last attempt that said something, from the saved parts: the same that viewers have seen.
async fn partial(
    shared: &Shared,
    chat: &chats::Model,
    state: &ChatState,
    why: &str,
) -> ChatResult<Vec<NewMessage>> {
    let id = ChatId::from_uuid(chat.id);
    let history_version = state.versions.history;
    let spoken = query::chat_parts::newest_attempt(shared.db.reader(), id, history_version).await?;
    let episode = Episode { history_version, attempt: spoken.unwrap_or(state.versions.attempt) };
    let saved = saved_parts(&shared.db, id, episode).await?;
    let mut parts: Vec<Part> = saved.iter().map(|part| part.part.clone()).collect();
    let history = history(shared, chat).await?;
    let open = warren_chat_proto::open_calls(
        history.iter().map(|message| (message.role, message.content.as_slice())),
    );
    // A tool may have finished without its result having been shown.
    let ids = open.iter().map(|call| call.call_id.clone()).collect();
    let ledger = query::chat_tool_calls::newest(shared.db.reader(), id, ids).await?;
    parts.extend(ledger.into_iter().filter_map(|entry| {
        let result = rows::parse("tool result", entry.result?).ok()?;
        Some(Part::tool_result(entry.call_id, entry.tool_name, result, entry.is_error))
    }));
    let draft = cut_short(parts, &open, why);
    let assistant = NewMessage {
        model_config_id: Some(ModelConfigId::from_uuid(chat.last_model_config_id)),
        ..NewMessage::new(MessageRole::Assistant, draft.assistant)
    };
    let results = NewMessage::new(MessageRole::Tool, draft.results);
    Ok([assistant, results].into_iter().filter(|message| !message.content.is_empty()).collect())
}

async fn run_tools(
    shared: &Shared,
    chat: &chats::Model,
    state: &ChatState,
    calls: &[OpenCall],
) -> ChatResult<()> {
    let begun = commit(shared, chat, state, None, Command::RecordAttempt).await?;
    let attempt = begun.state.versions.attempt;
    let step = tools::run_step(shared, chat, &begun.state, calls).await?;
    if !step.results.is_empty() {
        let message = NewMessage::new(MessageRole::Tool, step.results);
        commit(shared, chat, &begun.state, Some(attempt), Command::CommitStep(vec![message])).await?;
    } else if !step.pending.is_empty() {
        let is_client = |ask: &Ask| ask.reason == AskReason::Client;
        let within = if step.pending.iter().any(is_client) { CLIENT_TIME } else { APPROVAL_TIME };
        let command = Command::EnterRequiresAction { asks: step.pending, within };
        commit(shared, chat, &begun.state, Some(attempt), command).await?;
    }
    Ok(())
}

fn open_episode(shared: &Shared, chat: &chats::Model, state: &ChatState) -> EpisodeWriter {
    let episode = Episode { history_version: state.versions.history, attempt: state.versions.attempt };
    shared.parts.open(ChatId::from_uuid(chat.id), state.epoch, episode)
}

async fn generate(
    shared: &Shared,
    chat: &chats::Model,
    state: &ChatState,
    history: &[Message],
) -> ChatResult<()> {
    // An edit may have cut off calls that still run.
    tools::end_running(shared, chat, state, &[]).await?;
    tools::note_use(shared, chat).await;
    let begun = commit(shared, chat, state, None, Command::RecordAttempt).await?.state;
    let asked_for = history.iter().rev().find(|message| message.role == MessageRole::User);
    let config = asked_for.and_then(|message| message.model_config_id);
    let config = config.unwrap_or_else(|| ModelConfigId::from_uuid(chat.last_model_config_id));
    let ready = match models::resolve(shared, UserId::from_uuid(chat.owner_id), config).await? {
        Ok(ready) => ready,
        Err(error) => return fail(shared, chat, &begun, error).await,
    };
    let started = Instant::now();
    let episode = open_episode(shared, chat, &begun);
    let request = prompt::request(&shared.db, chat, history, &ready).await?;
    let answer = match ready.model.stream(request).await {
        Ok(stream) => listen(stream, &episode, used_call_ids(history)).await,
        Err(error) => Err(error),
    };
    match answer {
        Ok(answer) => {
            episode.flush().await;
            let message = answer.into_message(&ready, started.elapsed());
            let attempt = begun.versions.attempt;
            commit(shared, chat, &begun, Some(attempt), Command::CommitStep(vec![message])).await?;
            Ok(())
        }
        Err(error) => retry_or_fail(shared, chat, &begun, &ready, error).await,
    }
}

fn used_call_ids(history: &[Message]) -> BTreeSet<String> {
    let parts = history.iter().flat_map(|message| &message.content);
    parts
        .filter_map(|part| match part {
            Part::ToolCall { tool_call_id, .. } => Some(tool_call_id.clone()),
            Part::Text { .. }
            | Part::Reasoning { .. }
            | Part::ToolResult { .. }
            | Part::FileReference { .. }
            | Part::Source { .. }
            | Part::File { .. }
            | Part::Unknown => None,
        })
        .collect()
}

/// A complete answer of the model.
struct Answer {
    parts: Vec<Part>,
    usage: warren_llm::Usage,
}

impl Answer {
    fn into_message(self, ready: &ReadyModel, runtime: Duration) -> NewMessage {
        let usage = Usage {
            input_tokens: self.usage.input_tokens,
            output_tokens: self.usage.output_tokens,
            total_tokens: self.usage.total_tokens,
            reasoning_tokens: self.usage.reasoning_tokens,
            cache_creation_tokens: self.usage.cache_creation_tokens,
            cache_read_tokens: self.usage.cache_read_tokens,
            context_limit: Some(ready.context_limit),
            total_cost_micros: ready.prices.and_then(|prices| prices.cost_micros(&self.usage)),
        };
        NewMessage {
            model_config_id: Some(ready.config),
            usage: Some(usage),
            runtime_ms: i64::try_from(runtime.as_millis()).ok(),
            ..NewMessage::new(MessageRole::Assistant, merge(self.parts))
        }
    }
}

/// A tool call as it comes in.
struct Call {
    id: String,
    name: String,
    args: String,
}

/// Shows the stream to viewers while it comes, and gives the whole answer at its end.
async fn listen(
    mut stream: ModelStream,
    episode: &EpisodeWriter,
    mut used_ids: BTreeSet<String>,
) -> Result<Answer, ModelError> {
    let mut parts = Vec::new();
    let mut calls: Vec<Call> = Vec::new();
    let mut by_provider_id: BTreeMap<String, usize> = BTreeMap::new();
    let mut usage = warren_llm::Usage::default();
    while let Some(event) = stream.next().await {
        let part = match event? {
            ModelEvent::Text(text) => Part::Text { text },
            ModelEvent::Reasoning(text) => Part::reasoning(text),
            ModelEvent::ToolCall { call_id, name, args_delta, .. } => {
                let place = *by_provider_id.entry(call_id.clone()).or_insert_with(|| {
                    calls.push(Call { id: unique(call_id, &mut used_ids), name, args: String::new() });
                    calls.len() - 1
                });
                let call = &mut calls[place];
                call.args.push_str(&args_delta);
                Part::args_delta(&call.id, &call.name, args_delta)
            }
            ModelEvent::ReasoningSignature { .. }
            | ModelEvent::ToolCallMetadata { .. }
            | ModelEvent::ProviderResult { .. }
            | ModelEvent::Source { .. } => continue,
            ModelEvent::End { usage: total, .. } => {
                usage = total;
                continue;
            }
        };
        parts.push(part.clone());
        episode.push(MessageRole::Assistant, part).await;
    }
    for call in calls {
        let part = Part::tool_call(call.id, call.name, whole_args(&call.args));
        parts.push(part.clone());
        episode.push(MessageRole::Assistant, part).await;
    }
    Ok(Answer { parts, usage })
}

/// Ids of calls name their results, but some providers count from zero in every answer.
fn unique(id: String, used: &mut BTreeSet<String>) -> String {
    let base = if id.is_empty() { String::from("call") } else { id };
    let free = std::iter::once(base.clone()).chain((2..).map(|n| format!("{base}-{n}")));
    let id = free.into_iter().find(|id| !used.contains(id)).expect("the numbers do not end");
    used.insert(id.clone());
    id
}

/// Arguments that are no JSON are kept as text, so that the tool can tell the model.
fn whole_args(text: &str) -> Value {
    if text.trim().is_empty() {
        return Value::Object(serde_json::Map::new());
    }
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

/// Waits before the next attempt, or ends the turn.
async fn retry_or_fail(
    shared: &Shared,
    chat: &chats::Model,
    state: &ChatState,
    ready: &ReadyModel,
    error: ModelError,
) -> ChatResult<()> {
    let attempt = state.versions.attempt;
    let attempts_max = if error.is_unreachable { UNREACHABLE_ATTEMPTS_MAX } else { ATTEMPTS_MAX };
    if !error.retryable || attempt >= attempts_max {
        return fail(shared, chat, state, chat_error(&error, &ready.provider)).await;
    }
    let delay = retry_delay(attempt, error.retry_after);
    let delay_ms = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
    let retry = RetryState {
        attempt,
        delay_ms,
        error: error.message.clone(),
        kind: Some(error.kind),
        provider: Some(ready.provider.clone()),
        status_code: error.status,
        retrying_at: rows::now() + TimeDelta::milliseconds(delay_ms),
    };
    commit(shared, chat, state, Some(attempt), Command::RecordRetry(retry)).await?;
    tokio::time::sleep(delay).await;
    Ok(())
}

/// 1 s, 2 s, 4 s … up to a minute, with jitter; never sooner than the provider asks for.
fn retry_delay(attempt: i64, floor: Option<Duration>) -> Duration {
    let exponent = u32::try_from(attempt.saturating_sub(1)).unwrap_or(u32::MAX).min(16);
    let full = RETRY_FIRST.saturating_mul(1 << exponent).min(RETRY_MAX);
    let jittered = full.mul_f64(rand::Rng::random_range(&mut rand::rng(), 0.75..=1.0));
    jittered.max(floor.unwrap_or_default())
}

fn chat_error(error: &ModelError, provider: &str) -> ChatError {
    ChatError {
        message: error.message.clone(),
        detail: error.detail.clone(),
        kind: Some(error.kind),
        provider: Some(provider.to_owned()),
        retryable: error.retryable,
        status_code: error.status,
    }
}
