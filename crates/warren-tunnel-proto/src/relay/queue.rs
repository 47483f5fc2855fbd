//! What one link still has to be sent: control frames in order, then datagrams, of which the oldest are dropped.
//!
//! Old tunnel datagrams are useless (their sender has already repeated them), and one slow receiver must never hold
//! back its senders, so the queue drops from the head instead of pushing back.

use std::collections::VecDeque;

use bytes::BytesMut;

use super::RelayLimits;
use crate::frame::Frame;

#[derive(Debug, Default)]
pub(super) struct Queue {
    control: VecDeque<Frame>,
    runs: VecDeque<Run>,
    records: usize,
    bytes: usize,
    dropped: u64,
}

/// Consecutive records that arrived in one batch.
#[derive(Debug)]
struct Run {
    bytes: BytesMut,
    records: usize,
}

impl Queue {
    /// Queues a control frame; `false` when the limit is reached and the link should be closed.
    pub(super) fn push_control(&mut self, frame: Frame, limits: &RelayLimits) -> bool {
        self.control.push_back(frame);
        self.control.len() <= limits.control_frames_max
    }

    pub(super) fn push_run(&mut self, bytes: BytesMut, records: usize, limits: &RelayLimits) {
        self.bytes += bytes.len();
        self.records += records;
        self.runs.push_back(Run { bytes, records });
        while self.bytes > limits.queue_bytes_max || self.records > limits.queue_records_max {
            let Some(oldest) = self.pop_run() else { return };
            self.dropped += oldest.records as u64;
        }
    }

    pub(super) fn pop(&mut self) -> Option<Frame> {
        self.control.pop_front().or_else(|| self.pop_run().map(|run| Frame::Binary(run.bytes)))
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    fn pop_run(&mut self) -> Option<Run> {
        let run = self.runs.pop_front()?;
        self.bytes -= run.bytes.len();
        self.records -= run.records;
        Some(run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_datagrams_are_dropped_and_counted() {
        let limits = RelayLimits { queue_records_max: 3, ..RelayLimits::default() };
        let mut queue = Queue::default();
        for byte in 0..5 {
            queue.push_run(BytesMut::from(&[byte][..]), 1, &limits);
        }
        let left: Vec<Frame> = std::iter::from_fn(|| queue.pop()).collect();
        let expected = [2, 3, 4].map(|byte| Frame::Binary(BytesMut::from(&[byte][..])));
        assert_eq!(left, expected);
        assert_eq!(queue.dropped(), 2);
    }

    #[test]
    fn bytes_are_bounded_too() {
        let limits = RelayLimits { queue_bytes_max: 10, ..RelayLimits::default() };
        let mut queue = Queue::default();
        queue.push_run(BytesMut::zeroed(6), 1, &limits);
        queue.push_run(BytesMut::zeroed(6), 1, &limits);
        assert_eq!(queue.pop(), Some(Frame::Binary(BytesMut::zeroed(6))));
        assert_eq!(queue.pop(), None);
    }

    #[test]
    fn control_frames_overtake_datagrams_and_are_never_dropped() {
        let limits = RelayLimits { queue_records_max: 1, control_frames_max: 1, ..RelayLimits::default() };
        let mut queue = Queue::default();
        queue.push_run(BytesMut::zeroed(1), 1, &limits);
        assert!(queue.push_control(Frame::Text("a".into()), &limits));
        assert!(!queue.push_control(Frame::Text("b".into()), &limits));
        assert_eq!(queue.pop(), Some(Frame::Text("a".into())));
        assert_eq!(queue.pop(), Some(Frame::Text("b".into())));
    }
}
