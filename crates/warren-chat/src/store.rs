//! Executes transitions: the row is read, the pure step decides, its effects are written, all in one transaction.
//!
//! The only place that writes the rows of chats, histories and queues. Leases and deadlines are judged by the clock of the
//! database, and the statement that writes the row finds nothing when the chat has moved on or the lease is another's.

mod asks;
mod booking;
mod command;
mod hints;
mod lease;
mod requests;
mod retention;
pub(crate) mod settings;
mod spend;
mod writer;

use warren_chat_proto::{ChatState, Effect, Fence, Message, QueuedMessage, Stale, check_fence, step};
use warren_db::{
    Database, Guard, Tx,
    entity::chats,
    query::{
        self,
        chats::{Expected, ForTransition},
    },
};
use warren_vocab::{ChatId, ChatStatus};

pub use self::{
    asks::PendingCall,
    command::{AskReason, ClientResult, Decision},
    spend::{LimitConfig, LimitPeriod, Standing},
};
pub(crate) use self::{
    asks::pending,
    booking::{PricedCall, Used, note_used, tokens},
    command::{Ask, Command, NewMessage, UserMessage},
    hints::tell_again,
    lease::{acquire, time_left},
    requests::{Answered, Request, find_request, remember_request},
    retention::Retention,
    spend::{Reservation, Wish, check_limit, reserve, standing},
};
use crate::{
    crash_points::{self, Moment},
    error::{ChatResult, ChatServiceError},
    rows,
};
use writer::Writer;

/// The most messages that may wait in a queue.
pub(crate) const QUEUE_LEN_MAX: usize = 20;

/// What a transition has written.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) chat: chats::Model,
    pub(crate) state: ChatState,
    pub(crate) messages: Vec<Message>,
    pub(crate) queued: Option<QueuedMessage>,
}

/// Adds a chat with its first messages.
///
/// # Errors
/// Refuses a chat without messages.
pub(crate) async fn create(
    tx: &Tx,
    mut chat: chats::Model,
    messages: Vec<NewMessage>,
) -> ChatResult<Outcome> {
    if messages.is_empty() {
        return Err(ChatServiceError::invalid("content", "A chat begins with a message."));
    }
    let (state, _) = warren_chat_proto::step::create();
    rows::set_state(&mut chat, &state);
    let now = query::clock::now(tx).await?;
    (chat.created_at, chat.updated_at) = (now, now);
    query::chats::insert(tx, chat.clone()).await?;
    let mut writer = Writer::new(tx, chat, state, now);
    writer.insert_all(messages).await?;
    writer.hint(Some("created"));
    Ok(writer.into_outcome())
}

/// Applies a command. A worker gives its fence.
///
/// # Errors
/// A conflict when the state does not allow it, [`ChatServiceError::Stale`] when a worker comes too late.
pub(crate) async fn transition(
    tx: &Tx,
    id: ChatId,
    fence: Option<&Fence>,
    command: Command,
) -> ChatResult<Outcome> {
    let found = query::chats::for_transition(tx, id).await?.ok_or(ChatServiceError::NotFound)?;
    transition_from(tx, found, fence, command).await
}

/// Applies a command to a chat that this transaction has locked and read, or written.
async fn transition_from(
    tx: &Tx,
    found: ForTransition,
    fence: Option<&Fence>,
    command: Command,
) -> ChatResult<Outcome> {
    let ForTransition { chat, queue_len, now } = found;
    let id = ChatId::from_uuid(chat.id);
    let before = rows::state(&chat, usize::try_from(queue_len).unwrap_or(usize::MAX))?;
    if let Some(fence) = fence {
        check_fence(&before, fence)?;
    }
    let input = command.input();
    let (state, effects) = step(&before, input)?;
    if state.queue_len > QUEUE_LEN_MAX && effects.contains(&Effect::AppendQueued) {
        return Err(ChatServiceError::QueueFull);
    }
    let mut writer = Writer::new(tx, chat, state, now);
    let is_whole = writer.take_answers(&command).await?;
    let effects = if is_whole { effects } else { writer.stay(&before) };
    writer.choose(&effects, &command).await?;
    writer.set_fields(&effects, &command);
    let expected =
        Expected { snapshot_version: before.versions.snapshot, lease: fence.map(|fence| fence.lease) };
    if !query::chats::update(tx, writer.chat.clone(), expected).await? {
        return Err(Stale::Lease.into());
    }
    // Before the parts go that say how much was answered.
    if command.ends_model_call() {
        booking::settle(tx, &before, id, &command, now).await?;
    }
    for effect in effects {
        writer.apply(effect, &command).await?;
    }
    writer.hint(hints::kind(input));
    crash_points::reach(Moment::BeforeCommit, command.name());
    Ok(writer.into_outcome())
}

/// Applies a command in a transaction of its own.
///
/// # Errors
/// Fails as [`transition`] does.
pub(crate) async fn commit(
    db: &Database,
    id: ChatId,
    fence: Option<&Fence>,
    command: Command,
) -> ChatResult<Outcome> {
    let name = command.name();
    let write = async |tx: &Tx| transition(tx, id, fence, command).await;
    let outcome = db.write_guarded(Guard::chat(id), write).await?;
    crash_points::reach(Moment::AfterCommit, name);
    Ok(outcome)
}

/// Applies a worker's command in a transaction of its own, together with what is certain to follow. Nobody sees the states
/// between: a turn's end is one write, and everybody who looks at the chat reads it once.
///
/// # Errors
/// Fails as [`transition`] does.
pub(crate) async fn commit_onward(
    db: &Database,
    id: ChatId,
    fence: &Fence,
    command: Command,
) -> ChatResult<Outcome> {
    let (name, is_last_answer) = (command.name(), command.is_last_answer());
    let write = async |tx: &Tx| {
        let found = query::chats::for_transition(tx, id).await?.ok_or(ChatServiceError::NotFound)?;
        let now = found.now;
        let mut done = transition_from(tx, found, Some(fence), command).await?;
        while let Some(command) = Command::certain_after(&done.state, is_last_answer) {
            let fence = self::fence(&done.state, done.state.status, None)?;
            let queue_len = i64::try_from(done.state.queue_len).unwrap_or(i64::MAX);
            let found = ForTransition { chat: done.chat, queue_len, now };
            done = transition_from(tx, found, Some(&fence), command).await?;
        }
        Ok::<_, ChatServiceError>(done)
    };
    let outcome = db.write_guarded(Guard::chat(id), write).await?;
    crash_points::reach(Moment::AfterCommit, name);
    Ok(outcome)
}

/// The fence of a worker for the row that it has read.
///
/// # Errors
/// [`Stale::Lease`] when the row names no worker.
pub(crate) fn fence(state: &ChatState, status: ChatStatus, attempt: Option<i64>) -> Result<Fence, Stale> {
    Ok(Fence { lease: state.lease_id()?, status, history_version: state.versions.history, attempt })
}

#[cfg(test)]
pub(crate) mod tests;
