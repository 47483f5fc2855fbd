//! Tunnels to and from other servers: the calls of whoever finds out where agents are, and the ends of the streams.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use warren_tunnel_proto::{FarEnd, FarId, Frame, LinkId, Standing};
use warren_vocab::AgentId;
use warren_wire::tunnel::PeerId;

use super::{RelayHub, Signal};

/// The end of a stream that carries one tunnel between two servers. Dropping it ends it.
pub struct FarLink {
    hub: RelayHub,
    id: FarId,
    signal: Arc<Signal>,
}

impl RelayHub {
    /// Begins to note whose standing changes, for the one caller of [`Self::changed`].
    pub fn follow(&self) {
        self.shared.lock().changed.get_or_insert_default();
    }

    /// Waits for agents whose standing has changed since the last call. Cancel-safe.
    pub async fn changed(&self) -> BTreeSet<AgentId> {
        loop {
            let changed = self.shared.lock().changed.as_mut().map(std::mem::take).unwrap_or_default();
            if !changed.is_empty() {
                return changed;
            }
            self.shared.changed.notified().await;
        }
    }

    /// Who of this server has to do with the agent.
    pub fn standing(&self, agent: AgentId) -> Standing {
        self.shared.lock().relay.standing(agent)
    }

    /// Closes an agent's connection that is not its newest.
    pub fn evict(&self, agent: AgentId, link: LinkId) {
        self.with(|relay| relay.evict(agent, link));
    }

    /// Tells a source why the agent is not there, as far as that is known.
    pub fn explain_absence(&self, source: PeerId, agent: AgentId, message: Option<String>) {
        self.with(|relay| relay.explain_absence(source, agent, message));
    }

    /// Joins a tunnel with a stream to the server that has its other end; none when there is nothing to join here.
    pub fn attach_far(&self, end: FarEnd, source: PeerId, agent: AgentId) -> Option<FarLink> {
        let signal = Arc::new(Signal::default());
        let id = {
            let mut state = self.shared.lock();
            let id = state.relay.attach_far(end, source, agent)?;
            state.fars.insert(id, Arc::clone(&signal));
            id
        };
        self.with(|_| ());
        Some(FarLink { hub: self.clone(), id, signal })
    }
}

impl FarLink {
    /// Waits for the next message for the other server; none when nothing more comes. Cancel-safe.
    pub async fn next(&self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.hub.shared.lock().relay.poll_far_frame(self.id) {
                return Some(frame);
            }
            if self.signal.todo.lock().unwrap_or_else(PoisonError::into_inner).close.is_some() {
                return None;
            }
            self.signal.wake.notified().await;
        }
    }

    /// Takes a message of the other server.
    pub fn take(&self, frame: Frame) {
        self.hub.with(|relay| relay.handle_far_frame(self.id, frame));
    }
}

impl Drop for FarLink {
    fn drop(&mut self) {
        self.hub.with(|relay| relay.detach_far(self.id));
        self.hub.shared.lock().fars.remove(&self.id);
    }
}
