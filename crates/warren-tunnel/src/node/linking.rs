//! The node's link: dialling, redialling with backoff, and what to tell those who wait for it.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::Instant;
use warren_rt::Backoff;
use warren_tunnel_proto::Frame;

use crate::link::{Dial, DialError, RelayLink};

const REDIAL_FIRST: Duration = Duration::from_millis(50);
const REDIAL_MAX: Duration = Duration::from_secs(10);

/// What is known about the link, for error messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LinkReport {
    pub(super) up: bool,
    /// Why the link is down; empty before the first attempt has failed.
    pub(super) reason: String,
    /// Trying again will not help by itself.
    pub(super) permanent: bool,
}

pub(super) struct Linking {
    dialer: Arc<dyn Dial>,
    state: State,
    backoff: Backoff,
    /// Extra delay that the server asked for before the next dial.
    delay: Option<Duration>,
}

enum State {
    Waiting { until: Instant },
    Dialing(BoxFuture<'static, Result<RelayLink, DialError>>),
    Up(RelayLink),
}

/// What happened on the link.
pub(super) enum LinkEvent {
    Connected,
    DialFailed(DialError),
    Received(Frame),
    Closed,
    /// There is room for one more message; it must be sent now.
    Writable,
}

impl Linking {
    pub(super) fn new(dialer: Arc<dyn Dial>) -> Linking {
        let state = State::Waiting { until: Instant::now() };
        Linking { dialer, state, backoff: Backoff::new(REDIAL_FIRST, REDIAL_MAX), delay: None }
    }

    /// Waits for the next thing that happens. With `wants_to_write` that includes room for a message. Cancel-safe.
    pub(super) async fn next(&mut self, wants_to_write: bool) -> LinkEvent {
        loop {
            match &mut self.state {
                State::Waiting { until } => {
                    tokio::time::sleep_until(*until).await;
                    let dialer = Arc::clone(&self.dialer);
                    self.state = State::Dialing(Box::pin(async move { dialer.dial().await }));
                }
                State::Dialing(dialing) => match dialing.await {
                    Ok(link) => {
                        self.state = State::Up(link);
                        return LinkEvent::Connected;
                    }
                    Err(error) => {
                        self.drop_link();
                        return LinkEvent::DialFailed(error);
                    }
                },
                State::Up(link) => {
                    return tokio::select! {
                        frame = link.receiver.recv() => frame.map_or(LinkEvent::Closed, LinkEvent::Received),
                        permit = link.sender.reserve(), if wants_to_write => match permit {
                            Ok(_) => LinkEvent::Writable,
                            Err(_) => LinkEvent::Closed,
                        },
                    };
                }
            }
        }
    }

    /// A message that is already there.
    pub(super) fn try_receive(&mut self) -> Option<Frame> {
        match &mut self.state {
            State::Up(link) => link.receiver.try_recv().ok(),
            State::Waiting { .. } | State::Dialing(_) => None,
        }
    }

    /// Sends a message if there is room, else gives it back.
    pub(super) fn try_send(&mut self, frame: Frame) -> Result<(), Frame> {
        match &mut self.state {
            State::Up(link) => link.sender.try_send(frame).map_err(|error| error.into_inner()),
            State::Waiting { .. } | State::Dialing(_) => Ok(()),
        }
    }

    /// The link has been accepted by the server: the next failure starts with short delays again.
    pub(super) fn accepted(&mut self) {
        self.backoff.reset();
    }

    /// Drops the link, or the failed attempt, and schedules the next one.
    pub(super) fn drop_link(&mut self) {
        let delay = self.delay.take().unwrap_or_default() + self.backoff.next_delay();
        self.state = State::Waiting { until: Instant::now() + delay };
    }

    /// The server restarts: wait this long before the next dial.
    pub(super) fn postpone(&mut self, after: Duration, spread: Duration) {
        self.delay = Some(after + spread.mul_f64(rand::random()));
    }
}
