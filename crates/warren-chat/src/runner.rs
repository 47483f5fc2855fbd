//! Runs one chat under one lease until there is nothing to do or the lease is lost.

mod owner;

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
use tokio::sync::Notify;
use warren_chat_proto::{ChatError, ChatState, Fence};
use warren_db::{DbError, Guard, Notice, Subscription, Tx, channels, entity::chats, query};
use warren_rt::{Backoff, Causes};
use warren_vocab::{ChatId, ChatStatus, LeaseId, UserId};

use crate::{
    error::{ChatResult, ChatServiceError},
    rows,
    service::Shared,
    store::{self, Command, fence},
    tools,
    turn::{self, Turn},
};

/// How often in a row a step may fail for reasons of the server before the turn ends with an error.
const FAILURES_MAX: u32 = 5;
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(5);
const NO_ANSWER: &str = "Nobody answered in time, so the tool was not run.";
const GIVEN_UP: &str = "The server could not continue this chat because of an internal error. Try again.";

/// Which chat to run for whom, and where to say that it takes nobody's place.
pub(crate) struct Job {
    pub(crate) chat: ChatId,
    pub(crate) owner: UserId,
    pub(crate) lease: LeaseId,
    /// Set while the chat waits for a user.
    pub(crate) is_waiting: Arc<AtomicBool>,
    /// Rung when the chat makes room for another.
    pub(crate) freed: Arc<Notify>,
}

/// Works on the chat. Never fails: what goes wrong becomes the chat's error.
pub(crate) async fn run(shared: &Arc<Shared>, job: Job) {
    // Subscribed before the first read, so that no change falls between.
    let hints = shared.db.subscribe(&channels::chat(job.chat));
    let sessions = shared.db.subscribe(&channels::sessions(job.owner));
    let turn = Turn::default();
    let shared = shared.clone();
    Runner { shared, job, hints, sessions, turn, n_failures: 0, is_unsure: false }.run().await;
}

struct Runner {
    shared: Arc<Shared>,
    job: Job,
    hints: Subscription,
    sessions: Subscription,
    turn: Turn,
    /// Since the last step that worked.
    n_failures: u32,
    /// Whether the last step was dropped or failed. It may have written something without anybody having been told.
    is_unsure: bool,
}

enum Progress {
    Step,
    Done,
}

impl Runner {
    async fn run(mut self) {
        let mut backoff = Backoff::new(RETRY_FIRST, RETRY_MAX);
        loop {
            // A panic is one more way to fail: what was not committed was not done.
            let done = AssertUnwindSafe(self.run_once()).catch_unwind().await;
            match done.unwrap_or(Err(ChatServiceError::Panicked)) {
                Ok(Progress::Done) => return,
                Ok(Progress::Step) | Err(ChatServiceError::Stale(_)) => {
                    self.n_failures = 0;
                    backoff.reset();
                }
                Err(error) => {
                    if !self.goes_on_after(&error) {
                        return;
                    }
                    backoff.wait().await;
                }
            }
        }
    }

    fn goes_on_after(&mut self, error: &ChatServiceError) -> bool {
        self.n_failures += u32::from(!is_of_the_database(error));
        self.turn.leave();
        self.shared.metrics.failed_step();
        let (chat, n_failures) = (self.job.chat, self.n_failures);
        let error = Causes(error);
        tracing::warn!(%error, chat.id = %chat, n_failures, "a step of a chat failed and is repeated");
        let goes_on = n_failures <= 2 * FAILURES_MAX;
        if !goes_on {
            // The lease runs out and the next sweep starts over.
            tracing::error!(%error, chat.id = %chat, "a chat is given up");
        }
        goes_on
    }

