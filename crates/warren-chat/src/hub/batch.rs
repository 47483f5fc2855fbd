//! What a viewer gets at once, and what many viewers get alike: its bytes on the wire are made once for all of them.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use warren_chat_proto::{StreamCursor, StreamEvent, StreamPart};

/// The most parts in one batch, so that a batch is one frame.
pub(super) const BATCH_PARTS_MAX: usize = Frame::EVENTS_MAX;

/// How a frame is written down. Frames of many viewers share their bytes in each form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireForm {
    Array,
    Envelope,
    ServerSentEvents,
}

/// Neighbouring parts of one episode.
pub(super) struct Batch {
    parts: Vec<Arc<StreamPart>>,
    wire: [OnceLock<(StreamCursor, Bytes)>; 3],
}

impl Batch {
    pub(super) fn new(parts: Vec<Arc<StreamPart>>) -> Arc<Self> {
        Arc::new(Self { parts, wire: Default::default() })
    }

    pub(super) fn parts(&self) -> &[Arc<StreamPart>] {
        &self.parts
    }

    /// Whether the events are exactly this batch.
    fn is(&self, events: &[StreamEvent]) -> bool {
        let same = |(part, event): (&Arc<StreamPart>, &StreamEvent)| matches!(event, StreamEvent::Part(shown) if Arc::ptr_eq(part, shown));
        self.parts.len() == events.len() && self.parts.iter().zip(events).all(same)
    }
}

/// Events that a viewer gets at once: at least one, at most [`Frame::EVENTS_MAX`].
pub struct Frame {
    pub events: Vec<StreamEvent>,
    /// Where whoever has this frame goes on.
    pub cursor: StreamCursor,
    batch: Option<Arc<Batch>>,
}

impl Frame {
    /// The most events in one frame.
    pub const EVENTS_MAX: usize = 256;

    pub(super) fn new(events: Vec<StreamEvent>, cursor: StreamCursor, batch: Option<Arc<Batch>>) -> Self {
        let batch = batch.filter(|batch| batch.is(&events));
        Self { events, cursor, batch }
    }

    /// The bytes of this frame; `write` makes them unless another viewer's frame has them already.
    pub fn bytes(&self, form: WireForm, write: impl Fn(&Self) -> Bytes) -> Bytes {
        let Some(batch) = &self.batch else { return write(self) };
        let slot = match form {
            WireForm::Array => &batch.wire[0],
            WireForm::Envelope => &batch.wire[1],
            WireForm::ServerSentEvents => &batch.wire[2],
        };
        let (place, bytes) = slot.get_or_init(|| (self.cursor, write(self)));
        if *place == self.cursor { bytes.clone() } else { write(self) }
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { events, cursor, batch } = self;
        let mut shown = formatter.debug_struct("Frame");
        shown.field("events", events).field("cursor", cursor).field("is_shared", &batch.is_some()).finish()
    }
}
