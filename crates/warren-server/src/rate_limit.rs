//! How many requests one caller may make: counts in memory, per caller and path, over a sliding minute.
//!
//! Pure: the time is an argument. Memory is bounded by construction.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use uuid::Uuid;

/// The length of a window.
pub(crate) const WINDOW: Duration = Duration::from_secs(60);
/// Requests per window to the routes that check passwords and codes.
const LOGIN_MAX: u32 = 60;
/// Requests per window to the routes that take files.
const FILES_MAX: u32 = 12;
/// Counters per window; callers beyond share one counter per caller, then one for all.
const COUNTERS_MAX: usize = 100_000;

/// Who is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Payer {
    /// An account, or an agent.
    Account(Uuid),
    Address(IpAddr),
}

/// Which limit a route has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Api,
    Login,
    Files,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) is_allowed: bool,
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    /// Until the current window ends.
    pub(crate) reset_in: Duration,
}

/// The counters of one server.
pub(crate) struct RateLimits {
    /// 0 means no limit.
    api_max: u32,
    is_enabled: bool,
    hasher: RandomState,
    windows: Mutex<Windows>,
}

struct Windows {
    begin: Instant,
    current: HashMap<Key, u32>,
    previous: HashMap<Key, u32>,
}

/// A hash of payer, class and path: equal for different ones about never.
type Key = u64;

impl RateLimits {
    /// Makes limits with nothing counted. `api_max` 0 leaves ordinary routes without one.
    pub(crate) fn new(api_max: u32, is_enabled: bool, now: Instant) -> Self {
        let windows = Windows { begin: now, current: HashMap::new(), previous: HashMap::new() };
        Self { api_max, is_enabled, hasher: RandomState::new(), windows: Mutex::new(windows) }
    }

    /// Counts a request and says whether it may go on; `None` when nothing limits it.
    pub(crate) fn count(&self, now: Instant, payer: Payer, class: Class, path: &str) -> Option<Verdict> {
        let limit = match class {
            Class::Api => self.api_max,
            Class::Login => LOGIN_MAX,
            Class::Files => FILES_MAX,
        };
        if !self.is_enabled || limit == 0 {
            return None;
        }
        let keys = [
            self.hasher.hash_one((payer, class as u8, path)),
            self.hasher.hash_one((payer, class as u8)),
            self.hasher.hash_one(class as u8),
        ];
        Some(self.windows.lock().unwrap_or_else(PoisonError::into_inner).count(now, keys, limit))
    }
}

impl Windows {
    fn count(&mut self, now: Instant, keys: [Key; 3], limit: u32) -> Verdict {
        self.turn(now);
        let elapsed = now.saturating_duration_since(self.begin);
        let key = self.room_for(keys);
        let counted = self.current.entry(key).or_default();
        // The share of the window before that lies within the last minute.
        let share = 1.0 - elapsed.as_secs_f64() / WINDOW.as_secs_f64();
        let before = f64::from(self.previous.get(&key).copied().unwrap_or(0)) * share;
        let used = f64::from(*counted) + before;
        let is_allowed = used + 1.0 <= f64::from(limit);
        if is_allowed {
            *counted += 1;
        }
        let left = f64::from(limit) - used - if is_allowed { 1.0 } else { 0.0 };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let remaining = left.max(0.0) as u32;
        Verdict { is_allowed, limit, remaining, reset_in: WINDOW.saturating_sub(elapsed) }
    }

    /// Begins a new window when the current one is over.
    fn turn(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.begin);
        if elapsed < WINDOW {
            return;
        }
        self.previous = if elapsed < WINDOW * 2 { std::mem::take(&mut self.current) } else { HashMap::new() };
        self.current = HashMap::new();
        self.begin = if elapsed < WINDOW * 2 { self.begin + WINDOW } else { now };
    }

    /// The first key that has a counter or may get one. The last few places are kept for the shared counters.
    fn room_for(&self, keys: [Key; 3]) -> Key {
        let n_counters = self.current.len();
        let limits = [COUNTERS_MAX, COUNTERS_MAX + COUNTERS_MAX / 10, usize::MAX];
        let fits = |(key, max): &(Key, usize)| self.current.contains_key(key) || n_counters < *max;
        keys.into_iter().zip(limits).find(fits).map_or(keys[2], |(key, _)| key)
    }
}

#[cfg(test)]
mod tests;
