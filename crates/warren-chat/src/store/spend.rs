//! What owners may spend on models: the limit, what is spent, and what calls under way have set aside.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, Utc};
use serde::{Deserialize, Serialize};
use warren_db::{
    ConnectionTrait, Database, Guard, Tx,
    entity::chat_reservations,
    query::{self, chat_reservations::Spend},
};
use warren_vocab::{ChatId, LeaseId, UserId};

use super::{PricedCall, settings};
use crate::{
    error::{ChatResult, ChatServiceError},
    rows,
};

/// How often spending begins anew, in UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitPeriod {
    Day,
    /// From Monday.
    Week,
    #[default]
    Month,
}

/// The limit of the deployment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitConfig {
    /// Millionths of a dollar that everybody may spend in a period; no limit when absent.
    #[serde(default)]
    pub default_limit_micros: Option<i64>,
    #[serde(default)]
    pub period: LimitPeriod,
}

/// Where an owner stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// No limit when absent.
    pub limit_micros: Option<i64>,
    pub spent_micros: i64,
    /// Set aside by calls that are under way.
    pub reserved_micros: i64,
    pub period: LimitPeriod,
    pub period_start: DateTime<Utc>,
    pub resets_at: DateTime<Utc>,
}

/// What a chat's worker wants to set aside for a call.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub(crate) owner: UserId,
    pub(crate) chat: ChatId,
    pub(crate) lease: LeaseId,
    pub(crate) micros: i64,
    pub(crate) call: PricedCall,
}

/// The answer to a wish to spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reservation {
    Granted,
    /// The limit would not hold.
    Refused(Standing),
}

/// What an owner may spend. Without a limit nobody needs to add up what was spent, which takes longer the more it was.
#[derive(Debug, Clone, Copy)]
struct Allowance {
    limit_micros: Option<i64>,
    period: LimitPeriod,
}

impl Allowance {
    async fn read(connection: &impl ConnectionTrait, owner: UserId) -> ChatResult<Self> {
        let config = limit_config(connection).await?;
        let LimitConfig { default_limit_micros, period } = config.unwrap_or_default();
        // Without a limit for everybody there are no limits at all.
        let limit_micros = match default_limit_micros {
            None => None,
            Some(default) => {
                let own = query::user_chat_spend_limits::by_user(connection, owner).await?;
                Some(own.map_or(default, |own| own.limit_micros))
            }
        };
        Ok(Self { limit_micros, period })
    }
}

impl LimitPeriod {
    /// The beginning and the end of the period that a time is in.
    pub fn around(self, time: DateTime<Utc>) -> (DateTime<Utc>, DateTime<Utc>) {
        let today = time.date_naive();
        let (first, next) = match self {
            Self::Day => (Some(today), today.checked_add_days(Days::new(1))),
            Self::Week => {
                let since_monday = u64::from(today.weekday().num_days_from_monday());
                let monday = today.checked_sub_days(Days::new(since_monday));
                (monday, monday.and_then(|monday| monday.checked_add_days(Days::new(7))))
            }
            Self::Month => {
                let first = today.with_day(1);
                (first, first.and_then(|first| first.checked_add_months(Months::new(1))))
            }
        };
        (midnight(first.unwrap_or(today)), midnight(next.unwrap_or(today)))
    }
}

impl Standing {
    /// Whether nothing may be spent any more.
    pub fn is_used_up(&self) -> bool {
        self.limit_micros.is_some_and(|limit| self.spent_micros >= limit)
    }

    /// What may still be spent, if there is a limit.
    pub fn left_micros(&self) -> Option<i64> {
        self.limit_micros.map(|limit| (limit - self.spent_micros - self.reserved_micros).max(0))
    }
}

/// Reads where an owner stands now.
///
/// # Errors
/// Fails on database errors.
pub(crate) async fn standing(connection: &impl ConnectionTrait, owner: UserId) -> ChatResult<Standing> {
    let allowance = Allowance::read(connection, owner).await?;
    standing_under(connection, owner, allowance, None).await
}

