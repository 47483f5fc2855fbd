//! The task that owns one node's machine and moves everything into and out of it.
//!
//! Sources are the link, the QUIC socket, commands and one timer. Back-pressure is a chain without gaps: a full link
//! stops the taking of datagrams from the socket, a full socket stops QUIC. While no peer can be reached nothing is
//! taken, so a short outage costs QUIC no datagrams beyond those that were under way.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use quinn::Endpoint;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use warren_tunnel_proto::{Frame, PeerStatus, Tunnel, TunnelEvent};
use warren_vocab::AgentId;

use super::linking::{LinkEvent, LinkReport, Linking};
use super::{Command, Connections};
use crate::link::{Dial, DialError};
use crate::socket::{Outgoing, TunnelSocket};
use crate::stream::PEER_LEFT;

/// Messages of the link that are handled before anything else gets a turn.
const RECEIVE_BUDGET: usize = 16;
/// Bytes of datagrams that are encrypted before anything else gets a turn.
const SEND_BUDGET: usize = 64 * 1024;
/// Time that QUIC has to say goodbye when the node stops.
const GOODBYE_MAX: Duration = Duration::from_millis(50);

pub(super) struct Driver {
    tunnel: Tunnel,
    link: Linking,
    socket: Arc<TunnelSocket>,
    commands: mpsc::Receiver<Command>,
    report: watch::Sender<LinkReport>,
    statuses: HashMap<AgentId, watch::Sender<PeerStatus>>,
    connections: Arc<Connections>,
    /// A message that did not fit into the link.
    pending: Option<Frame>,
    outgoing: Vec<Outgoing>,
}

impl Driver {
    pub(super) fn new(
        tunnel: Tunnel,
        dialer: Arc<dyn Dial>,
        socket: Arc<TunnelSocket>,
        commands: mpsc::Receiver<Command>,
        report: watch::Sender<LinkReport>,
        connections: Arc<Connections>,
    ) -> Driver {
        Driver {
            tunnel,
            link: Linking::new(dialer),
            socket,
            commands,
            report,
            statuses: HashMap::new(),
            connections,
            pending: None,
            outgoing: Vec::new(),
        }
    }

    /// Runs until the token is cancelled, then says goodbye.
    pub(super) async fn run(mut self, stop: CancellationToken, endpoint: Endpoint) {
        while !stop.is_cancelled() {
            self.turn(&stop).await;
            self.settle();
        }
        let open = endpoint.open_connections();
        endpoint.close(PEER_LEFT, b"the node is shutting down");
        if self.tunnel.has_path() {
            // Peers notice the end by themselves when it cannot be said in time.
            let _ = tokio::time::timeout(GOODBYE_MAX, self.send_goodbyes(open)).await;
        }
        self.tunnel.disconnect();
        self.settle();
        self.socket.close();
    }

    /// Sends on what QUIC says when its connections are closed, one datagram each.
    async fn send_goodbyes(&mut self, connections: usize) {
        for _ in 0..connections {
            self.socket.has_outgoing().await;
            self.send_datagrams();
            self.settle();
        }
    }

    /// Waits for one input and handles it. Cancel-safe: every arm takes its input and handles it in one go.
    async fn turn(&mut self, stop: &CancellationToken) {
        let deadline = self.tunnel.poll_timeout();
        let takes_datagrams = self.pending.is_none() && self.tunnel.has_path();
        tokio::select! {
            () = stop.cancelled() => {}
            event = self.link.next(self.pending.is_some()) => self.handle_link(event),
            () = self.socket.has_outgoing(), if takes_datagrams => self.send_datagrams(),
            Some(command) = self.commands.recv() => self.handle_command(command),
            () = sleep_until(deadline) => self.tunnel.handle_timeout(now()),
        }
    }

