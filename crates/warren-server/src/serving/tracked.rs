//! A stream that counts as an open connection for as long as it exists, whoever owns it: also as a WebSocket.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use futures::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::metrics::{OpenSocket, Raised};

/// The stream with what is dropped together with it.
pub(super) struct Tracked<I> {
    stream: I,
    _counted: Raised,
    shared: Arc<Shared>,
}

/// What the stream shares with the requests that come over it.
#[derive(Default)]
struct Shared {
    socket: Mutex<Option<OpenSocket>>,
    is_cut: AtomicBool,
    writer: AtomicWaker,
}

/// The way from a request to the stream that it came over, in the request's extensions.
#[derive(Clone)]
pub(crate) struct Carrier {
    shared: Weak<Shared>,
}

impl<I> Tracked<I> {
    pub(super) fn new(stream: I, counted: Raised) -> Self {
        Self { stream, _counted: counted, shared: Arc::default() }
    }

    pub(super) fn carrier(&self) -> Carrier {
        Carrier { shared: Arc::downgrade(&self.shared) }
    }
}

impl Carrier {
    /// Notes that the stream is a WebSocket from now on.
    pub(crate) fn becomes(&self, open: OpenSocket) {
        if let Some(shared) = self.shared.upgrade() {
            *shared.socket.lock().unwrap_or_else(PoisonError::into_inner) = Some(open);
        }
    }

    /// Ends the stream with the next write, also one that waits for a reader who does not read.
    pub(crate) fn cut(&self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.is_cut.store(true, Ordering::Release);
            shared.writer.wake();
        }
    }
}

impl<I> Tracked<I> {
    fn check_cut(&self, context: &Context<'_>) -> io::Result<()> {
        self.shared.writer.register(context.waker());
        if self.shared.is_cut.load(Ordering::Acquire) {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the reader was too slow"));
        }
        Ok(())
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Tracked<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Tracked<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check_cut(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check_cut(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check_cut(context)?;
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }
}
