//! Runs one chat under one lease until there is nothing to do or the lease is lost.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::TimeDelta;
use futures::FutureExt;
use warren_chat_proto::{ChatError, ChatState, Fence};
use warren_db::{Guard, Notice, Subscription, Tx, channels, entity::chats, query};
use warren_rt::Backoff;
use warren_vocab::{ChatId, ChatStatus};

use crate::{
    error::{ChatResult, ChatServiceError},
    rows,
    service::Shared,
    store::{self, Command, fence},
    turn::{self, Turn},
};

/// How often in a row a step may fail for reasons of the server before the turn ends with an error.
const FAILURES_MAX: u32 = 5;
const NO_ANSWER: &str = "Nobody answered in time, so the tool was not run.";

/// Works on the chat. Never fails: what goes wrong becomes the chat's error.
/// `is_waiting` is set while the chat waits for a user.
pub(crate) async fn run(shared: &Arc<Shared>, chat: ChatId, epoch: i64, is_waiting: &AtomicBool) {
    // Subscribed before the first read, so that no change falls between.
    let mut hints = shared.db.subscribe(&channels::chat(chat));
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
    let mut n_failures = 0;
    let mut turn = Turn::default();
    loop {
        let gives_up = n_failures >= FAILURES_MAX;
        match run_once(shared, chat, epoch, &mut hints, &mut turn, is_waiting, gives_up).await {
            Ok(Progress::Done) => return,
            Ok(Progress::Step) | Err(ChatServiceError::Stale(_)) => {
                n_failures = 0;
                backoff.reset();
            }
            Err(error) => {
                n_failures += 1;
                tracing::warn!(%error, chat.id = %chat, n_failures, "a step of a chat failed and is repeated");
                if n_failures > 2 * FAILURES_MAX {
                    // The lease runs out and the next sweep starts over.
                    tracing::error!(%error, chat.id = %chat, "a chat is given up");
                    return;
                }
                backoff.wait().await;
            }
        }
    }
}

enum Progress {
    Step,
    Done,
}

async fn run_once(
    shared: &Arc<Shared>,
    id: ChatId,
    epoch: i64,
    hints: &mut Subscription,
    turn: &mut Turn,
    is_waiting: &AtomicBool,
    gives_up: bool,
) -> ChatResult<Progress> {
    let Some((chat, state)) = load(shared, id).await? else { return Ok(Progress::Done) };
    if state.lease.is_none() || state.epoch != epoch {
        return Ok(Progress::Done);
    }
    match state.status {
        ChatStatus::Running if gives_up => {
            let error = "The server could not continue this chat because of an internal error. Try again.";
            turn::fail(shared, &chat, &state, ChatError::generic(error)).await?;
        }
        ChatStatus::Running => {
            let step = AssertUnwindSafe(turn::run_step(shared, turn, &chat, &state)).catch_unwind();
            tokio::select! {
                done = step => match done {
                    Ok(result) => result?,
                    Err(_) => panicked(shared, &chat, id).await?,
                },
                () = moved_on(shared, id, &state, hints) => {}
            }
        }
        ChatStatus::Interrupting => turn::finish_interruption(shared, &chat, &state).await?,
        ChatStatus::RequiresAction => {
            is_waiting.store(true, Ordering::Relaxed);
            let waited = wait_for_user(shared, &chat, &state, hints).await;
            is_waiting.store(false, Ordering::Relaxed);
            waited?;
        }
        ChatStatus::Waiting
        | ChatStatus::Error
        | ChatStatus::Pending
        | ChatStatus::Paused
        | ChatStatus::Completed => {
            if abandon(shared, id, &state).await? {
                return Ok(Progress::Done);
            }
        }
    }
    Ok(Progress::Step)
}

async fn panicked(shared: &Shared, chat: &chats::Model, id: ChatId) -> ChatResult<()> {
    let Some((_, state)) = load(shared, id).await? else { return Ok(()) };
    let error = ChatError::generic("The server failed while it worked on this chat. Try again.");
    turn::fail(shared, chat, &state, error).await
}