    async fn run_once(&mut self) -> ChatResult<Progress> {
        let (shared, id) = (self.shared.clone(), self.job.chat);
        // A step that was dropped or failed has left its call open.
        self.turn.meter().settle(&shared).await;
        let Some((chat, state)) = load(&shared, id).await? else { return Ok(Progress::Done) };
        if state.lease_id() != Ok(self.job.lease) {
            // Nobody else has had it since.
            if self.is_unsure && state.lease.is_none() && state.epoch == self.job.lease.epoch {
                store::tell_again(&shared.db, &chat, &state);
                turn::sum_up(&shared, &self.turn, &chat, &state).await?;
            }
            return Ok(Progress::Done);
        }
        match state.status {
            ChatStatus::Running => self.run_turn(&chat, &state).await?,
            ChatStatus::Interrupting => self.interrupt(&chat, &state).await?,
            ChatStatus::RequiresAction => {
                let is_waiting = self.job.is_waiting.clone();
                is_waiting.store(true, Ordering::Relaxed);
                self.job.freed.notify_one();
                let waited = wait_for_user(&shared, &chat, &state, &mut self.hints).await;
                is_waiting.store(false, Ordering::Relaxed);
                waited?;
            }
            ChatStatus::Waiting
            | ChatStatus::Error
            | ChatStatus::Pending
            | ChatStatus::Paused
            | ChatStatus::Completed => {
                if abandon(&shared, id, &state).await? {
                    return Ok(Progress::Done);
                }
            }
        }
        Ok(Progress::Step)
    }

    /// Does one step, unless the chat moves on meanwhile or its owner may not go on.
    async fn run_turn(&mut self, chat: &chats::Model, state: &ChatState) -> ChatResult<()> {
        let shared = self.shared.clone();
        if self.n_failures >= FAILURES_MAX {
            return self.give_up(chat, state).await;
        }
        if let Some(error) = owner::barred(&shared, self.job.owner).await? {
            tools::end_running(&shared, chat, state, &[]).await?;
            return turn::fail(&shared, chat, state, error).await;
        }
        self.is_unsure = true;
        tokio::select! {
            done = turn::run_step(&shared, &mut self.turn, chat, state) => {
                self.is_unsure = done.is_err();
                done
            }
            () = moved_on(&shared, self.job.chat, state, &mut self.hints) => Ok(()),
            () = owner::until_barred(&shared, self.job.owner, &mut self.sessions) => Ok(()),
        }
    }

    /// Ends the turn with an error: first with what was said, then, when that is what cannot be kept, without.
    async fn give_up(&self, chat: &chats::Model, state: &ChatState) -> ChatResult<()> {
        let error = ChatError { retryable: true, ..ChatError::generic(GIVEN_UP) };
        if self.n_failures == FAILURES_MAX {
            return turn::fail(&self.shared, chat, state, error).await;
        }
        let command = Command::FinishError { error, partial: Vec::new() };
        self.commit(state, command).await
    }

    async fn interrupt(&self, chat: &chats::Model, state: &ChatState) -> ChatResult<()> {
        if self.n_failures < FAILURES_MAX {
            return turn::finish_interruption(&self.shared, chat, state).await;
        }
        self.commit(state, Command::FinishInterruption { partial: Vec::new() }).await
    }

    async fn commit(&self, state: &ChatState, command: Command) -> ChatResult<()> {
        let fence = fence(state, state.status, None)?;
        store::commit(&self.shared.db, self.job.chat, Some(&fence), command).await?;
        Ok(())
    }
}

/// Whether the database was away, which says nothing about the chat: its turn waits until it is back, or until the lease is lost.
fn is_of_the_database(error: &ChatServiceError) -> bool {
    matches!(error, ChatServiceError::Db(DbError::Unavailable(_)))
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
        let fence = fence(state, ChatStatus::RequiresAction, None)?;
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
                        || now.lease_id() != state.lease_id()
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
pub(crate) async fn hand_over(shared: &Shared, id: ChatId, lease: LeaseId) {
    let write = async |tx: &Tx| {
        let row = query::chats::by_id(tx, id).await?.ok_or(ChatServiceError::NotFound)?;
        let state = rows::state(&row, 0)?;
        let fence = Fence { lease, ..fence(&state, state.status, None)? };
        store::transition(tx, id, Some(&fence), Command::Abandon).await
    };
    match shared.db.write_guarded(Guard::chat(id), write).await {
        Ok(_) | Err(ChatServiceError::Stale(_) | ChatServiceError::NotFound) => {}
        Err(error) => tracing::warn!(%error, chat.id = %id, "a chat could not be given back"),
    }
}

/// Gives the lease back, unless there is something to do again.
async fn abandon(shared: &Shared, id: ChatId, seen: &ChatState) -> ChatResult<bool> {
    let fence = fence(seen, seen.status, None)?;
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
