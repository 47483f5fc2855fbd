//! One viewer of one chat: its stream's decisions, its place, and its seat at the chat's tail.

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
};

use tokio::sync::mpsc;
use warren_authz::{Action, Object, Subject, check};
use warren_chat_proto::{StreamCommand, StreamCursor, StreamLoop};
use warren_vocab::MessageId;

use super::{Counters, Frame, Input, Item, batch::Batch};

/// What a viewer has already.
#[derive(Debug, Clone, Default)]
pub struct Start {
    /// The last message that it has, from clients without a cursor.
    pub after: Option<MessageId>,
    /// Its exact place.
    pub cursor: Option<StreamCursor>,
}

impl Start {
    /// With the last message that a client without a cursor has.
    pub fn after(message: Option<MessageId>) -> Self {
        Self { after: message, cursor: None }
    }

    /// At an exact place.
    pub fn at(cursor: StreamCursor) -> Self {
        Self { after: None, cursor: Some(cursor) }
    }
}

/// One viewer of one chat. Dropping it leaves.
pub struct Viewer {
    seat: Seat,
    stream: StreamLoop,
    frames: VecDeque<Frame>,
    /// What is watched, for the question who may.
    object: Object,
}

/// The channels between a viewer and the chat's tail.
pub(super) struct Seat {
    pub(super) id: u64,
    pub(super) items: mpsc::Receiver<Item>,
    pub(super) inbox: mpsc::Sender<Input>,
    /// What did not fit into the inbox yet.
    pub(super) unsent: Option<Input>,
    pub(super) counters: Arc<Counters>,
}

impl Viewer {
    pub(super) fn new(seat: Seat, start: Start, object: Object) -> Self {
        seat.counters.viewers.fetch_add(1, Ordering::Relaxed);
        let stream = StreamLoop::new(start.after, start.cursor);
        Self { seat, stream, frames: VecDeque::new(), object }
    }

    /// Whether somebody with these rights may go on watching.
    pub fn may_go_on(&self, subject: &Subject) -> bool {
        check(subject, Action::Read, &self.object).is_ok()
    }

    /// Waits for the next frame. `None` means that the viewer was too slow, that the chat is gone, or that the server
    /// stops; whoever comes back with its place goes on there. Cancel-safe.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            while !self.send() {
                let _ = self.seat.inbox.reserve().await.ok()?;
            }
            if let Some(frame) = self.frames.pop_front() {
                return Some(frame);
            }
            let item = self.seat.items.recv().await?;
            self.take(item);
        }
    }

    /// Gives a frame if there is one already, so that several can go out together.
    pub fn next_waiting(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.frames.pop_front() {
                return Some(frame);
            }
            let item = self.seat.items.try_recv().ok()?;
            self.take(item);
            if !self.send() {
                return self.frames.pop_front();
            }
        }
    }

    /// Sends commands as long as there is room.
    fn send(&mut self) -> bool {
        loop {
            let viewer = self.seat.id;
            let command = |command: StreamCommand| Input::Command { viewer, command };
            let Some(input) = self.seat.unsent.take().or_else(|| self.stream.poll_command().map(command))
            else {
                return true;
            };
            match self.seat.inbox.try_send(input) {
                Ok(()) => {}
                // A closed inbox is found by who reserves a place in it.
                Err(mpsc::error::TrySendError::Full(input) | mpsc::error::TrySendError::Closed(input)) => {
                    self.seat.unsent = Some(input);
                    return false;
                }
            }
        }
    }

    fn take(&mut self, item: Item) {
        let batch = match item {
            Item::Snapshot(snapshot) => {
                self.stream.handle_snapshot(&snapshot);
                None
            }
            Item::Parts(batch) => {
                batch.parts().iter().for_each(|part| self.stream.handle_part(part));
                Some(batch)
            }
            Item::Replay(episode, parts) => {
                self.stream.handle_replay(episode, &parts);
                None
            }
        };
        while let Some(frame) = self.frame(batch.clone()) {
            self.frames.push_back(frame);
        }
    }

    fn frame(&mut self, batch: Option<Arc<Batch>>) -> Option<Frame> {
        let events: Vec<_> =
            std::iter::from_fn(|| self.stream.poll_event()).take(Frame::EVENTS_MAX).collect();
        let cursor = self.stream.cursor().unwrap_or_default();
        (!events.is_empty()).then(|| Frame::new(events, cursor, batch))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.counters.viewers.fetch_sub(1, Ordering::Relaxed);
        // When it is full, the tail sees the closed channel with its next input.
        let _ = self.inbox.try_send(Input::Leave { viewer: self.id });
    }
}
