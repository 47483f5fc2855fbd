//! The UDP socket that QUIC sees: datagrams go to and come from the tunnel machine instead of the kernel.
//!
//! Owns two bounded queues between the QUIC tasks and the node's task. Full towards the tunnel: QUIC waits until there
//! is room. Full towards QUIC: new datagrams are dropped, as a kernel would.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, UdpPoller};
use tokio::sync::Notify;
use warren_tunnel_proto::Received;

/// Bytes that wait for the node's task, about two link messages' worth beyond what is being encrypted.
const SEND_BYTES_MAX: usize = 128 * 1024;
/// Bytes that wait for QUIC.
const RECEIVE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Datagrams that QUIC may hand over in one call.
const SEND_SEGMENTS_MAX: usize = 16;
/// Datagrams that QUIC may take in one buffer; each buffer has room for that many of the largest.
const RECEIVE_SEGMENTS_MAX: usize = 4;

/// What QUIC wants sent: one or more datagrams of `segment` bytes (the last may be shorter).
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) to: SocketAddrV6,
    pub(crate) contents: Bytes,
    pub(crate) segment: usize,
}

/// The socket; shared by QUIC and the node's task.
pub(crate) struct TunnelSocket {
    address: SocketAddrV6,
    sending: Mutex<Sending>,
    receiving: Mutex<Receiving>,
    outgoing: Notify,
}

#[derive(Default)]
struct Sending {
    queue: VecDeque<Outgoing>,
    bytes: usize,
    waiting: Vec<Waker>,
    closed: bool,
}

#[derive(Default)]
struct Receiving {
    queue: VecDeque<Received>,
    bytes: usize,
    waiting: Option<Waker>,
}

impl TunnelSocket {
    pub(crate) fn new(address: SocketAddrV6) -> Arc<TunnelSocket> {
        Arc::new(TunnelSocket {
            address,
            sending: Mutex::default(),
            receiving: Mutex::default(),
            outgoing: Notify::new(),
        })
    }

    /// Waits until QUIC has something to send. Cancel-safe; may wake without need.
    pub(crate) async fn has_outgoing(&self) {
        self.outgoing.notified().await;
    }

    /// Takes what QUIC wants sent, up to about `bytes_max` bytes, and lets QUIC go on.
    pub(crate) fn take_outgoing(&self, bytes_max: usize, into: &mut Vec<Outgoing>) {
        let waiting = {
            let mut sending = lock(&self.sending);
            let mut taken = 0;
            while taken < bytes_max {
                let Some(outgoing) = sending.queue.pop_front() else { break };
                taken += outgoing.contents.len();
                into.push(outgoing);
            }
            sending.bytes -= taken;
            if !sending.queue.is_empty() {
                self.outgoing.notify_one();
            }
            std::mem::take(&mut sending.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Hands received datagrams to QUIC.
    pub(crate) fn deliver(&self, packets: impl Iterator<Item = Received>) {
        let waiting = {
            let mut receiving = lock(&self.receiving);
            for packet in packets {
                if receiving.bytes + packet.payload.len() > RECEIVE_BYTES_MAX {
                    continue;
                }
                receiving.bytes += packet.payload.len();
                receiving.queue.push_back(packet);
            }
            if receiving.queue.is_empty() { None } else { receiving.waiting.take() }
        };
        if let Some(waker) = waiting {
            waker.wake();
        }
    }

    /// Makes every later send fail silently, so that QUIC can wind down after the node's task has ended.
    pub(crate) fn close(&self) {
        let waiting = {
            let mut sending = lock(&self.sending);
            sending.closed = true;
            sending.queue.clear();
            sending.bytes = 0;
            std::mem::take(&mut sending.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl fmt::Debug for TunnelSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TunnelSocket").field("address", &self.address).finish_non_exhaustive()
    }
}

impl AsyncUdpSocket for TunnelSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(Writable(self))
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let SocketAddr::V6(to) = transmit.destination else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "tunnel addresses are IPv6"));
        };
        let mut sending = lock(&self.sending);
        if sending.closed {
            return Ok(());
        }
        if sending.bytes >= SEND_BYTES_MAX {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let contents = Bytes::copy_from_slice(transmit.contents);
        let segment = transmit.segment_size.unwrap_or(contents.len()).max(1);
        sending.bytes += contents.len();
        let was_empty = sending.queue.is_empty();
        sending.queue.push_back(Outgoing { to, contents, segment });
        if was_empty {
            self.outgoing.notify_one();
        }
        Ok(())
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let mut receiving = lock(&self.receiving);
        if receiving.queue.is_empty() {
            receiving.waiting = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let mut count = 0;
        for (buffer, meta) in bufs.iter_mut().zip(meta.iter_mut()) {
            let Some(filled) = receiving.fill(buffer) else { break };
            *meta = filled;
            meta.dst_ip = Some(IpAddr::V6(*self.address.ip()));
            count += 1;
        }
        Poll::Ready(Ok(count))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address.into())
    }

    fn max_transmit_segments(&self) -> usize {
        SEND_SEGMENTS_MAX
    }

    fn max_receive_segments(&self) -> usize {
        RECEIVE_SEGMENTS_MAX
    }

    fn may_fragment(&self) -> bool {
        false
    }
}

impl Receiving {
    /// Packs datagrams of one sender and one length into a buffer, as a kernel with receive offload does.
    fn fill(&mut self, buffer: &mut [u8]) -> Option<RecvMeta> {
        let first = self.pop()?;
        let (from, stride) = (first.from, first.payload.len());
        let mut len = copy_in(buffer, 0, &first.payload);
        while let Some(next) = self.queue.front() {
            let fits =
                next.from == from && next.payload.len() <= stride && len + next.payload.len() <= buffer.len();
            if !fits || stride == 0 || len / stride >= RECEIVE_SEGMENTS_MAX {
                break;
            }
            let shorter = next.payload.len() < stride;
            let Some(next) = self.pop() else { break };
            len = copy_in(buffer, len, &next.payload);
            if shorter {
                break;
            }
        }
        Some(RecvMeta { addr: SocketAddr::V6(from), len, stride, ..RecvMeta::default() })
    }

    fn pop(&mut self) -> Option<Received> {
        let packet = self.queue.pop_front()?;
        self.bytes -= packet.payload.len();
        Some(packet)
    }
}

/// Wakes one QUIC connection when there is room to send.
#[derive(Debug)]
struct Writable(Arc<TunnelSocket>);

impl UdpPoller for Writable {
    fn poll_writable(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut sending = lock(&self.0.sending);
        if sending.closed || sending.bytes < SEND_BYTES_MAX {
            return Poll::Ready(Ok(()));
        }
        if !sending.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            sending.waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

/// Copies a datagram that the tunnel has already bounded by the buffer's size.
fn copy_in(buffer: &mut [u8], at: usize, payload: &BytesMut) -> usize {
    let end = at + payload.len();
    buffer[at..end].copy_from_slice(payload);
    end
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
