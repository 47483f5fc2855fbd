//! The streams on one connection, as a poll object.
//!
//! A stream carries messages both ways. Each direction has a window: who sends stops when the other side has not taken what
//! came before, so that a slow stream holds up neither the others nor the connection. Streams with something to say take
//! turns, one fragment each. Whoever serves a stream that came from another server may not open one in its name: a request
//! goes over one connection between servers, never two.
//!
//! Inputs: frames, the time, and calls of whoever has a stream. Outputs: [`Session::poll_frame`], and events that say which
//! stream to look at.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use bytes::{Buf, Bytes, BytesMut};
use thiserror::Error;

use crate::frame::{CloseReason, FRAGMENT_MAX, Frame, HEADER_MAX, Hops, StreamId, StreamKind};

/// Bytes of a stream that may be on their way, or wait to be taken, in each direction.
pub const WINDOW: usize = 256 * 1024;
/// Bytes of a stream that wait to be sent; when there are more, whoever sends waits.
pub const QUEUE_MAX: usize = 256 * 1024;
/// The longest message.
pub const MESSAGE_MAX: usize = 16 * 1024 * 1024;
/// Streams that each side may open.
pub const STREAMS_MAX: usize = 8192;
/// A connection on which nothing was heard for so long is asked whether it lives.
pub const PING_AFTER: Duration = Duration::from_secs(2);
/// It is given up when nothing was heard for so long.
pub const DEAD_AFTER: Duration = Duration::from_secs(6);
/// Answers to pings that may wait; more pings than that are no sign of life.
const PONGS_MAX: usize = 8;

/// The other server does not keep to the protocol; the connection must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Violation {
    #[error("what came is no frame")]
    Malformed,
    #[error("a stream was opened under a number that is taken or not the other server's")]
    BadStream,
    #[error("more was sent than there was room for")]
    WindowExceeded,
    #[error("a message is too long")]
    MessageTooLong,
    #[error("nothing was heard for {} seconds", DEAD_AFTER.as_secs())]
    Silent,
}

/// Why a stream cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OpenError {
    #[error("a request that came from another server is not passed on to a third")]
    Hops,
    #[error("too many streams are open")]
    TooMany,
    #[error("the header is too long")]
    HeaderTooLong,
}

/// Why a message is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SendError {
    #[error("what was sent before has not left yet")]
    Full,
    #[error("the stream has ended")]
    Closed,
    #[error("the message is too long")]
    TooLong,
}

/// What a frame has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The other server has opened a stream.
    Opened { stream: StreamId, kind: StreamKind, header: Bytes },
    /// There may be something to take from the stream, or room to send, or it has ended.
    Changed(StreamId),
}

/// What is taken from a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    Message(Bytes),
    /// Nothing more comes.
    Ended(CloseReason),
    /// Nothing is there yet.
    Nothing,
}

/// One connection.
#[derive(Debug)]
pub struct Session {
    /// Streams of this side have odd numbers on the dialler and even ones on the other side.
    next: u32,
    streams: BTreeMap<StreamId, Stream>,
    /// Streams that have something to send and room for it.
    ready: VecDeque<StreamId>,
    control: VecDeque<Frame>,
    n_pongs: usize,
    heard_at: Instant,
    asked_at: Option<Instant>,
}

#[derive(Debug)]
struct Stream {
    /// Bytes that the other side has room for.
    credit: usize,
    outgoing: VecDeque<Bytes>,
    outgoing_len: usize,
    is_ready: bool,
    partial: BytesMut,
    /// Whole messages with the bytes that taking them gives back.
    incoming: VecDeque<(Bytes, usize)>,
    /// Bytes that have come and were not given back.
    held: usize,
    /// Bytes that are to be given back.
    owed: usize,
    ended: Option<CloseReason>,
}

impl Session {
    /// Begins on a connection that was made just now. `is_dialler` says which side this is.
    pub fn new(is_dialler: bool, now: Instant) -> Self {
        Self {
            next: if is_dialler { 1 } else { 2 },
            streams: BTreeMap::new(),
            ready: VecDeque::new(),
            control: VecDeque::new(),
            n_pongs: 0,
            heard_at: now,
            asked_at: None,
        }
    }

