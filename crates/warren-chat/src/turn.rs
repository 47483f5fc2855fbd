//! One step of a turn: ask the model once, run the tools of its last answer, or replace the conversation by its summary.

mod aside;
mod compact;
mod context;
mod generate;
mod listen;
mod meter;
mod prompt;

pub(crate) use aside::title;
pub(crate) use prompt::INSTRUCTIONS;
#[cfg(test)]
pub(crate) use prompt::told;

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use warren_chat_proto::{
    CallKind, ChatError, ChatState, Episode, Fence, Message, Next, OpenCall, Part, cut_short, decide, next,
};
use warren_db::{DbError, entity::chats, query};
use warren_rt::{Backoff, Causes};
use warren_vocab::{ChatErrorKind, ChatId, ChatStatus, MessageRole, ModelConfigId};

pub(crate) use self::context::Turn;
use self::meter::Meter;
use crate::{
    error::{ChatResult, ChatServiceError},
    hub::saved_parts,
    parts::EpisodeWriter,
    rows,
    service::Shared,
    store::{self, Ask, AskReason, Command, NewMessage, Outcome, fence},
    tools,
};

/// How long a client may take to answer its own tools, and a user to decide.
const CLIENT_TIME: TimeDelta = TimeDelta::minutes(5);
const APPROVAL_TIME: TimeDelta = TimeDelta::hours(24);
const INTERRUPTED: &str = "The tool call was interrupted before it produced a result.";
const BROKEN_OFF: &str = "The answer ended with an error before the tool produced a result.";
const NOT_STORED: &str = "The server could not store the answer. Send a message to try again; if that does not help, tell the administrator.";
/// How often an answer is tried to be stored.
const COMMITS_MAX: u32 = 6;
const TOO_LONG: &str = "The conversation is too long for the model even after it was summarised. Start a new chat, or choose a model with a larger context.";

/// Does the next thing of a running chat and commits it. Dropping the future stops it at any point.
pub(crate) async fn run_step(
    shared: &Arc<Shared>,
    turn: &mut Turn,
    chat: &chats::Model,
    state: &ChatState,
) -> ChatResult<()> {
    generate::wait_for_retry(shared, chat).await?;
    let history = history(shared, chat).await?;
    turn.enter(shared, chat, &history).await?;
    // The tools find out themselves whom they must wait for.
    let kind = |_: &OpenCall| CallKind::Local;
    let rules = decide::Rules {
        stop_after: &tools::call::ends_turn,
        steps_max: shared.worker.steps_max,
        compaction: turn.limit(),
        ..decide::Rules::new(&kind)
    };
    match next(&history, &rules) {
        Next::Finish(_) => {
            let done = commit(shared, chat, state, None, Command::FinishTurn).await?;
            aside::summarise(shared, turn, &done.chat, &done.state, last_answer(&history));
        }
        Next::RunTools(calls) => run_tools(shared, turn, chat, state, &calls).await?,
        Next::EnterRequiresAction { dynamic, asked } => {
            run_tools(shared, turn, chat, state, &[dynamic, asked].concat()).await?;
        }
        Next::Refuse(calls) => {
            let refused = NewMessage::new(MessageRole::Tool, decide::refusals(&calls));
            commit(shared, chat, state, None, Command::CommitStep(vec![refused])).await?;
        }
        Next::Compact => compact::compact(shared, turn, chat, state, &history).await?,
        Next::TooLong => {
            let error = ChatError { kind: Some(ChatErrorKind::Config), ..ChatError::generic(TOO_LONG) };
            fail(shared, chat, state, error).await?;
        }
        Next::Generate => {
            aside::name(shared, turn, chat, &history);
            generate::generate(shared, turn, chat, state, &history).await?;
        }
    }
    Ok(())
}

/// Sums up a turn that has ended without this worker having been told that it has.
pub(crate) async fn sum_up(
    shared: &Arc<Shared>,
    turn: &Turn,
    chat: &chats::Model,
    state: &ChatState,
) -> ChatResult<()> {
    let said = last_answer(&history(shared, chat).await?);
    aside::summarise(shared, turn, chat, state, said);
    Ok(())
}

/// Commits what an interrupted attempt has said.
pub(crate) async fn finish_interruption(
    shared: &Shared,
    chat: &chats::Model,
    state: &ChatState,
) -> ChatResult<()> {
    shared.parts.flush(ChatId::from_uuid(chat.id)).await;
    tools::end_running(shared, chat, state, &[]).await?;
    let partial = partial(shared, chat, state, INTERRUPTED).await?;
    let fence = fence(state, ChatStatus::Interrupting, None)?;
    end(shared, chat, &fence, partial, |partial| Command::FinishInterruption { partial }).await?;
    Ok(())
}

