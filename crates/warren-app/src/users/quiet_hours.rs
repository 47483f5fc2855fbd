//! Quiet hours: the time of day at which an account's workspaces may be restarted, kept as a cron line of one daily time.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;
use warren_authz::{Action, Object};
use warren_db::{entity::users, query};
use warren_vocab::UserId;

use super::lock_target;
use crate::{
    App,
    actor::Actor,
    audit::{self, Entry},
    error::{AppError, AppResult},
};

/// What holds for accounts that chose nothing.
const DEFAULT: &str = "CRON_TZ=UTC 0 0 * * *";
const ZONE_PREFIX: &str = "CRON_TZ=";

/// When the quiet hours of an account begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuietHours {
    pub raw_schedule: String,
    /// Whether the account chose it.
    pub is_chosen: bool,
    /// The time of day as `15:04`.
    pub time: String,
    pub timezone: String,
    /// The next beginning.
    pub next: DateTime<Utc>,
}

impl App {
    /// The quiet hours of an account.
    pub fn quiet_hours(&self, actor: &Actor, user: &users::Model) -> AppResult<QuietHours> {
        actor.check(Action::ReadPersonal, &Object::user(UserId::from_uuid(user.id)))?;
        shown(user, self.now())
    }

    /// Sets the quiet hours of an account; an empty schedule goes back to the deployment's.
    ///
    /// # Errors
    /// Invalid for a schedule that is not one time of day.
    pub async fn set_quiet_hours(
        &self,
        actor: &Actor,
        user: &users::Model,
        schedule: &str,
    ) -> AppResult<QuietHours> {
        let id = UserId::from_uuid(user.id);
        actor.check(Action::UpdatePersonal, &Object::user(id))?;
        if !schedule.is_empty() {
            Daily::parse(schedule).map_err(|reason| AppError::field("schedule", reason))?;
        }
        let changed = self
            .db()
            .write(async |tx| {
                let old = lock_target(tx, actor, id).await?;
                let new = users::Model {
                    quiet_hours_schedule: schedule.to_owned(),
                    updated_at: self.now(),
                    ..old.clone()
                };
                query::users::update(tx, new.clone()).await?;
                audit::record(tx, actor, Entry::write(&old, &new)).await?;
                Ok::<_, AppError>(new)
            })
            .await?;
        shown(&changed, self.now())
    }
}

fn shown(user: &users::Model, at: DateTime<Utc>) -> AppResult<QuietHours> {
    let is_chosen = !user.quiet_hours_schedule.is_empty();
    let raw = if is_chosen { user.quiet_hours_schedule.as_str() } else { DEFAULT };
    let corrupt = || AppError::Internal { message: "a stored quiet hours schedule is not valid" };
    let daily = Daily::parse(raw).map_err(|_| corrupt())?;
    Ok(QuietHours {
        raw_schedule: raw.to_owned(),
        is_chosen,
        time: format!("{:02}:{:02}", daily.time.hour(), daily.time.minute()),
        timezone: daily.zone_name.clone(),
        next: daily.next(at).ok_or_else(corrupt)?,
    })
}

/// One time of every day in a time zone.
#[derive(Debug)]
struct Daily {
    zone: Tz,
    zone_name: String,
    time: NaiveTime,
}

impl Daily {
    /// Reads `CRON_TZ=<zone> <minute> <hour> * * *`; without a zone it is UTC.
    fn parse(text: &str) -> Result<Self, String> {
        let (zone_name, rest) = match text.strip_prefix(ZONE_PREFIX) {
            Some(rest) => rest.split_once(' ').unwrap_or((rest, "")),
            None => ("UTC", text),
        };
        let zone = zone_name.parse().map_err(|_| format!("{zone_name:?} is not a known time zone"))?;
        let form = || format!("must have the form {ZONE_PREFIX}<zone> <minute> <hour> * * *");
        let fields: Vec<_> = rest.split_whitespace().collect();
        let [minute, hour, "*", "*", "*"] = fields[..] else { return Err(form()) };
        let (Ok(minute), Ok(hour)) = (minute.parse(), hour.parse()) else { return Err(form()) };
        let time = NaiveTime::from_hms_opt(hour, minute, 0).ok_or_else(form)?;
        Ok(Self { zone, zone_name: zone_name.to_owned(), time })
    }

    /// The first beginning after a moment.
    fn next(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let today = after.with_timezone(&self.zone).date_naive();
        let days = [0, 1].into_iter().filter_map(|days| today.checked_add_days(Days::new(days)));
        days.filter_map(|date| self.on(date)).find(|next| *next > after)
    }

    /// The beginning on a day. A time that a clock change leaves out is an hour later, one that comes twice its first.
    fn on(&self, date: NaiveDate) -> Option<DateTime<Utc>> {
        let wanted = date.and_time(self.time);
        let exists = wanted.and_local_timezone(self.zone).earliest();
        let later = || (wanted + TimeDelta::hours(1)).and_local_timezone(self.zone).earliest();
        Some(exists.or_else(later)?.with_timezone(&Utc))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(schedule: &str, after: &str) -> String {
        Daily::parse(schedule).unwrap().next(after.parse().unwrap()).unwrap().to_rfc3339()
    }

    #[test]
    fn the_next_beginning_follows_the_clocks_of_the_zone() {
        let berlin = "CRON_TZ=Europe/Berlin 30 2 * * *";
        assert_eq!(next(berlin, "2026-01-10T00:00:00Z"), "2026-01-10T01:30:00+00:00");
        assert_eq!(next(berlin, "2026-01-10T01:30:00Z"), "2026-01-11T01:30:00+00:00");
        assert_eq!(next(berlin, "2026-07-10T00:00:00Z"), "2026-07-10T00:30:00+00:00");
        // At this hour clocks go forward, so 02:30 does not exist on this day.
        assert_eq!(next(berlin, "2026-03-29T00:00:00Z"), "2026-03-29T01:30:00+00:00");
        assert_eq!(next("0 0 * * *", "2026-12-31T23:59:59Z"), "2027-01-01T00:00:00+00:00");
    }

    #[test]
    fn only_one_time_of_day_is_a_schedule() {
        for bad in [
            "",
            "CRON_TZ=Mars/Base 0 0 * * *",
            "CRON_TZ=UTC",
            "CRON_TZ= 0 0 * * *",
            "0 0 * * 1",
            "*/5 0 * * *",
            "0 24 * * *",
            "60 0 * * *",
            "0 0 * *",
            "0 0 * * * *",
        ] {
            assert!(Daily::parse(bad).is_err(), "{bad}");
        }
    }
}
