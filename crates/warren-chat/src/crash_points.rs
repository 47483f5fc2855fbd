//! Places where a test lets the server die as `kill -9` does. Programs that are built for release have none.
//!
//! `TEST_CRASH_AT=POINT` ends the process where the point is reached first, `TEST_CRASH_AT=POINT#3` where it is reached
//! for the third time. Points of transitions are named after their commands.

/// When a point is reached, relative to the write that it is named after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Everything is written, nothing is committed.
    BeforeCommit,
    /// It is committed, and nobody was told.
    AfterCommit,
}

/// Dies here if a test wants it.
#[cfg(debug_assertions)]
pub(crate) fn reach(moment: Moment, what: &str) {
    use std::sync::{
        LazyLock,
        atomic::{AtomicUsize, Ordering},
    };

    static WANTED: LazyLock<Option<(String, usize)>> = LazyLock::new(|| {
        let wanted = std::env::var("TEST_CRASH_AT").ok()?;
        match wanted.split_once('#') {
            Some((point, count)) => Some((point.to_owned(), count.parse().ok()?)),
            None => Some((wanted, 1)),
        }
    });
    static REACHED: AtomicUsize = AtomicUsize::new(0);

    let Some((point, count)) = &*WANTED else { return };
    let moment = match moment {
        Moment::BeforeCommit => "before",
        Moment::AfterCommit => "after",
    };
    if point.strip_prefix(moment).and_then(|rest| rest.strip_prefix(':')) != Some(what) {
        return;
    }
    if REACHED.fetch_add(1, Ordering::SeqCst) + 1 == *count {
        tracing::warn!(point, "the server dies because a test wants it");
        std::process::abort();
    }
}

#[cfg(not(debug_assertions))]
pub(crate) const fn reach(_: Moment, _: &str) {}