/// Ends with what was said or, where that cannot be stored, without it: a chat must not hang on its last words.
async fn end(
    shared: &Shared,
    chat: &chats::Model,
    fence: &Fence,
    partial: Vec<NewMessage>,
    command: impl Fn(Vec<NewMessage>) -> Command,
) -> ChatResult<Outcome> {
    let (id, is_empty) = (ChatId::from_uuid(chat.id), partial.is_empty());
    match store::commit(&shared.db, id, Some(fence), command(partial)).await {
        Err(error) if !is_empty && !matches!(error, ChatServiceError::Stale(_)) => {
            tracing::error!(error = %Causes(&error), chat.id = %id, "what was said last cannot be stored and is left out");
            store::commit(&shared.db, id, Some(fence), command(Vec::new())).await
        }
        ended => ended,
    }
}

/// Ends the turn with an error and keeps what was said.
pub(crate) async fn fail(
    shared: &Shared,
    chat: &chats::Model,
    state: &ChatState,
    error: ChatError,
) -> ChatResult<()> {
    shared.parts.flush(ChatId::from_uuid(chat.id)).await;
    let partial = partial(shared, chat, state, BROKEN_OFF).await?;
    tracing::info!(chat.id = %chat.id, error = error.message, kind = ?error.kind, "a turn ends with an error");
    let fence = fence(state, ChatStatus::Running, None)?;
    let command = |partial| Command::FinishError { error: error.clone(), partial };
    let done = end(shared, chat, &fence, partial, command).await?;
    aside::forget_summary(shared, &done).await;
    Ok(())
}

/// Commits what was paid for, and the end of the turn if this is its last answer. A store that fails is asked again for a
/// while before the turn ends with an error; then nothing is committed.
async fn commit_step(
    shared: &Shared,
    meter: &Meter,
    chat: &chats::Model,
    state: &ChatState,
    message: NewMessage,
) -> ChatResult<Option<Outcome>> {
    let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(1));
    let mut n_commits = 0;
    loop {
        n_commits += 1;
        let command = Command::CommitStep(vec![message.clone()]);
        match commit(shared, chat, state, Some(state.versions.attempt), command).await {
            Err(ChatServiceError::Db(error)) if n_commits < COMMITS_MAX => {
                tracing::warn!(error = %Causes(&error), chat.id = %chat.id, "an answer could not be stored yet");
                backoff.wait().await;
            }
            Err(ChatServiceError::Db(error)) => {
                tracing::error!(error = %Causes(&error), chat.id = %chat.id, "an answer cannot be stored");
                meter.settle(shared).await;
                fail(shared, chat, state, ChatError::generic(NOT_STORED)).await?;
                return Ok(None);
            }
            done => {
                let done = done?;
                meter.forget();
                return Ok(Some(done));
            }
        }
    }
}

async fn commit(
    shared: &Shared,
    chat: &chats::Model,
    state: &ChatState,
    attempt: Option<i64>,
    command: Command,
) -> ChatResult<Outcome> {
    let fence = fence(state, ChatStatus::Running, attempt)?;
    store::commit_onward(&shared.db, ChatId::from_uuid(chat.id), &fence, command).await
}

/// What the next step depends on: the turn, and what the model is told of what was before it.
async fn history(shared: &Shared, chat: &chats::Model) -> ChatResult<Vec<Message>> {
    let rows = query::chat_messages::working(shared.db.reader(), ChatId::from_uuid(chat.id)).await?;
    rows.into_iter().map(rows::message).collect()
}

fn last_answer(history: &[Message]) -> String {
    let answer = history.iter().rev().find(|message| message.role == MessageRole::Assistant);
    answer.map(|message| prompt::text(&message.content)).unwrap_or_default()
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
    let saved = match saved_parts(&shared.db, id, episode).await {
        // A turn must come to its end even when what was said in it cannot be read.
        Err(error @ (ChatServiceError::Corrupt { .. } | ChatServiceError::Db(DbError::Corrupt { .. }))) => {
            tracing::error!(error = %Causes(&error), chat.id = %id, "the saved parts of an answer cannot be read");
            Vec::new()
        }
        saved => saved?,
    };
    let mut parts: Vec<Part> = saved.iter().map(|part| part.part.clone()).collect();
    let turn = query::chat_messages::of_turn(shared.db.reader(), id).await?;
    let turn = turn.into_iter().map(rows::message).collect::<ChatResult<Vec<_>>>()?;
    let open = warren_chat_proto::open_calls(&turn);
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
    turn: &Turn,
    chat: &chats::Model,
    state: &ChatState,
    calls: &[OpenCall],
) -> ChatResult<()> {
    let begun = commit(shared, chat, state, None, Command::RecordAttempt).await?;
    let attempt = begun.state.versions.attempt;
    let step = tools::run_step(shared, chat, &begun.state, turn.model().ok(), calls).await?;
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

fn open_episode(shared: &Shared, chat: &chats::Model, state: &ChatState) -> ChatResult<EpisodeWriter> {
    let episode = Episode { history_version: state.versions.history, attempt: state.versions.attempt };
    Ok(shared.parts.open(ChatId::from_uuid(chat.id), state.lease_id()?, episode))
}