    /// Opens a stream for a request that came over so many connections.
    ///
    /// # Errors
    /// When the request came from another server already, or there is no room.
    pub fn open(&mut self, kind: StreamKind, hops: Hops, header: Bytes) -> Result<StreamId, OpenError> {
        if hops > Hops::NONE {
            return Err(OpenError::Hops);
        }
        if header.len() > HEADER_MAX {
            return Err(OpenError::HeaderTooLong);
        }
        if self.count(self.next) >= STREAMS_MAX || self.next >= u32::MAX - 2 {
            return Err(OpenError::TooMany);
        }
        let stream = StreamId(self.next);
        self.next += 2;
        self.streams.insert(stream, Stream::new());
        self.control.push_back(Frame::Open { stream, hops, kind, header });
        Ok(stream)
    }

    /// Takes a message for the other side.
    ///
    /// # Errors
    /// [`SendError::Full`] when it must be tried again after the stream has changed.
    pub fn send(&mut self, id: StreamId, message: Bytes) -> Result<(), SendError> {
        let stream = self.streams.get_mut(&id).ok_or(SendError::Closed)?;
        if stream.ended.is_some() {
            return Err(SendError::Closed);
        }
        if message.len() > MESSAGE_MAX {
            return Err(SendError::TooLong);
        }
        if stream.outgoing_len >= QUEUE_MAX {
            return Err(SendError::Full);
        }
        stream.outgoing_len += message.len();
        stream.outgoing.push_back(message);
        self.make_ready(id);
        Ok(())
    }

    /// Gives the next message of a stream.
    pub fn take(&mut self, id: StreamId) -> Received {
        let Some(stream) = self.streams.get_mut(&id) else { return Received::Ended(CloseReason::Failed) };
        let Some((message, len)) = stream.incoming.pop_front() else {
            return stream.ended.map_or(Received::Nothing, Received::Ended);
        };
        self.give_back(id, len);
        Received::Message(message)
    }

    /// Ends a stream from this side; what waits is dropped. Ending it again changes nothing.
    pub fn close(&mut self, id: StreamId, reason: CloseReason) {
        let Some(stream) = self.streams.remove(&id) else { return };
        if stream.ended.is_none() {
            self.control.push_back(Frame::Close { stream: id, reason });
        }
    }

    /// Takes a frame that the other side sent, and says what has changed.
    ///
    /// # Errors
    /// When the connection must end.
    pub fn handle_frame(&mut self, bytes: Bytes, now: Instant) -> Result<Option<Event>, Violation> {
        self.heard_at = now;
        self.asked_at = None;
        let Some(frame) = Frame::decode(bytes).ok_or(Violation::Malformed)? else { return Ok(None) };
        match frame {
            Frame::Open { stream, hops, kind, header } => self.opened(stream, hops, kind, header),
            Frame::Data { stream, is_end, bytes } => self.received(stream, is_end, &bytes),
            Frame::Credit { stream: id, bytes } => {
                let Some(stream) = self.streams.get_mut(&id) else { return Ok(None) };
                stream.credit = stream.credit.saturating_add(bytes as usize).min(WINDOW);
                self.make_ready(id);
                Ok(Some(Event::Changed(id)))
            }
            Frame::Close { stream: id, reason } => {
                let Some(stream) = self.streams.get_mut(&id) else { return Ok(None) };
                stream.ended.get_or_insert(reason);
                stream.outgoing.clear();
                Ok(Some(Event::Changed(id)))
            }
            Frame::Ping => {
                if self.n_pongs < PONGS_MAX {
                    self.n_pongs += 1;
                    self.control.push_back(Frame::Pong);
                }
                Ok(None)
            }
            Frame::Pong => Ok(None),
        }
    }

