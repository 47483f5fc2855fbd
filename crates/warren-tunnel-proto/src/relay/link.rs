//! State of one attached connection.

use std::collections::HashMap;
use std::time::Instant;

use warren_wire::key::PublicKey;
use warren_wire::tunnel::PeerId;

use super::queue::Queue;
use super::{Identity, PROOF_MAX, SILENCE_MAX};
use crate::identity::{RelayChallenge, client_peer_id};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LinkState {
    New,
    Hello { key: PublicKey },
    Proven { key: PublicKey },
    Published { key: PublicKey, peer: PeerId },
}

#[derive(Debug)]
pub(super) struct Link {
    pub(super) identity: Identity,
    pub(super) challenge: RelayChallenge,
    pub(super) state: LinkState,
    /// This link's aliases: what the node calls a destination, and the other way round.
    pub(super) key_by_alias: HashMap<u32, PublicKey>,
    pub(super) alias_by_key: HashMap<PublicKey, u32>,
    pub(super) queue: Queue,
    /// Whether the shell knows that frames are waiting.
    pub(super) signalled: bool,
    pub(super) closing: bool,
    pub(super) last_heard: Instant,
}

impl Link {
    pub(super) fn new(identity: Identity, challenge: RelayChallenge, now: Instant) -> Link {
        Link {
            identity,
            challenge,
            state: LinkState::New,
            key_by_alias: HashMap::new(),
            alias_by_key: HashMap::new(),
            queue: Queue::default(),
            signalled: false,
            closing: false,
            last_heard: now,
        }
    }

    /// The peer id that this identity has with this key.
    pub(super) fn peer_id(&self, key: &PublicKey) -> PeerId {
        match self.identity {
            Identity::Agent(agent) => agent.into(),
            Identity::Client | Identity::Server => client_peer_id(key),
        }
    }

    pub(super) fn published_peer(&self) -> Option<PeerId> {
        match self.state {
            LinkState::Published { peer, .. } => Some(peer),
            LinkState::New | LinkState::Hello { .. } | LinkState::Proven { .. } => None,
        }
    }

    pub(super) fn published_key(&self) -> Option<PublicKey> {
        match self.state {
            LinkState::Published { key, .. } => Some(key),
            LinkState::New | LinkState::Hello { .. } | LinkState::Proven { .. } => None,
        }
    }

    /// When the link counts as silent.
    pub(super) fn deadline(&self) -> Instant {
        match self.state {
            LinkState::New | LinkState::Hello { .. } => self.last_heard + PROOF_MAX,
            LinkState::Proven { .. } | LinkState::Published { .. } => self.last_heard + SILENCE_MAX,
        }
    }

    pub(super) fn remove_alias_for(&mut self, key: &PublicKey) -> Option<u32> {
        let alias = self.alias_by_key.remove(key)?;
        self.key_by_alias.remove(&alias);
        Some(alias)
    }
}
