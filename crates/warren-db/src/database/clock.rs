//! The time of the database without asking for it each time.
//!
//! A server's own clock may be wrong by minutes, so what one server writes and another compares must not come from it. The
//! database says its time now and then; in between, this process counts on with a clock that nobody sets.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use tokio::time::Instant;

/// What tells the time of a database.
#[derive(Debug, Clone)]
pub(super) enum Clock {
    /// The database is this process's own.
    Own,
    Remote(Arc<RemoteClock>),
}

impl Clock {
    /// The time in the precision that every database keeps.
    pub(super) fn now(&self) -> DateTime<Utc> {
        match self {
            Self::Own => Utc::now().trunc_subsecs(6),
            Self::Remote(clock) => clock.at(Instant::now()),
        }
    }

    /// Takes an answer of the database into account.
    pub(super) fn hear(&self, asked: Instant, said: DateTime<Utc>, answered: Instant) {
        match self {
            Self::Own => {}
            Self::Remote(clock) => clock.hear(asked, said, answered),
        }
    }
}

/// What the database said of the time, and when.
#[derive(Debug)]
pub(super) struct RemoteClock {
    /// When this process began to count.
    base: Instant,
    /// The time of the database at that moment, as far as is known.
    at_base: Mutex<DateTime<Utc>>,
}

impl RemoteClock {
    /// Begins with an answer to a question that was asked and answered at these moments.
    pub(super) fn new(asked: Instant, said: DateTime<Utc>, answered: Instant) -> Self {
        Self { base: asked, at_base: Mutex::new(said - span(answered - asked) / 2) }
    }

    /// Takes a later answer into account. It was given somewhere between question and answer, so a slow one changes
    /// nothing unless what was believed is impossible.
    pub(super) fn hear(&self, asked: Instant, said: DateTime<Utc>, answered: Instant) {
        let earliest = said - span(answered.saturating_duration_since(self.base));
        let latest = said - span(asked.saturating_duration_since(self.base));
        let mut at_base = self.at_base.lock().unwrap_or_else(PoisonError::into_inner);
        *at_base = (*at_base).clamp(earliest, latest);
    }

    /// The time in the precision that the database keeps.
    pub(super) fn at(&self, moment: Instant) -> DateTime<Utc> {
        let at_base = *self.at_base.lock().unwrap_or_else(PoisonError::into_inner);
        (at_base + span(moment.saturating_duration_since(self.base))).trunc_subsecs(6)
    }
}

fn span(duration: Duration) -> TimeDelta {
    // Nobody waits for 292 million years.
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests;