    /// The time has come; earlier calls change nothing.
    ///
    /// # Errors
    /// When the other side is silent for too long.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), Violation> {
        if now >= self.heard_at + DEAD_AFTER {
            return Err(Violation::Silent);
        }
        if self.asked_at.is_none() && now >= self.heard_at + PING_AFTER {
            self.asked_at = Some(now);
            self.control.push_back(Frame::Ping);
        }
        Ok(())
    }

    /// When [`Self::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Instant {
        self.heard_at + if self.asked_at.is_some() { DEAD_AFTER } else { PING_AFTER }
    }

    /// Gives the next frame for the other side and the stream that has room again for what waits, if one has.
    pub fn poll_frame(&mut self) -> Option<(Vec<u8>, Option<StreamId>)> {
        if let Some(frame) = self.control.pop_front() {
            self.n_pongs -= usize::from(frame == Frame::Pong);
            return Some((frame.encode(), None));
        }
        while let Some(id) = self.ready.pop_front() {
            let Some(stream) = self.streams.get_mut(&id) else { continue };
            stream.is_ready = false;
            let was_full = stream.outgoing_len >= QUEUE_MAX;
            let Some((bytes, is_end)) = stream.next_fragment() else { continue };
            let has_room = was_full && stream.outgoing_len < QUEUE_MAX;
            self.make_ready(id);
            let frame = Frame::Data { stream: id, is_end, bytes };
            return Some((frame.encode(), has_room.then_some(id)));
        }
        None
    }

    /// How many streams are open.
    pub fn len(&self) -> usize {
        self.streams.len()
    }

    /// Whether no stream is open.
    pub fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }

    fn opened(
        &mut self,
        stream: StreamId,
        hops: Hops,
        kind: StreamKind,
        header: Bytes,
    ) -> Result<Option<Event>, Violation> {
        let is_theirs = stream.0 > 0 && stream.0 % 2 != self.next % 2;
        if !is_theirs || self.streams.contains_key(&stream) {
            return Err(Violation::BadStream);
        }
        if hops > Hops::NONE || self.count(stream.0) >= STREAMS_MAX {
            self.control.push_back(Frame::Close { stream, reason: CloseReason::Refused });
            return Ok(None);
        }
        self.streams.insert(stream, Stream::new());
        Ok(Some(Event::Opened { stream, kind, header }))
    }

    fn received(&mut self, id: StreamId, is_end: bool, bytes: &Bytes) -> Result<Option<Event>, Violation> {
        // Of a stream that has just been ended here.
        let Some(stream) = self.streams.get_mut(&id) else { return Ok(None) };
        stream.held += bytes.len();
        if stream.held > WINDOW {
            return Err(Violation::WindowExceeded);
        }
        stream.partial.extend_from_slice(bytes);
        if stream.partial.len() > MESSAGE_MAX {
            return Err(Violation::MessageTooLong);
        }
        if !is_end {
            // A long message needs the room for its own rest.
            self.give_back(id, bytes.len());
            return Ok(None);
        }
        let message = stream.partial.split().freeze();
        stream.incoming.push_back((message, bytes.len()));
        Ok(Some(Event::Changed(id)))
    }

    fn give_back(&mut self, id: StreamId, len: usize) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        stream.held -= len;
        stream.owed += len;
        if stream.owed >= WINDOW / 4 && stream.ended.is_none() {
            let bytes = u32::try_from(stream.owed).unwrap_or(u32::MAX);
            stream.owed = 0;
            self.control.push_back(Frame::Credit { stream: id, bytes });
        }
    }

    fn make_ready(&mut self, id: StreamId) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        let has_more = stream.outgoing.front().is_some_and(|front| stream.credit > 0 || front.is_empty());
        if has_more && !stream.is_ready {
            stream.is_ready = true;
            self.ready.push_back(id);
        }
    }

    /// How many streams of the side that has this number are open.
    fn count(&self, number: u32) -> usize {
        self.streams.keys().filter(|id| id.0 % 2 == number % 2).count()
    }
}

impl Stream {
    fn new() -> Self {
        Self {
            credit: WINDOW,
            outgoing: VecDeque::new(),
            outgoing_len: 0,
            is_ready: false,
            partial: BytesMut::new(),
            incoming: VecDeque::new(),
            held: 0,
            owed: 0,
            ended: None,
        }
    }

    fn next_fragment(&mut self) -> Option<(Bytes, bool)> {
        let front = self.outgoing.front_mut()?;
        let len = front.len().min(FRAGMENT_MAX).min(self.credit);
        if len == 0 && !front.is_empty() {
            return None;
        }
        let bytes = front.split_to(len);
        let is_end = !front.has_remaining();
        self.credit -= len;
        self.outgoing_len -= len;
        if is_end {
            self.outgoing.pop_front();
        }
        Some((bytes, is_end))
    }
}

#[cfg(test)]
mod tests;
