//! The shell of one connection: two tasks around the session, one reads and one writes, so that neither waits for the other.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use thiserror::Error;
use tokio::{
    sync::Notify,
    time::{sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;
use warren_mesh_proto::{
    CipherError, CloseReason, Event, Hops, OpenError, Opening, Received, Sealing, SendError, Session,
    StreamId, StreamKind, Violation,
};
use warren_vocab::ReplicaId;

use super::socket::{Reading, Said, Socket, Writing};

/// Frames that are written before the socket is flushed.
const FLUSH_EVERY: usize = 32;
/// How long frames may take to leave.
const WRITE_TIME: Duration = Duration::from_secs(10);

/// Why a connection ended.
#[derive(Debug, Error)]
pub(super) enum LinkEnd {
    #[error("the other server hung up")]
    Gone,
    #[error("it is not needed any more")]
    Closed,
    #[error("nothing could be sent for a while")]
    Stuck,
    #[error(transparent)]
    Violation(#[from] Violation),
    #[error(transparent)]
    Cipher(#[from] CipherError),
}

/// A connection to another server; clones share it.
#[derive(Clone)]
pub(super) struct Link {
    shared: Arc<Shared>,
}

struct Shared {
    peer: ReplicaId,
    inner: Mutex<Inner>,
    /// Rung when there may be frames to write.
    wake: Notify,
    ended: CancellationToken,
}

struct Inner {
    session: Session,
    bells: HashMap<StreamId, Arc<Bell>>,
}

/// Rung when a stream may have changed.
#[derive(Default)]
struct Bell {
    readable: Notify,
    writable: Notify,
}

/// A stream of a connection. Dropping it ends it.
pub(super) struct MeshStream {
    link: Link,
    id: StreamId,
    bell: Arc<Bell>,
}

/// A stream that the other server has opened.
pub(super) struct Incoming {
    pub(super) stream: MeshStream,
    pub(super) kind: StreamKind,
    pub(super) header: Bytes,
}

impl Link {
    pub(super) fn new(peer: ReplicaId, is_dialler: bool) -> Self {
        let inner = Inner { session: Session::new(is_dialler, now()), bells: HashMap::new() };
        let (wake, ended) = (Notify::new(), CancellationToken::new());
        Self { shared: Arc::new(Shared { peer, inner: Mutex::new(inner), wake, ended }) }
    }

    pub(super) fn is_open(&self) -> bool {
        !self.shared.ended.is_cancelled()
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Ends the connection.
    pub(super) fn close(&self) {
        self.shared.ended.cancel();
    }

    /// Waits for its end.
    pub(super) async fn closed(&self) {
        self.shared.ended.cancelled().await;
    }

    /// Opens a stream for a client of this server.
    pub(super) fn open(&self, kind: StreamKind, header: Bytes) -> Result<MeshStream, OpenError> {
        let mut inner = self.inner();
        let id = inner.session.open(kind, Hops::NONE, header)?;
        let stream = self.stream(&mut inner, id);
        drop(inner);
        self.shared.wake.notify_one();
        Ok(stream)
    }

    /// Carries frames until the connection ends. What the other server opens is handed to `serve`.
    pub(super) async fn run(
        &self,
        socket: Socket,
        sealing: Sealing,
        opening: Opening,
        serve: impl Fn(Incoming) + Send,
    ) -> LinkEnd {
        let Socket { reading, writing } = socket;
        // Whoever waits for a stream of it must not wait longer than it lives, also when this is cancelled.
        let _end = self.shared.ended.clone().drop_guard();
        tokio::select! {
            end = self.read(reading, opening, serve) => end,
            end = self.write(writing, sealing) => end,
            () = self.shared.ended.cancelled() => LinkEnd::Closed,
        }
    }

    async fn read(&self, mut reading: Reading, mut opening: Opening, serve: impl Fn(Incoming)) -> LinkEnd {
        while let Some(said) = reading.next().await {
            // A proxy on the way may send signs of life.
            let Said::Bytes(sealed) = said else { continue };
            let frame = match opening.open(sealed.into()) {
                Ok(frame) => frame,
                Err(error) => return error.into(),
            };
            let mut inner = self.inner();
            let event = match inner.session.handle_frame(frame.into(), now()) {
                Ok(event) => event,
                Err(violation) => return violation.into(),
            };
            let incoming = match event {
                Some(Event::Opened { stream, kind, header }) => {
                    Some(Incoming { stream: self.stream(&mut inner, stream), kind, header })
                }
                Some(Event::Changed(stream)) => {
                    if let Some(bell) = inner.bells.get(&stream) {
                        bell.readable.notify_one();
                        bell.writable.notify_one();
                    }
                    None
                }
                None => None,
            };
            drop(inner);
            self.shared.wake.notify_one();
            if let Some(incoming) = incoming {
                serve(incoming);
            }
        }
        LinkEnd::Gone
    }

    async fn write(&self, mut writing: Writing, mut sealing: Sealing) -> LinkEnd {
        loop {
            let frames = self.frames();
            if frames.is_empty() {
                let due = self.inner().session.poll_timeout();
                tokio::select! {
                    () = self.shared.wake.notified() => {}
                    () = sleep_until(due.into()) => {
                        if let Err(violation) = self.inner().session.handle_timeout(now()) {
                            return violation.into();
                        }
                    }
                }
                continue;
            }
            let write = async {
                for frame in frames {
                    let sealed = sealing.seal(frame)?;
                    writing.feed(sealed.into()).await.map_err(|()| LinkEnd::Gone)?;
                }
                writing.flush().await.map_err(|()| LinkEnd::Gone)
            };
            match timeout(WRITE_TIME, write).await {
                Ok(Ok(())) => {}
                Ok(Err(end)) => return end,
                Err(_) => return LinkEnd::Stuck,
            }
        }
    }

    /// Takes what is to be written next.
    fn frames(&self) -> Vec<Vec<u8>> {
        let mut inner = self.inner();
        let mut frames = Vec::new();
        while frames.len() < FLUSH_EVERY
            && let Some((frame, room)) = inner.session.poll_frame()
        {
            if let Some(bell) = room.and_then(|stream| inner.bells.get(&stream)) {
                bell.writable.notify_one();
            }
            frames.push(frame);
        }
        frames
    }

    fn stream(&self, inner: &mut Inner, id: StreamId) -> MeshStream {
        let bell = Arc::new(Bell::default());
        inner.bells.insert(id, bell.clone());
        MeshStream { link: self.clone(), id, bell }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.shared.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MeshStream {
    /// Sends a message; waits as long as the other side takes nothing. False when the stream has ended.
    pub(super) async fn send(&self, message: Bytes) -> bool {
        loop {
            let sent = self.link.inner().session.send(self.id, message.clone());
            match sent {
                Ok(()) => {
                    self.link.shared.wake.notify_one();
                    // There may be room for another one that waits.
                    self.bell.writable.notify_one();
                    return self.link.is_open();
                }
                Err(SendError::Closed) => {
                    self.bell.writable.notify_one();
                    return false;
                }
                Err(SendError::TooLong) => {
                    tracing::warn!(replica.id = %self.link.shared.peer, "a message to another server is too long");
                    return false;
                }
                Err(SendError::Full) => {}
            }
            tokio::select! {
                () = self.bell.writable.notified() => {}
                () = self.link.closed() => return false,
            }
        }
    }

    /// Waits for a message; none when the stream has ended. Cancel-safe.
    pub(super) async fn receive(&self) -> Option<Bytes> {
        self.next().await.ok()
    }

    /// Waits for a message, or for the reason why there are no more. Cancel-safe.
    pub(super) async fn next(&self) -> Result<Bytes, CloseReason> {
        loop {
            match self.link.inner().session.take(self.id) {
                Received::Message(message) => {
                    // There may be room to give back.
                    self.link.shared.wake.notify_one();
                    return Ok(message);
                }
                Received::Ended(reason) => return Err(reason),
                Received::Nothing => {}
            }
            tokio::select! {
                () = self.bell.readable.notified() => {}
                () = self.link.closed() => return Err(CloseReason::Failed),
            }
        }
    }

    /// Ends the stream and says that asking again would not help.
    pub(super) fn refuse(self) {
        self.link.inner().session.close(self.id, CloseReason::Refused);
    }
}

impl Drop for MeshStream {
    fn drop(&mut self) {
        let mut inner = self.link.inner();
        inner.bells.remove(&self.id);
        inner.session.close(self.id, CloseReason::Done);
        drop(inner);
        self.link.shared.wake.notify_one();
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

#[cfg(test)]
mod tests;
