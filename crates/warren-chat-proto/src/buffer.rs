//! The parts of one attempt, for whoever comes late. It keeps the newest parts within a bound; when the oldest are gone, a
//! replay begins with a marker in their place, so that numbers stay without gaps.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use warren_vocab::MessageRole;

use crate::{
    part::{Part, StreamPart},
    stream::Episode,
};

/// Bytes of parts that are kept of one attempt.
pub const BYTES_MAX: usize = 4 * 1024 * 1024;
/// How long the parts of an attempt that is over are kept for those who come late.
pub const GRACE: Duration = Duration::from_secs(15);
/// What a part takes besides its text.
const PART_BYTES: usize = 128;
const CUT: &str = "[The beginning of this answer is no longer here.]\n";

/// The parts of one attempt.
#[derive(Debug)]
pub struct PartBuffer {
    episode: Episode,
    bytes_max: usize,
    bytes: usize,
    parts: VecDeque<Arc<StreamPart>>,
    last_seq: i64,
}

impl PartBuffer {
    /// Starts with nothing.
    pub const fn new(episode: Episode, bytes_max: usize) -> Self {
        Self { episode, bytes_max, bytes: 0, parts: VecDeque::new(), last_seq: 0 }
    }

    /// Numbers a part and keeps it. Drops the oldest when there is no room; the newest is kept whatever its size.
    pub fn append(&mut self, role: MessageRole, part: Part) -> Arc<StreamPart> {
        self.last_seq += 1;
        let Episode { history_version, attempt } = self.episode;
        let part =
            StreamPart { role, part, history_version, generation_attempt: attempt, seq: self.last_seq };
        let part = Arc::new(part);
        self.bytes += size(&part);
        self.parts.push_back(part.clone());
        while self.bytes > self.bytes_max && self.parts.len() > 1 {
            let oldest = self.parts.pop_front().expect("there is more than one");
            self.bytes -= size(&oldest);
        }
        part
    }

    /// The parts after a place, without gaps. Where the next one is gone, the first of them is a marker.
    pub fn after(&self, seq: i64) -> Vec<Arc<StreamPart>> {
        let Some(first) = self.parts.front() else { return Vec::new() };
        let marker = (seq + 1 < first.seq).then(|| {
            let part = Part::text(CUT);
            Arc::new(StreamPart { part, seq: first.seq - 1, ..(**first).clone() })
        });
        marker.into_iter().chain(self.parts.iter().filter(|part| part.seq > seq).cloned()).collect()
    }

    /// The number of the newest part; 0 before the first.
    pub const fn last_seq(&self) -> i64 {
        self.last_seq
    }
}

fn size(part: &StreamPart) -> usize {
    PART_BYTES + part.part.len()
}

/// The attempts of one chat whose parts are kept, each with those who read it.
#[derive(Debug, Default)]
pub struct PartShelf {
    episodes: BTreeMap<Episode, Kept>,
}

#[derive(Debug)]
struct Kept {
    buffer: PartBuffer,
    closed_at: Option<Instant>,
    n_readers: usize,
}

impl PartShelf {
    /// Begins an attempt; one that has begun before goes on unless it is over. Gives whether parts may be appended.
    pub fn open(&mut self, episode: Episode) -> bool {
        let kept = self.episodes.entry(episode).or_insert_with(|| Kept::new(episode));
        kept.closed_at.is_none()
    }

    /// Appends to an attempt that has begun and is not over.
    pub fn append(&mut self, episode: Episode, role: MessageRole, part: Part) -> Option<Arc<StreamPart>> {
        let kept = self.episodes.get_mut(&episode).filter(|kept| kept.closed_at.is_none())?;
        Some(kept.buffer.append(role, part))
    }

    /// Ends an attempt, also one that never began. Ending it again changes nothing.
    pub fn close(&mut self, episode: Episode, now: Instant) {
        let kept = self.episodes.entry(episode).or_insert_with(|| Kept::new(episode));
        kept.closed_at.get_or_insert(now);
    }

    /// Starts to read an attempt after a place. None while it has not begun: then the reader asks again when it does.
    pub fn subscribe(&mut self, episode: Episode, after_seq: i64) -> Option<Vec<Arc<StreamPart>>> {
        let kept = self.episodes.get_mut(&episode)?;
        kept.n_readers += 1;
        Some(kept.buffer.after(after_seq))
    }

