//! A stream that counts as an open connection for as long as it exists, whoever owns it: also as a WebSocket.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError, Weak},
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::metrics::{OpenSocket, Raised};

/// The stream with what is dropped together with it.
pub(super) struct Tracked<I> {
    stream: I,
    _counted: Raised,
    socket: Arc<Mutex<Option<OpenSocket>>>,
}

/// The way from a request to the stream that it came over, in the request's extensions.
#[derive(Clone)]
pub(crate) struct Carrier {
    socket: Weak<Mutex<Option<OpenSocket>>>,
}

impl<I> Tracked<I> {
    pub(super) fn new(stream: I, counted: Raised) -> Self {
        Self { stream, _counted: counted, socket: Arc::default() }
    }

    pub(super) fn carrier(&self) -> Carrier {
        Carrier { socket: Arc::downgrade(&self.socket) }
    }
}

impl Carrier {
    /// Notes that the stream is a WebSocket from now on.
    pub(crate) fn becomes(&self, open: OpenSocket) {
        if let Some(socket) = self.socket.upgrade() {
            *socket.lock().unwrap_or_else(PoisonError::into_inner) = Some(open);
        }
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
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
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
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }
}
