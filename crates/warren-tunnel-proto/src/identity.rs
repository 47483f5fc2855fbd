//! Node keys, the ids derived from them and the proof of key possession towards the relay.
//!
//! The relay sends a fresh X25519 key and a nonce; the node answers an HMAC over the transcript keyed with the shared
//! secret. A token alone therefore cannot claim somebody else's key.

use std::fmt;

use ring::{digest, hmac};
use warren_wire::key::PublicKey;
use warren_wire::tunnel::PeerId;
use x25519_dalek::StaticSecret;

const PROOF_LABEL: &[u8] = b"warren relay proof 1";
const PEER_ID_LABEL: &[u8] = b"warren peer id 1";

/// A node's WireGuard private key: made per process, never stored.
#[derive(Clone)]
pub struct NodeSecret(StaticSecret);

impl NodeSecret {
    /// Wraps 32 random bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> NodeSecret {
        NodeSecret(StaticSecret::from(bytes))
    }

    pub fn public_key(&self) -> PublicKey {
        PublicKey::new(x25519_dalek::PublicKey::from(&self.0).to_bytes())
    }

    pub(crate) fn as_static_secret(&self) -> &StaticSecret {
        &self.0
    }

    /// Answers a relay's challenge.
    pub(crate) fn prove(&self, relay_key: &PublicKey, nonce: &[u8; 32]) -> [u8; 32] {
        let key = proof_key(&self.0, relay_key);
        let tag = hmac::sign(&key, &transcript(&self.public_key(), relay_key, nonce));
        tag.as_ref().try_into().expect("HMAC-SHA256 tags are 32 bytes")
    }
}

impl fmt::Debug for NodeSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NodeSecret([redacted])")
    }
}

/// The relay's side of one proof: a fresh secret and nonce per link.
#[derive(Clone)]
pub struct RelayChallenge {
    secret: StaticSecret,
    nonce: [u8; 32],
}

impl RelayChallenge {
    /// Wraps 64 random bytes, used for one link only.
    pub fn from_bytes(secret: [u8; 32], nonce: [u8; 32]) -> RelayChallenge {
        RelayChallenge { secret: StaticSecret::from(secret), nonce }
    }

    pub(crate) fn public_key(&self) -> PublicKey {
        PublicKey::new(x25519_dalek::PublicKey::from(&self.secret).to_bytes())
    }

    pub(crate) fn nonce(&self) -> [u8; 32] {
        self.nonce
    }

    /// Whether `mac` proves possession of the private key of `node_key`.
    pub(crate) fn verify(&self, node_key: &PublicKey, mac: &[u8; 32]) -> bool {
        let shared = self.secret.diffie_hellman(&x25519_dalek::PublicKey::from(*node_key.as_bytes()));
        // A key of low order would give everybody the same shared secret.
        if !shared.was_contributory() {
            return false;
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, shared.as_bytes());
        hmac::verify(&key, &transcript(node_key, &self.public_key(), &self.nonce), mac).is_ok()
    }
}

impl fmt::Debug for RelayChallenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RelayChallenge([redacted])")
    }
}

/// The peer id of a node that is not an agent. Derived from the key, so that a redial keeps the id without a token
/// and nobody can claim it without the key.
pub fn client_peer_id(key: &PublicKey) -> PeerId {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(PEER_ID_LABEL);
    context.update(key.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&context.finish().as_ref()[..16]);
    PeerId::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

fn proof_key(secret: &StaticSecret, other: &PublicKey) -> hmac::Key {
    let shared = secret.diffie_hellman(&x25519_dalek::PublicKey::from(*other.as_bytes()));
    hmac::Key::new(hmac::HMAC_SHA256, shared.as_bytes())
}

fn transcript(node_key: &PublicKey, relay_key: &PublicKey, nonce: &[u8; 32]) -> Vec<u8> {
    [PROOF_LABEL, node_key.as_bytes(), relay_key.as_bytes(), nonce].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_holder_passes_the_challenge() {
        let node = NodeSecret::from_bytes([1; 32]);
        let other = NodeSecret::from_bytes([2; 32]);
        let challenge = RelayChallenge::from_bytes([3; 32], [4; 32]);
        let mac = node.prove(&challenge.public_key(), &challenge.nonce());
        assert!(challenge.verify(&node.public_key(), &mac));
        assert!(!challenge.verify(&other.public_key(), &mac));
        let forged = other.prove(&challenge.public_key(), &challenge.nonce());
        assert!(!challenge.verify(&node.public_key(), &forged));
        let fresh = RelayChallenge::from_bytes([3; 32], [5; 32]);
        assert!(!fresh.verify(&node.public_key(), &mac), "a recorded proof must not pass another nonce");
    }

    #[test]
    fn a_low_order_key_proves_nothing() {
        let challenge = RelayChallenge::from_bytes([3; 32], [4; 32]);
        let zero = PublicKey::new([0; 32]);
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[0; 32]);
        let mac = hmac::sign(&key, &transcript(&zero, &challenge.public_key(), &challenge.nonce()));
        assert!(!challenge.verify(&zero, mac.as_ref().try_into().unwrap()));
    }

    #[test]
    fn the_peer_id_follows_the_key() {
        let key = NodeSecret::from_bytes([1; 32]).public_key();
        assert_eq!(client_peer_id(&key), client_peer_id(&key));
        assert_ne!(client_peer_id(&key), client_peer_id(&NodeSecret::from_bytes([2; 32]).public_key()));
    }
}
