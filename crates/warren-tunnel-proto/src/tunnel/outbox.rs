//! Messages for the link, in order: datagrams and small records are collected into batches.

use std::collections::VecDeque;

use bytes::BytesMut;
use serde::Serialize;
use warren_wire::relay::{self, Record};

use crate::frame::Frame;

/// A batch is handed out when it is this long, in bytes. Long enough to amortise a system call and a WebSocket frame,
/// short enough not to delay its first datagram.
const BATCH_TARGET: usize = 48 * 1024;

#[derive(Debug, Default)]
pub(super) struct Outbox {
    frames: VecDeque<Frame>,
    batch: BytesMut,
}

impl Outbox {
    pub(super) fn push_datagram(&mut self, alias: u32, datagram: &[u8]) {
        self.make_room();
        // Datagrams are bounded by the inner MTU, below the record limit.
        let appended = relay::append_data(&mut self.batch, alias, datagram);
        debug_assert!(appended.is_ok());
    }

    pub(super) fn push_record(&mut self, record: &Record) {
        self.make_room();
        let appended = record.append_to(&mut self.batch);
        debug_assert!(appended.is_ok());
    }

    pub(super) fn push_control<T: Serialize>(&mut self, message: &T) {
        self.finish_batch();
        let text = serde_json::to_string(message).expect("control messages are plain data");
        self.frames.push_back(Frame::Text(text));
    }

    pub(super) fn pop(&mut self) -> Option<Frame> {
        if self.frames.is_empty() {
            self.finish_batch();
        }
        self.frames.pop_front()
    }

    pub(super) fn clear(&mut self) {
        self.frames.clear();
        self.batch.clear();
    }

    fn make_room(&mut self) {
        if self.batch.len() + relay::RECORD_MAX > BATCH_TARGET {
            self.finish_batch();
        }
        if self.batch.capacity() == 0 {
            self.batch.reserve(BATCH_TARGET);
        }
    }

    fn finish_batch(&mut self) {
        if !self.batch.is_empty() {
            self.frames.push_back(Frame::Binary(std::mem::take(&mut self.batch)));
        }
    }
}