    fn handle_link(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Connected => self.tunnel.handle_link_up(now()),
            LinkEvent::DialFailed(error) => self.report_dial_failure(&error),
            LinkEvent::Closed => self.lose_link("the connection to the server broke"),
            LinkEvent::Writable => {}
            LinkEvent::Received(frame) => {
                self.receive(frame);
                for _ in 1..RECEIVE_BUDGET {
                    let Some(frame) = self.link.try_receive() else { break };
                    self.receive(frame);
                }
            }
        }
    }

    fn receive(&mut self, frame: Frame) {
        let Err(rejected) = self.tunnel.handle_frame(frame, now()) else { return };
        if rejected.is_fatal() {
            self.lose_link(&rejected.to_string());
        } else {
            tracing::trace!(error = %rejected, "part of a tunnel message was dropped");
        }
    }

    fn send_datagrams(&mut self) {
        let mut outgoing = std::mem::take(&mut self.outgoing);
        self.socket.take_outgoing(SEND_BUDGET, &mut outgoing);
        let now = now();
        for item in outgoing.drain(..) {
            for datagram in item.contents.chunks(item.segment) {
                if let Err(error) = self.tunnel.handle_datagram(item.to, datagram, now) {
                    tracing::trace!(%error, "tunnel datagram was dropped");
                }
            }
        }
        self.outgoing = outgoing;
    }

    fn handle_command(&mut self, command: Command) {
        match command {
            Command::Want { agent, reply } => {
                self.tunnel.want_agent(agent);
                let status = self.tunnel.status(agent);
                let sender = self.statuses.entry(agent).or_insert_with(|| watch::channel(status.clone()).0);
                sender.send_replace(status);
                // The caller may have given up meanwhile.
                let _ = reply.send(sender.subscribe());
            }
            Command::Drop { agent } => {
                self.tunnel.drop_agent(agent);
                self.statuses.remove(&agent);
            }
            Command::MayOpen { from, port, reply } => {
                let peer = self.tunnel.peer_at(from).filter(|_| self.tunnel.may_open(from, port));
                let _ = reply.send(peer);
            }
        }
    }

    /// Brings the machine's outputs to where they belong.
    fn settle(&mut self) {
        while let Some(event) = self.tunnel.poll_event() {
            self.handle_event(event);
        }
        let tunnel = &mut self.tunnel;
        self.socket.deliver(std::iter::from_fn(|| tunnel.poll_packet()));
        loop {
            let Some(frame) = self.pending.take().or_else(|| self.tunnel.poll_transmit()) else { return };
            if let Err(frame) = self.link.try_send(frame) {
                self.pending = Some(frame);
                return;
            }
        }
    }

    fn handle_event(&mut self, event: TunnelEvent) {
        match event {
            TunnelEvent::LinkUp => {
                self.link.accepted();
                tracing::debug!("tunnel link is up");
                self.report.send_replace(LinkReport { up: true, ..LinkReport::default() });
            }
            TunnelEvent::LinkFailed { reason } => self.lose_link(&reason),
            TunnelEvent::StatusChanged { agent } => {
                if let Some(sender) = self.statuses.get(&agent) {
                    sender.send_replace(self.tunnel.status(agent));
                }
            }
            TunnelEvent::PeerConnected { peer, .. } => {
                tracing::debug!(peer = %peer, "tunnel peer is connected")
            }
            TunnelEvent::PeerForgotten { peer, address } => {
                tracing::debug!(peer = %peer, "tunnel peer has left");
                self.connections.close(address);
            }
            TunnelEvent::Restarting { after, spread } => self.link.postpone(after, spread),
        }
    }

    fn lose_link(&mut self, reason: &str) {
        if self.report.borrow().up {
            tracing::info!(reason, "tunnel link is down, dialling again");
        }
        self.pending = None;
        self.link.drop_link();
        self.report.send_replace(LinkReport { up: false, reason: reason.to_owned(), permanent: false });
        self.tunnel.handle_link_down(now());
    }

    fn report_dial_failure(&mut self, error: &DialError) {
        let report = LinkReport { up: false, reason: error.to_string(), permanent: error.is_permanent() };
        if *self.report.borrow() != report {
            tracing::warn!(reason = report.reason, "tunnel link could not be opened, trying again");
        }
        self.report.send_replace(report);
    }
}

async fn sleep_until(deadline: Option<(std::time::Instant, &'static str)>) {
    match deadline {
        Some((at, _)) => tokio::time::sleep_until(Instant::from_std(at)).await,
        None => std::future::pending().await,
    }
}

fn now() -> std::time::Instant {
    Instant::now().into_std()
}
