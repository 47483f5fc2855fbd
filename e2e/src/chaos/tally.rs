//! What happened so far: counts, the log of faults, and violations with what was seen around them.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    io::{self, Write},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    checker::Violation,
    plan::{Class, Fault},
};

/// Lines of the fault log that are kept, and that are shown with a violation.
const LOG_MAX: usize = 20_000;
const SHOWN_MAX: usize = 60;
const AROUND: Duration = Duration::from_secs(20);
/// The first violations are the ones to look into.
const VIOLATIONS_MAX: usize = 200;

/// A violation and what was seen around it.
#[derive(Debug, Clone)]
pub struct Report {
    pub at: Duration,
    pub violation: Violation,
    pub transcript: Vec<String>,
    pub faults: Vec<String>,
}

/// Everything that is counted.
pub struct Tally {
    begin: Instant,
    inner: Mutex<Inner>,
    pub n_chats: AtomicU64,
    pub n_sent: AtomicU64,
    pub n_edits: AtomicU64,
    pub n_interrupts: AtomicU64,
    pub n_client_calls: AtomicU64,
    pub n_commands: AtomicU64,
    pub n_unknown: AtomicU64,
    pub n_answers: AtomicU64,
    pub n_reconnects: AtomicU64,
    pub n_guests: AtomicU64,
    pub n_parts: AtomicU64,
    pub n_messages: AtomicU64,
    pub n_resets: AtomicU64,
    pub n_relayed: AtomicU64,
    pub n_takeovers: AtomicU64,
    /// Requests that the model was sent.
    pub n_asked: AtomicU64,
    /// Calls of it that are booked.
    pub n_booked: AtomicU64,
}

#[derive(Default)]
struct Inner {
    faults: BTreeMap<String, u64>,
    classes: BTreeMap<Class, u64>,
    /// How many parts reached a viewer so many milliseconds after the model had said them.
    delays: BTreeMap<u64, u64>,
    /// Failures of the model that viewers were told of: the chat and the time when it is asked again.
    retries: BTreeSet<(String, String)>,
    n_missed: u64,
    log: VecDeque<(Duration, String)>,
    violations: Vec<Report>,
    n_violations: u64,
}

impl Tally {
    pub fn new() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            begin: Instant::now(),
            inner: Mutex::default(),
            n_chats: zero(),
            n_sent: zero(),
            n_edits: zero(),
            n_interrupts: zero(),
            n_client_calls: zero(),
            n_commands: zero(),
            n_unknown: zero(),
            n_answers: zero(),
            n_reconnects: zero(),
            n_guests: zero(),
            n_parts: zero(),
            n_messages: zero(),
            n_resets: zero(),
            n_relayed: zero(),
            n_takeovers: zero(),
            n_asked: zero(),
            n_booked: zero(),
        }
    }

    /// Since the beginning.
    pub fn elapsed(&self) -> Duration {
        self.begin.elapsed()
    }

    /// Counts a fault that struck.
    pub fn struck(&self, fault: &Fault, details: String) {
        self.log(details);
        let mut inner = self.inner();
        *inner.faults.entry(fault.kind()).or_default() += 1;
        *inner.classes.entry(fault.class()).or_default() += 1;
    }

    /// How many faults of a class struck.
    pub fn struck_class(&self, class: Class) -> u64 {
        self.inner().classes.get(&class).copied().unwrap_or_default()
    }

    /// Notes how long after the model had said it a part reached a viewer.
    pub fn delayed(&self, by: Duration) {
        let ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        *self.inner().delays.entry(ms).or_default() += 1;
    }

    /// The delay in milliseconds that so many of a hundred parts did not exceed.
    pub fn delay(&self, percent: u64) -> u64 {
        let inner = self.inner();
        let total: u64 = inner.delays.values().sum();
        let mut n_left = (total * percent).div_ceil(100);
        let reached = inner.delays.iter().find(|(_, count)| {
            n_left = n_left.saturating_sub(**count);
            n_left == 0
        });
        reached.map_or(0, |(ms, _)| *ms)
    }

    /// Notes the failures of the model that a viewer of a chat was told of.
    pub fn retried(&self, chat: &str, times: impl IntoIterator<Item = String>) {
        self.inner().retries.extend(times.into_iter().map(|at| (chat.to_owned(), at)));
    }

    /// How many different failures of the model viewers were told of.
    pub fn n_retries(&self) -> u64 {
        self.inner().retries.len() as u64
    }

    /// Counts a fault that found nothing to strike.
    pub fn missed(&self) {
        self.inner().n_missed += 1;
    }

    /// Adds a line to the log of faults.
    pub fn log(&self, line: String) {
        let at = self.elapsed();
        let mut inner = self.inner();
        if inner.log.len() == LOG_MAX {
            inner.log.pop_front();
        }
        inner.log.push_back((at, line));
    }

    /// Notes violations with what the viewer saw, and tells of each at once.
    pub fn report<'a>(
        &self,
        violations: impl IntoIterator<Item = Violation>,
        transcript: impl Fn() -> Vec<String> + 'a,
    ) {
        for violation in violations {
            let at = self.elapsed();
            // Who watches a long campaign need not wait for its end; that nobody listens is no reason to end it.
            let _ = writeln!(io::stderr(), "violated after {:.3} s: {violation}", at.as_secs_f64());
            let mut inner = self.inner();
            inner.n_violations += 1;
            if inner.violations.len() < VIOLATIONS_MAX {
                let faults = inner.around(at);
                inner.violations.push(Report { at, violation, transcript: transcript(), faults });
            }
        }
    }

    pub fn faults(&self) -> (BTreeMap<String, u64>, u64) {
        let inner = self.inner();
        (inner.faults.clone(), inner.n_missed)
    }

    pub fn violations(&self) -> (Vec<Report>, u64) {
        let inner = self.inner();
        (inner.violations.clone(), inner.n_violations)
    }

    pub fn whole_log(&self) -> Vec<String> {
        self.inner().log.iter().map(line).collect()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn around(&self, at: Duration) -> Vec<String> {
        let near = self.log.iter().rev().take_while(|(then, _)| at.saturating_sub(*then) < AROUND);
        let mut lines: Vec<_> = near.take(SHOWN_MAX).map(line).collect();
        lines.reverse();
        lines
    }
}

fn line((at, text): &(Duration, String)) -> String {
    format!("{:9.3} s  {text}", at.as_secs_f64())
}

/// Counts one more.
pub fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Counts so many more.
pub fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_told_by_their_share() {
        let tally = Tally::new();
        assert_eq!(tally.delay(50), 0);
        for ms in 1..=100 {
            tally.delayed(Duration::from_millis(ms));
        }
        assert_eq!((tally.delay(50), tally.delay(99), tally.delay(100)), (50, 99, 100));
    }

    #[test]
    fn the_same_failure_of_the_model_counts_once_however_many_see_it() {
        let tally = Tally::new();
        for chat in ["a", "a", "b"] {
            tally.retried(chat, [String::from("noon")]);
        }
        assert_eq!(tally.n_retries(), 2);
    }
}
