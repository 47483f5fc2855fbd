//! The link to the relay: proof of the key, announcement, liveness.

use std::time::{Duration, Instant};

use warren_wire::key::PublicKey;
use warren_wire::relay::{Record, VERSION};
use warren_wire::tunnel::ToServer;

use super::{Rejected, Tunnel, TunnelEvent};

const PING_INTERVAL: Duration = Duration::from_secs(20);
/// Two pings without any answer.
const SILENCE_MAX: Duration = Duration::from_secs(45);
/// Time for the relay's challenge.
const SET_UP_MAX: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Down,
    /// Connected; the relay has not accepted the key yet.
    Connecting {
        since: Instant,
    },
    Up {
        last_heard: Instant,
        last_ping: Instant,
    },
    /// Reported as failed; waiting for the shell to drop it.
    Failed,
}

impl Link {
    pub(super) fn connecting(now: Instant) -> Link {
        Link::Connecting { since: now }
    }

    pub(super) fn is_up(&self) -> bool {
        matches!(self, Link::Up { .. })
    }

    pub(super) fn heard(&mut self, now: Instant) {
        if let Link::Up { last_heard, .. } = self {
            *last_heard = now;
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        match *self {
            Link::Down | Link::Failed => None,
            Link::Connecting { since } => Some((since + SET_UP_MAX, "link set-up")),
            Link::Up { last_heard, last_ping } => {
                let ping = (last_ping + PING_INTERVAL, "link ping");
                let silence = (last_heard + SILENCE_MAX, "link silence");
                Some(ping.min(silence))
            }
        }
    }
}

impl Tunnel {
    pub(super) fn reset_link(&mut self, link: Link, now: Instant) {
        self.link = link;
        self.outbox.clear();
        self.by_alias.clear();
        self.absent.clear();
        for peer in self.peers.values_mut() {
            peer.lose_path(now);
        }
        for agent in self.wanted.clone() {
            self.status_changed(agent);
        }
    }

    /// Proves the key and, without waiting for the answer, announces this node and everything it wants: the relay reads
    /// in order.
    pub(super) fn answer_challenge(
        &mut self,
        relay_key: &PublicKey,
        nonce: &[u8; 32],
        now: Instant,
    ) -> Result<(), Rejected> {
        if !matches!(self.link, Link::Connecting { .. }) {
            return Err(Rejected::Protocol("a challenge came at the wrong time"));
        }
        let (public_key, mac) = (self.secret.public_key(), self.secret.prove(relay_key, nonce));
        self.outbox.push_record(&Record::Hello { version: VERSION, public_key });
        self.outbox.push_record(&Record::Proof { mac });
        self.outbox.push_control(&ToServer::UpdateSelf { public_key });
        self.link = Link::Up { last_heard: now, last_ping: now };
        for agent in self.wanted.clone() {
            self.outbox.push_control(&ToServer::AddTunnel { agent });
            self.status_changed(agent);
        }
        Ok(())
    }

    pub(super) fn run_link_timers(&mut self, now: Instant) {
        match self.link {
            Link::Down | Link::Failed => {}
            Link::Connecting { since } if now >= since + SET_UP_MAX => {
                self.fail_link("the server did not ask for the proof of the key in time");
            }
            Link::Connecting { .. } => {}
            Link::Up { last_heard, .. } if now >= last_heard + SILENCE_MAX => {
                self.fail_link("the server has not answered for 45 seconds");
            }
            Link::Up { last_heard, last_ping } if now >= last_ping + PING_INTERVAL => {
                self.outbox.push_record(&Record::Ping { token: 0 });
                self.link = Link::Up { last_heard, last_ping: now };
            }
            Link::Up { .. } => {}
        }
    }

    pub(super) fn fail_link(&mut self, reason: &str) {
        self.link = Link::Failed;
        self.events.push_back(TunnelEvent::LinkFailed { reason: reason.to_owned() });
    }
}
