//! The task of one link at the server.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use warren_tunnel_proto::{Frame, LinkId, Verdict};
use warren_vocab::AgentId;

use super::{Authorizer, RelayHub, Signal};
use crate::link::RelayLink;

/// Messages that are handled before anything else gets a turn.
const RECEIVE_BUDGET: usize = 16;
/// How often every tunnel's permission is looked at again.
const REEVALUATE: Duration = Duration::from_secs(60);
const AUTHORIZE_MAX: Duration = Duration::from_secs(10);
/// Time to deliver the last words of a link that the hub closes.
const LAST_WORDS_MAX: Duration = Duration::from_secs(2);

pub(super) struct Served<'hub> {
    hub: &'hub RelayHub,
    id: LinkId,
    link: RelayLink,
    signal: Arc<Signal>,
    authorizer: Arc<dyn Authorizer>,
    deciding: FuturesUnordered<BoxFuture<'static, (AgentId, Option<Verdict>)>>,
    /// A message that did not fit into the link.
    pending: Option<Frame>,
    closing: Option<String>,
}

/// What a link's task does next.
enum Turn {
    Received(Frame),
    /// Send what waits, and look at what the core asks for.
    Settle,
    Decided(AgentId, Option<Verdict>),
    AskAgain,
    Closed,
}

impl<'hub> Served<'hub> {
    pub(super) fn new(
        hub: &'hub RelayHub,
        id: LinkId,
        link: RelayLink,
        signal: Arc<Signal>,
        authorizer: Arc<dyn Authorizer>,
    ) -> Served<'hub> {
        let deciding = FuturesUnordered::new();
        Served { hub, id, link, signal, authorizer, deciding, pending: None, closing: None }
    }

    pub(super) async fn run(mut self) -> String {
        let mut reevaluate = interval_at(Instant::now() + REEVALUATE, REEVALUATE);
        reevaluate.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.settle();
            if let Some(reason) = self.closing.take() {
                self.deliver_last_words().await;
                return reason;
            }
            let turn = tokio::select! {
                frame = self.link.receiver.recv() => frame.map_or(Turn::Closed, Turn::Received),
                () = self.signal.wake.notified() => Turn::Settle,
                permit = self.link.sender.reserve(), if self.pending.is_some() => {
                    if permit.is_ok() { Turn::Settle } else { Turn::Closed }
                }
                Some((agent, verdict)) = self.deciding.next(), if !self.deciding.is_empty() => {
                    Turn::Decided(agent, verdict)
                }
                _ = reevaluate.tick() => Turn::AskAgain,
            };
            match turn {
                Turn::Received(frame) => self.receive(frame),
                Turn::Settle => {}
                Turn::Decided(agent, verdict) => self.decide(agent, verdict),
                Turn::AskAgain => self.ask_again(),
                Turn::Closed => return "the node closed the connection".to_owned(),
            }
        }
    }

    fn receive(&mut self, frame: Frame) {
        self.hub.handle_frame(self.id, frame);
        for _ in 1..RECEIVE_BUDGET {
            let Ok(frame) = self.link.receiver.try_recv() else { return };
            self.hub.handle_frame(self.id, frame);
        }
    }

    /// Does what the core asks of this link: decisions to fetch, messages to send.
    fn settle(&mut self) {
        let todo = self.signal.take();
        for agent in todo.authorize {
            self.ask(agent);
        }
        self.closing = self.closing.take().or(todo.close);
        loop {
            let Some(frame) = self.pending.take().or_else(|| self.hub.poll_frame(self.id)) else { return };
            if let Err(error) = self.link.sender.try_send(frame) {
                self.pending = Some(error.into_inner());
                return;
            }
        }
    }

    async fn deliver_last_words(&mut self) {
        let sending = async {
            while let Some(frame) = self.pending.take().or_else(|| self.hub.poll_frame(self.id)) {
                if self.link.sender.send(frame).await.is_err() {
                    return;
                }
            }
        };
        // A node that does not read its last words learns the end from the closed connection.
        let _ = timeout(LAST_WORDS_MAX, sending).await;
    }

    fn ask(&mut self, agent: AgentId) {
        let authorizer = Arc::clone(&self.authorizer);
        let deciding = async move { (agent, timeout(AUTHORIZE_MAX, authorizer.authorize(agent)).await.ok()) };
        self.deciding.push(Box::pin(deciding));
    }

    fn ask_again(&mut self) {
        for agent in self.hub.tunnels_of(self.id) {
            self.ask(agent);
        }
    }

    fn decide(&mut self, agent: AgentId, verdict: Option<Verdict>) {
        let late = || Err("the server could not check your permission in time, try again".to_owned());
        self.hub.handle_verdict(self.id, agent, verdict.unwrap_or_else(late));
    }
}