/// Refuses a message when the owner has nothing left to spend.
///
/// # Errors
/// [`ChatServiceError::UsageLimit`] then.
pub(crate) async fn check_limit(connection: &impl ConnectionTrait, owner: UserId) -> ChatResult<()> {
    let allowance = Allowance::read(connection, owner).await?;
    if allowance.limit_micros.is_none() {
        return Ok(());
    }
    let standing = standing_under(connection, owner, allowance, None).await?;
    if standing.is_used_up() { Err(ChatServiceError::UsageLimit(standing)) } else { Ok(()) }
}

/// Sets money aside for a call of a chat's worker, until the chat's next commit or lease, which books the call if it was cut
/// off. Calls of one owner are granted one
/// after the other, so that together they stay below the limit.
///
/// # Errors
/// Fails on database errors.
pub(crate) async fn reserve(db: &Database, wish: Wish) -> ChatResult<Reservation> {
    let Wish { owner, chat, lease, micros, call } = wish;
    // Commits of the owner's chats run beside it under guards of their own. They move money from reserved to spent, in
    // one step for whoever reads both sums in one statement, and never make their sum larger than was granted, unless a
    // call cost more than was set aside for it.
    let work = async |tx: &Tx| {
        let allowance = Allowance::read(tx, owner).await?;
        if allowance.limit_micros.is_some() {
            let standing = standing_under(tx, owner, allowance, Some(chat)).await?;
            if standing.left_micros().is_some_and(|left| micros > left || left == 0) {
                return Ok(Reservation::Refused(standing));
            }
        }
        let row = chat_reservations::Model {
            chat_id: chat.as_uuid(),
            owner_id: owner.as_uuid(),
            lease_epoch: lease.epoch,
            micros,
            call: Some(rows::json(&call)),
            created_at: tx.now(),
        };
        query::chat_reservations::put(tx, row).await?;
        Ok(Reservation::Granted)
    };
    db.write_guarded(Guard::user(owner), work).await
}

/// The beginning of the period whose spending counts, if there is a limit.
///
/// # Errors
/// Fails on database errors.
pub(super) async fn limited_since(
    connection: &impl ConnectionTrait,
    now: DateTime<Utc>,
) -> ChatResult<Option<DateTime<Utc>>> {
    let config = limit_config(connection).await?;
    let Some(config) = config.filter(|config| config.default_limit_micros.is_some()) else { return Ok(None) };
    Ok(Some(config.period.around(now).0))
}

/// A limit that cannot be read must not be one that everybody may pass.
async fn limit_config(connection: &impl ConnectionTrait) -> ChatResult<Option<LimitConfig>> {
    settings::get_valid(connection, settings::USAGE_LIMIT).await.map_err(|error| match error {
        ChatServiceError::Corrupt { what, source } => {
            tracing::error!(error = %source, what, "the spending limit of chats cannot be read, so chats stand still");
            ChatServiceError::LimitUnreadable
        }
        error => error,
    })
}

async fn standing_under(
    connection: &impl ConnectionTrait,
    owner: UserId,
    allowance: Allowance,
    without: Option<ChatId>,
) -> ChatResult<Standing> {
    let Allowance { limit_micros, period } = allowance;
    let (period_start, resets_at) = period.around(query::clock::now(connection).await?);
    let spend = query::chat_reservations::spend(connection, owner, period_start, without).await?;
    let Spend { spent_micros, reserved_micros } = spend;
    Ok(Standing { limit_micros, spent_micros, reserved_micros, period, period_start, resets_at })
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn periods_begin_at_midnight_on_mondays_and_on_the_first() {
        // A Wednesday.
        let now = at("2026-12-30T23:59:59Z");
        assert_eq!(LimitPeriod::Day.around(now), (at("2026-12-30T00:00:00Z"), at("2026-12-31T00:00:00Z")));
        assert_eq!(LimitPeriod::Week.around(now), (at("2026-12-28T00:00:00Z"), at("2027-01-04T00:00:00Z")));
        assert_eq!(LimitPeriod::Month.around(now), (at("2026-12-01T00:00:00Z"), at("2027-01-01T00:00:00Z")));
    }
}
