//! Places where a test lets the server die as `kill -9` does. Programs that are built for release have none.
//!
//! `TEST_CRASH_AT=POINT` ends the process where the point is reached first, `TEST_CRASH_AT=POINT#3` where it is reached
//! for the third time. Points of transitions are named after their commands. The end-to-end tests walk over all of them.

/// Every point.
#[cfg(debug_assertions)]
pub const CRASH_POINTS: &[&str] = &[
    "before:create",
    "after:create",
    "before:send",
    "after:send",
    "before:edit",
    "after:edit",
    "before:delete_queued",
    "after:delete_queued",
    "before:promote_queued",
    "after:promote_queued",
    "before:interrupt",
    "after:interrupt",
    "before:set_archived",
    "after:set_archived",
    "before:complete_requires_action",
    "after:complete_requires_action",
    "before:reconcile",
    "after:reconcile",
    "before:acquire",
    "after:acquire",
    "before:record_attempt",
    "after:record_attempt",
    "before:record_retry",
    "after:record_retry",
    "before:parts",
    "after:parts",
    "before:commit_step",
    "after:commit_step",
    "during:compaction",
    "before:commit_compaction",
    "after:commit_compaction",
    "before:enter_requires_action",
    "after:enter_requires_action",
    "before:cancel_requires_action",
    "after:cancel_requires_action",
    "before:tool_start",
    "after:tool_start",
    "during:tool",
    "before:tool_finish",
    "after:tool_finish",
    "before:finish_turn",
    "after:finish_turn",
    "before:finish_error",
    "after:finish_error",
    "before:finish_interruption",
    "after:finish_interruption",
    "before:abandon",
    "after:abandon",
    "before:title",
    "after:title",
    "before:turn_summary",
    "after:turn_summary",
];

/// When a point is reached, relative to the write that it is named after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Everything is written, nothing is committed.
    BeforeCommit,
    /// It is committed, and nobody was told.
    AfterCommit,
    /// In the middle of what is only committed at its end.
    During,
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

    let moment = match moment {
        Moment::BeforeCommit => "before",
        Moment::AfterCommit => "after",
        Moment::During => "during",
    };
    let is_at =
        |point: &str| point.strip_prefix(moment).and_then(|rest| rest.strip_prefix(':')) == Some(what);
    debug_assert!(
        CRASH_POINTS.iter().any(|point| is_at(point)),
        "{moment}:{what} is not in the list of crash points"
    );
    let Some((point, count)) = &*WANTED else { return };
    if !is_at(point) {
        return;
    }
    if REACHED.fetch_add(1, Ordering::SeqCst) + 1 == *count {
        tracing::warn!(point, "the server dies because a test wants it");
        std::process::abort();
    }
}

#[cfg(not(debug_assertions))]
pub(crate) const fn reach(_: Moment, _: &str) {}