/// Waits until all calls are answered or decided on, at most until the deadline, by the clock of the database.
async fn wait_for_user(
    shared: &Shared,
    chat: &chats::Model,
    state: &ChatState,
    hints: &mut Subscription,
) -> ChatResult<()> {
    let id = ChatId::from_uuid(chat.id);
    let left = store::time_left(shared.db.reader(), chat).await?;
    if left.is_some_and(|left| left <= TimeDelta::zero()) {
        let fence = fence(state, ChatStatus::RequiresAction, None);
        let command = Command::CancelRequiresAction { why: String::from(NO_ANSWER) };
        store::commit(&shared.db, id, Some(&fence), command).await?;
        return Ok(());
    }
    let left = left.and_then(|left| left.to_std().ok()).unwrap_or(Duration::MAX);
    // The deadline is looked at again even when the two clocks differ.
    let _ = tokio::time::timeout(left.min(Duration::from_secs(60)), moved_on(shared, id, state, hints)).await;
    Ok(())
}

/// Waits until somebody else has changed the status, the history or the lease, so that the current step is in vain.
async fn moved_on(shared: &Shared, chat: ChatId, state: &ChatState, hints: &mut Subscription) {
    loop {
        let has_moved = match tokio::time::timeout(shared.worker.sync, hints.next()).await {
            Ok(Some(Notice::Hint(hint))) => {
                let is_newer = hint["snapshot_version"]
                    .as_i64()
                    .is_some_and(|version| version > state.versions.snapshot);
                let same_history = hint["history_version"].as_i64() == Some(state.versions.history);
                let same_status = hint["status"].as_str() == Some(state.status.as_str());
                let same_lease = hint["lease_epoch"].as_i64() == Some(state.epoch);
                is_newer && !(same_history && same_status && same_lease)
            }
            // Hints may be lost.
            Ok(Some(Notice::Lagged)) | Err(_) => match load(shared, chat).await {
                Ok(Some((_, now))) => {
                    now.status != state.status
                        || now.versions.history != state.versions.history
                        || now.epoch != state.epoch
                        || now.lease.is_none()
                }
                Ok(None) => true,
                Err(_) => false,
            },
            Ok(None) => return,
        };
        if has_moved {
            return;
        }
    }
}

/// Gives a chat back in whatever state it is, so that another worker goes on. Its own runner may still be there; what it
/// would write after this is refused.
pub(crate) async fn hand_over(shared: &Shared, id: ChatId, epoch: i64) {
    let write = async |tx: &Tx| {
        let row = query::chats::by_id(tx, id).await?.ok_or(ChatServiceError::NotFound)?;
        let state = rows::state(&row, 0)?;
        let fence = Fence { epoch, ..fence(&state, state.status, None) };
        store::transition(tx, id, Some(&fence), Command::Abandon).await
    };
    match shared.db.write_guarded(Guard::chat(id), write).await {
        Ok(_) | Err(ChatServiceError::Stale(_) | ChatServiceError::NotFound) => {}
        Err(error) => tracing::warn!(%error, chat.id = %id, "a chat could not be given back"),
    }
}

/// Gives the lease back, unless there is something to do again.
async fn abandon(shared: &Shared, id: ChatId, seen: &ChatState) -> ChatResult<bool> {
    let fence = fence(seen, seen.status, None);
    let command = Command::Abandon;
    match store::commit(&shared.db, id, Some(&fence), command).await {
        Ok(_) => Ok(true),
        Err(ChatServiceError::Stale(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

async fn load(shared: &Shared, id: ChatId) -> ChatResult<Option<(chats::Model, ChatState)>> {
    let Some(row) = query::chats::by_id(shared.db.reader(), id).await? else { return Ok(None) };
    let queue_len = query::chat_queue::count(shared.db.reader(), id).await?;
    let state = rows::state(&row, usize::try_from(queue_len).unwrap_or(usize::MAX))?;
    Ok(Some((row, state)))
}