    /// A reader leaves.
    pub fn unsubscribe(&mut self, episode: Episode) {
        if let Some(kept) = self.episodes.get_mut(&episode) {
            kept.n_readers = kept.n_readers.saturating_sub(1);
        }
    }

    /// Forgets attempts that have been over for [`GRACE`] and that nobody reads.
    pub fn sweep(&mut self, now: Instant) {
        self.episodes.retain(|_, kept| {
            let is_old = kept.closed_at.is_some_and(|at| now.saturating_duration_since(at) >= GRACE);
            kept.n_readers > 0 || !is_old
        });
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.episodes.is_empty()
    }
}

impl Kept {
    const fn new(episode: Episode) -> Self {
        Self { buffer: PartBuffer::new(episode, BYTES_MAX), closed_at: None, n_readers: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPISODE: Episode = Episode { history_version: 4, attempt: 1 };

    fn seqs(parts: &[Arc<StreamPart>]) -> Vec<i64> {
        parts.iter().map(|part| part.seq).collect()
    }

    #[test]
    fn what_does_not_fit_pushes_out_the_oldest_and_leaves_a_marker() {
        let mut buffer = PartBuffer::new(EPISODE, 4 * (PART_BYTES + 10));
        for n in 0..10 {
            let part = buffer.append(MessageRole::Assistant, Part::text(format!("{n:010}")));
            assert_eq!(part.seq, n + 1);
        }
        assert_eq!(seqs(&buffer.after(8)), [9, 10]);
        assert_eq!(seqs(&buffer.after(6)), [7, 8, 9, 10], "nothing is missing");
        assert_eq!(seqs(&buffer.after(10)), [0_i64; 0]);
        for seq in 0..6 {
            let parts = buffer.after(seq);
            assert_eq!(seqs(&parts), [6, 7, 8, 9, 10]);
            assert_eq!(parts[0].part, Part::text(CUT));
        }
    }

    #[test]
    fn a_small_part_after_a_large_one_leaves_no_silent_hole() {
        let mut buffer = PartBuffer::new(EPISODE, 1000);
        buffer.append(MessageRole::Assistant, Part::text("a"));
        buffer.append(MessageRole::Assistant, Part::text("b".repeat(5000)));
        assert_eq!(seqs(&buffer.after(1)), [2], "the newest is kept whatever its size");
        buffer.append(MessageRole::Assistant, Part::text("c"));
        assert_eq!(seqs(&buffer.after(1)), [2, 3]);
        assert_eq!(buffer.after(1)[0].part, Part::text(CUT));
        assert_eq!(buffer.last_seq(), 3);
    }

    #[test]
    fn an_attempt_is_kept_for_those_who_read_it_and_a_while_longer() {
        let start = Instant::now();
        let mut shelf = PartShelf::default();
        assert_eq!(shelf.subscribe(EPISODE, 0), None, "it waits for the attempt to begin");
        assert!(shelf.open(EPISODE) && shelf.open(EPISODE));
        shelf.append(EPISODE, MessageRole::Assistant, Part::text("a")).unwrap();
        assert_eq!(seqs(&shelf.subscribe(EPISODE, 0).unwrap()), [1]);
        shelf.close(EPISODE, start);
        shelf.close(EPISODE, start + GRACE);
        assert_eq!(shelf.append(EPISODE, MessageRole::Assistant, Part::text("b")), None);
        assert!(!shelf.open(EPISODE), "it is over");
        shelf.sweep(start + GRACE);
        assert_eq!(seqs(&shelf.subscribe(EPISODE, 0).unwrap()), [1], "somebody reads it");
        shelf.unsubscribe(EPISODE);
        shelf.unsubscribe(EPISODE);
        shelf.sweep(start + GRACE - Duration::from_millis(1));
        assert!(!shelf.is_empty());
        shelf.sweep(start + GRACE);
        assert!(shelf.is_empty());
    }

    #[test]
    fn an_attempt_that_never_began_can_be_over() {
        let start = Instant::now();
        let mut shelf = PartShelf::default();
        shelf.close(EPISODE, start);
        assert_eq!(shelf.subscribe(EPISODE, 0), Some(Vec::new()));
        assert_eq!(shelf.append(EPISODE, MessageRole::Assistant, Part::text("a")), None);
        shelf.unsubscribe(EPISODE);
        shelf.unsubscribe(Episode::default());
        shelf.sweep(start + GRACE);
        assert!(shelf.is_empty());
    }
}
