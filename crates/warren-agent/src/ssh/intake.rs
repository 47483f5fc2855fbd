//! Takes what a client sends on a channel off the connection's hands.
//!
//! Owns the buffer between the connection and a consumer that may be slow. The connection's loop also carries the
//! consumer's output, so a full buffer that stops the loop could wait for itself: the buffer is therefore large, and only
//! a consumer that is [`BUFFER_BYTES_MAX`] behind slows the connection down.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use russh::{ChannelMsg, ChannelReadHalf, Sig};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

/// Bytes that wait for one consumer at most.
const BUFFER_BYTES_MAX: usize = 64 << 20;
/// Requests that wait; a full queue waits, since a client that floods requests slows only itself.
const CONTROLS_MAX: usize = 64;

/// What a client asks for besides sending data.
#[derive(Debug)]
pub(crate) enum Control {
    Resize { rows: u16, columns: u16 },
    Signal(Sig),
}

/// The consumer's side.
pub(crate) struct Intake {
    pub(crate) data: DataReader,
    pub(crate) controls: mpsc::Receiver<Control>,
    /// Cancelled when the client closed the channel or is gone.
    pub(crate) closed: CancellationToken,
}

/// Bytes of the client in order.
#[derive(Clone, Default)]
pub(crate) struct DataReader {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    buffer: Mutex<Buffer>,
    changed: Notify,
    taken: Notify,
}

#[derive(Default)]
struct Buffer {
    chunks: VecDeque<Bytes>,
    n_bytes: usize,
    ended: bool,
}

impl Intake {
    /// Makes an intake and the future that feeds it, which must run beside the consumer.
    pub(crate) fn of(read: ChannelReadHalf) -> (Intake, impl Future<Output = ()> + Send) {
        let data = DataReader::default();
        let (sender, controls) = mpsc::channel(CONTROLS_MAX);
        let closed = CancellationToken::new();
        let feed = feed(read, data.clone(), sender, closed.clone());
        (Intake { data, controls, closed }, feed)
    }
}

impl DataReader {
    /// The next chunk; `None` at the end. Cancel-safe.
    pub(crate) async fn next(&self) -> Option<Bytes> {
        loop {
            let changed = self.shared.changed.notified();
            {
                let mut buffer = self.shared.lock();
                if let Some(chunk) = buffer.chunks.pop_front() {
                    buffer.n_bytes -= chunk.len();
                    self.shared.taken.notify_one();
                    return Some(chunk);
                }
                if buffer.ended {
                    return None;
                }
            }
            changed.await;
        }
    }

    /// Copies everything to `writer` and closes it. A writer that does not want more ends the copy.
    pub(crate) async fn copy_to(self, mut writer: impl AsyncWrite + Unpin) {
        while let Some(chunk) = self.next().await {
            if writer.write_all(&chunk).await.is_err() || writer.flush().await.is_err() {
                break;
            }
        }
        drop(writer.shutdown().await);
        // The rest has no reader, but the connection must still be relieved of it.
        while self.next().await.is_some() {}
    }

    async fn push(&self, chunk: Bytes) {
        loop {
            let taken = self.shared.taken.notified();
            {
                let mut buffer = self.shared.lock();
                if buffer.n_bytes < BUFFER_BYTES_MAX {
                    buffer.n_bytes += chunk.len();
                    buffer.chunks.push_back(chunk);
                    break;
                }
            }
            taken.await;
        }
        self.shared.changed.notify_one();
    }

    fn end(&self) {
        self.shared.lock().ended = true;
        self.shared.changed.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Buffer> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn feed(
    mut read: ChannelReadHalf,
    data: DataReader,
    controls: mpsc::Sender<Control>,
    closed: CancellationToken,
) {
    let _closed_on_return = closed.drop_guard();
    while let Some(message) = read.wait().await {
        match message {
            ChannelMsg::Data { data: chunk } => data.push(chunk).await,
            ChannelMsg::Eof => data.end(),
            ChannelMsg::Close => break,
            ChannelMsg::WindowChange { col_width, row_height, .. } => {
                let resize = Control::Resize { rows: clamp(row_height), columns: clamp(col_width) };
                // Resizes come in storms and only a consumer that is gone does not take them.
                drop(controls.try_send(resize));
            }
            ChannelMsg::Signal { signal } => drop(controls.try_send(Control::Signal(signal))),
            // Requests that only make sense before a program runs, and answers to what we send.
            _ => {}
        }
    }
    data.end();
}

/// Terminal sizes are 16 bits wide.
pub(crate) fn clamp(size: u32) -> u16 {
    u16::try_from(size).unwrap_or(u16::MAX)
}
