//! One viewer's connection, a WebSocket or Server-Sent Events: frames out within a deadline, life signs, a truthful end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    body::Body,
    extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code},
    http::header,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::{SinkExt, stream};
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, timeout},
};

use crate::serving::Carrier;

/// How often a viewer is asked whether it is there; it has the same time to answer.
const PING_INTERVAL: Duration = Duration::from_secs(15);
/// How long a slow reader may take what it was sent.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a viewer may take to say goodbye.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// Frames that go out together at most.
const FRAMES_TOGETHER_MAX: usize = 64;
/// Blocks of Server-Sent Events that may wait for the connection; when full, the sender waits.
const BLOCKS_WAITING_MAX: usize = 16;

/// Why a connection ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// The viewer left.
    Left,
    /// The viewer sent something, which it may not.
    Spoke,
    /// The viewer did not answer a ping.
    Silent,
    /// The viewer did not read what it was sent.
    Slow,
    /// The viewer was cut off at the source, and comes back with its place.
    CutOff,
    /// The server stops.
    Stopping,
    /// The viewer may not see this any more. The text is a sentence for the user.
    Refused(String),
}

impl End {
    /// Code and reason of the closing frame. Everyone may come back, but not everyone will be let in.
    fn close_frame(&self) -> CloseFrame {
        let (code, reason) = match self {
            Self::Left => (close_code::NORMAL, ""),
            Self::Spoke => (close_code::PROTOCOL, "this stream takes no messages"),
            Self::Silent => (close_code::AWAY, "Ping failed"),
            Self::Slow | Self::CutOff => (close_code::AWAY, "too slow; reconnect with the cursor"),
            Self::Stopping => (close_code::AWAY, "the server stops; reconnect with the cursor"),
            Self::Refused(why) => (close_code::POLICY, why.as_str()),
        };
        CloseFrame { code, reason: reason.into() }
    }
}

/// It is time for a life sign.
pub(super) struct PingDue;

/// How many blocks the connection has taken, now and when the last life sign was due.
pub(super) struct Taken {
    now: Arc<AtomicU64>,
    before: u64,
}

/// A connection.
pub(super) enum Wire {
    Socket {
        socket: Box<WebSocket>,
        ping: tokio::time::Interval,
        awaits_pong: bool,
        /// Goes out when a ping is due and nothing else was sent since the last.
        life_sign: Option<Bytes>,
        was_sent_to: bool,
    },
    Events {
        sender: mpsc::Sender<Bytes>,
        taken: Taken,
        ping: tokio::time::Interval,
        carrier: Option<Carrier>,
    },
}

impl Wire {
    pub(super) fn socket(socket: WebSocket, life_sign: Option<Bytes>) -> Self {
        let (socket, ping) = (Box::new(socket), pings());
        Self::Socket { socket, ping, awaits_pong: false, life_sign, was_sent_to: false }
    }

    /// Makes the two ends of a stream of Server-Sent Events.
    pub(super) fn events(carrier: Option<Carrier>) -> (Self, Response) {
        let (sender, receiver) = mpsc::channel(BLOCKS_WAITING_MAX);
        let taken = Arc::new(AtomicU64::new(0));
        let state = (receiver, taken.clone());
        let blocks = stream::unfold(state, async |(mut receiver, taken): (mpsc::Receiver<Bytes>, _)| {
            let block = receiver.recv().await?;
            AtomicU64::fetch_add(&taken, 1, Ordering::Relaxed);
            Some((Ok::<_, std::convert::Infallible>(block), (receiver, taken)))
        });
        let headers = [
            (header::CONTENT_TYPE, "text/event-stream"),
            (header::CACHE_CONTROL, "no-store"),
            // Proxies shall not hold events back.
            (header::HeaderName::from_static("x-accel-buffering"), "no"),
        ];
        let response = (headers, Body::from_stream(blocks)).into_response();
        let taken = Taken { now: taken, before: 0 };
        (Self::Events { sender, taken, ping: pings(), carrier }, response)
    }

