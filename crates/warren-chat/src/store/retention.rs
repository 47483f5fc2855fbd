//! Chats that nobody has used for long are archived, archived ones are deleted in the end, and chats in impossible states are
//! repaired. Any number of servers may do this at once: every chat is looked at again in the transaction that changes it.

use std::time::Duration;

use chrono::{DateTime, Days, NaiveTime, Utc};
use tokio::time::MissedTickBehavior;
use warren_audit::{Entry, Origin, record};
use warren_db::{Database, DbError, Guard, Tx, query};
use warren_rt::Causes;
use warren_vocab::ChatId;

use super::{Command, requests::REMEMBERED, settings, spend::limited_since, transition};
use crate::{
    crash_points::{self, Moment},
    error::{ChatResult, ChatServiceError},
    metrics::ChatMetrics,
};

/// How often to look for chats to archive.
const ARCHIVE_EVERY: Duration = Duration::from_secs(60 * 60);
/// How often to look for chats to delete.
const PURGE_EVERY: Duration = Duration::from_secs(10 * 60);
/// Chats that one look archives at most.
const ARCHIVE_BATCH: u64 = 1000;
/// Chats that one look repairs at most.
const REPAIR_BATCH: u64 = 1000;
/// Chats that one transaction deletes at most.
const PURGE_BATCH: u64 = 100;

/// Keeps the number of chats in bounds.
pub(crate) struct Retention {
    db: Database,
    metrics: ChatMetrics,
}

impl Retention {
    pub(crate) const fn new(db: Database, metrics: ChatMetrics) -> Self {
        Self { db, metrics }
    }

    /// Looks again and again, until the task is stopped.
    pub(crate) async fn run(self) {
        let mut archive = tokio::time::interval(ARCHIVE_EVERY);
        let mut purge = tokio::time::interval(PURGE_EVERY);
        archive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        purge.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let done = tokio::select! {
                _ = archive.tick() => self.archive_idle_now().await,
                _ = purge.tick() => self.purge_now().await,
            };
            // A setting that cannot be read must not delete anything; the next look tries again.
            if let Err(error) = done {
                let error = Causes(&error);
                tracing::warn!(%error, "old chats could not be tidied up and are left for the next time");
            }
        }
    }

    async fn archive_idle_now(&self) -> ChatResult<()> {
        self.archive_idle(query::clock::now(self.db.reader()).await?).await
    }

    async fn purge_now(&self) -> ChatResult<()> {
        self.repair().await?;
        self.purge(query::clock::now(self.db.reader()).await?).await
    }

    /// Brings chats in states that no transition makes into one from which their owners can go on.
    pub(super) async fn repair(&self) -> ChatResult<()> {
        for chat in query::chats::impossible(self.db.reader(), REPAIR_BATCH).await? {
            let repair = async |tx: &Tx| transition(tx, chat, None, Command::Reconcile).await;
            match self.db.write_guarded(Guard::chat(chat), repair).await {
                Ok(_) => {
                    crash_points::reach(Moment::AfterCommit, "reconcile");
                    tracing::warn!(chat.id = %chat, "a chat in an impossible state was repaired");
                }
                // Another server or its owner has repaired it.
                Err(ChatServiceError::Conflict { .. } | ChatServiceError::NotFound) => {}
                Err(error) if is_of_one(&error) => left_alone(chat, &error),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Archives chats that nobody has used for as many days as the administrator has set; 0 days turn it off.
    pub(super) async fn archive_idle(&self, now: DateTime<Utc>) -> ChatResult<()> {
        let days = settings::get_valid(self.db.reader(), settings::AUTO_ARCHIVE_DAYS).await?.unwrap_or(0);
        let Some(cutoff) = cutoff(now, days) else { return Ok(()) };
        let mut n_archived = 0;
        for chat in query::chat_retention::idle_since(self.db.reader(), cutoff, ARCHIVE_BATCH).await? {
            match self.archive(chat, cutoff).await {
                Ok(true) => {
                    n_archived += 1;
                    self.metrics.archived();
                }
                Ok(false) => {}
                // Somebody has used, archived or deleted it since.
                Err(ChatServiceError::Conflict { .. } | ChatServiceError::NotFound) => {}
                Err(error) if is_of_one(&error) => left_alone(chat, &error),
                Err(error) => return Err(error),
            }
        }
        if n_archived > 0 {
            tracing::info!(n_archived, days, "chats that nobody used were archived");
        }
        Ok(())
    }

    /// Deletes chats that were archived more days ago than the administrator has set, and old idempotency keys; 0 days keep
    /// chats for ever.
    pub(super) async fn purge(&self, now: DateTime<Utc>) -> ChatResult<()> {
        let reader = self.db.reader();
        let forgotten = now - REMEMBERED;
        self.db.write(async |tx| query::chat_requests::forget_before(tx, forgotten).await).await?;
        let days = settings::get_valid(reader, settings::RETENTION_DAYS).await?;
        let days = days.unwrap_or(settings::RETENTION_DAYS_DEFAULT);
        if let Some(cutoff) = cutoff(now, days) {
            // What was spent in this period must stay known, or deleting chats would raise the limit.
            let kept_from = limited_since(reader, now).await?.unwrap_or(cutoff);
            self.purge_archived(cutoff.min(kept_from), days).await?;
        }
        Ok(())
    }

    async fn purge_archived(&self, cutoff: DateTime<Utc>, days: u32) -> ChatResult<()> {
        let mut n_deleted = 0;
        loop {
            let old = query::chat_retention::archived_before(self.db.reader(), cutoff, PURGE_BATCH).await?;
            if old.is_empty() {
                break;
            }
            let guard = Guard::chats(old.iter().copied());
            let delete = async |tx: &Tx| query::chat_retention::delete_archived(tx, &old, cutoff).await;
            let n_now = self.db.write_guarded(guard, delete).await?;
            self.metrics.purged_chats(n_now);
            n_deleted += n_now;
        }
        if n_deleted > 0 {
            tracing::info!(n_deleted, days, "archived chats were deleted");
        }
        Ok(())
    }

    async fn archive(&self, chat: ChatId, cutoff: DateTime<Utc>) -> ChatResult<bool> {
        let origin = Origin::system("chat auto-archive");
        let archived = self.db.write(async |tx| {
            if !query::chat_retention::is_idle_since(tx, chat, cutoff).await? {
                return Ok(false);
            }
            let old = query::chats::by_id(tx, chat).await?.ok_or(ChatServiceError::NotFound)?;
            let new = transition(tx, chat, None, Command::SetArchived(true)).await?.chat;
            record(tx, &origin, Entry::write(&old, &new)).await?;
            Ok(true)
        });
        archived.await
    }
}

/// Whether an error may be about one chat only, so that the others need not wait for it.
fn is_of_one(error: &ChatServiceError) -> bool {
    !matches!(error, ChatServiceError::Db(DbError::Busy | DbError::Unavailable(_)))
}

fn left_alone(chat: ChatId, error: &ChatServiceError) {
    tracing::error!(error = %Causes(error), chat.id = %chat, "a chat cannot be read and is left alone");
}

/// The midnight (UTC) so many days before today; none for 0 days.
fn cutoff(now: DateTime<Utc>, days: u32) -> Option<DateTime<Utc>> {
    if days == 0 {
        return None;
    }
    let day = now.date_naive().checked_sub_days(Days::new(u64::from(days)))?;
    Some(day.and_time(NaiveTime::MIN).and_utc())
}