    /// Waits until a ping is due or the connection ends. Cancel-safe.
    pub(super) async fn watch(&mut self) -> Result<PingDue, End> {
        match self {
            Self::Socket { socket, ping, awaits_pong, .. } => loop {
                tokio::select! {
                    biased;
                    message = socket.recv() => match message {
                        Some(Ok(Message::Pong(_))) => *awaits_pong = false,
                        Some(Ok(Message::Ping(_))) => {}
                        Some(Ok(Message::Text(_) | Message::Binary(_))) => return Err(End::Spoke),
                        Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(End::Left),
                    },
                    _ = ping.tick() => return if *awaits_pong { Err(End::Silent) } else { Ok(PingDue) },
                }
            },
            Self::Events { sender, ping, .. } => tokio::select! {
                () = sender.closed() => Err(End::Left),
                _ = ping.tick() => Ok(PingDue),
            },
        }
    }

    pub(super) async fn ping(&mut self) -> Result<(), End> {
        match self {
            Self::Socket { socket, awaits_pong, life_sign, was_sent_to, .. } => {
                *awaits_pong = true;
                let was_quiet = !std::mem::take(was_sent_to);
                let sending = async {
                    if let Some(sign) = life_sign.clone().filter(|_| was_quiet) {
                        socket.feed(text(sign)?).await?;
                    }
                    socket.send(Message::Ping(Bytes::new())).await
                };
                in_time(sending).await
            }
            Self::Events { sender, taken, carrier, .. } => {
                let now = taken.now.load(Ordering::Relaxed);
                // A connection that has taken nothing of what waits since the last life sign has a viewer who does not read.
                if sender.capacity() < BLOCKS_WAITING_MAX && now == taken.before {
                    carrier.iter().for_each(Carrier::cut);
                    return Err(End::Slow);
                }
                taken.before = now;
                // With a full channel there is no need to show that the connection is alive.
                let _ = sender.try_send(Bytes::from_static(b": ping\n\n"));
                Ok(())
            }
        }
    }

    /// Sends frames, all that are there at once.
    pub(super) async fn send_all(
        &mut self,
        first: Bytes,
        mut more: impl FnMut() -> Option<Bytes>,
    ) -> Result<(), End> {
        let frames = std::iter::once(first).chain(std::iter::from_fn(&mut more)).take(FRAMES_TOGETHER_MAX);
        match self {
            Self::Socket { socket, was_sent_to, .. } => {
                *was_sent_to = true;
                let sending = async {
                    for frame in frames {
                        socket.feed(text(frame)?).await?;
                    }
                    socket.flush().await
                };
                in_time(sending).await
            }
            Self::Events { sender, carrier, .. } => {
                let sending = async {
                    for frame in frames {
                        sender.send(frame).await?;
                    }
                    Ok::<_, mpsc::error::SendError<Bytes>>(())
                };
                let sent = in_time(sending).await;
                if let (Err(End::Slow), Some(carrier)) = (&sent, carrier) {
                    carrier.cut();
                }
                sent
            }
        }
    }

    /// Says why the connection ends, as far as it still can.
    pub(super) async fn close(self, end: &End) {
        let Self::Socket { mut socket, .. } = self else { return };
        if matches!(end, End::Slow) {
            return;
        }
        let goodbye = async {
            socket.send(Message::Close(Some(end.close_frame()))).await?;
            // What was sent is lost when the connection is torn down before the viewer has said goodbye.
            while let Some(Ok(_)) = socket.recv().await {}
            Ok::<_, axum::Error>(())
        };
        // The connection may be broken already.
        let _ = timeout(CLOSE_TIMEOUT, goodbye).await;
    }
}

fn text(frame: Bytes) -> Result<Message, axum::Error> {
    Ok(Message::Text(Utf8Bytes::try_from(frame).map_err(axum::Error::new)?))
}

async fn in_time<E>(sending: impl Future<Output = Result<(), E>>) -> Result<(), End> {
    match timeout(SEND_TIMEOUT, sending).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(End::Left),
        Err(_) => Err(End::Slow),
    }
}

/// The first one is due after the interval.
fn pings() -> tokio::time::Interval {
    let mut pings = tokio::time::interval_at(tokio::time::Instant::now() + PING_INTERVAL, PING_INTERVAL);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pings
}

#[cfg(test)]
mod tests;
