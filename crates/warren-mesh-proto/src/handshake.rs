//! Two servers show each other that they know a key of their deployment, without sending it.
//!
//! The dialler says who it is and which keys it knows; the other one answers with a proof over everything that was said so
//! far; the dialler checks it and answers with its own. Both proofs cover both random numbers, both ids and the version, so
//! that neither can be used again or by somebody else. The keys of the connection come from the same facts.

use ring::{
    digest, hkdf,
    hmac::{self, HMAC_SHA256},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use thiserror::Error;
use uuid::Uuid;
use warren_vocab::ReplicaId;

use crate::cipher::{ALGORITHM, Opening, Sealing};

/// The versions of the protocol that this program speaks.
pub const VERSION_MIN: u16 = 1;
pub const VERSION_MAX: u16 = 1;
/// The longest message of a handshake.
pub const MESSAGE_MAX: usize = 4096;

const NONCE_LEN: usize = 32;
const ACCEPTS: &[u8] = b"warren mesh accepts";
const DIALS: &[u8] = b"warren mesh dials";
const FROM_DIALLER: &[u8] = b"warren mesh frames of the dialler";
const TO_DIALLER: &[u8] = b"warren mesh frames to the dialler";

/// A random number that is used once.
pub type Nonce = [u8; NONCE_LEN];

/// A key that all servers of the deployment have.
#[derive(Clone)]
pub struct Key {
    pub id: Uuid,
    pub secret: [u8; 32],
}

/// Why two servers do not connect. Each is told like this on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HandshakeError {
    #[error("what was said is not of this protocol")]
    Malformed,
    #[error(
        "the other server speaks versions {min} to {max} of the protocol, this one {VERSION_MIN} to {VERSION_MAX}; \
         update the older one"
    )]
    Version { min: u16, max: u16 },
    #[error(
        "the address belongs to another server than the one that was meant; give each server a --relay-address of its own"
    )]
    WrongServer { meant: ReplicaId },
    #[error(
        "the servers know no key in common; give both the same keys for secrets (--external-token-encryption-keys, or \
         copies of secret.key)"
    )]
    NoCommonKey,
    #[error("the other server does not know the key that it names")]
    BadProof,
}

#[derive(Serialize, Deserialize)]
struct Hello {
    min: u16,
    max: u16,
    from: ReplicaId,
    to: ReplicaId,
    keys: Vec<Uuid>,
    nonce: Nonce,
}

#[derive(Serialize, Deserialize)]
struct Challenge {
    version: u16,
    key: Uuid,
    nonce: Nonce,
    proof: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Answer {
    proof: Vec<u8>,
}

/// What is said instead of a challenge to a dialler that is not let in. Nothing in it is secret, as strangers hear it too; and
/// whoever changes it on its way only changes a sentence.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Refusal {
    WrongServer,
    Version { min: u16, max: u16 },
    NoCommonKey,
}

#[derive(Serialize, Deserialize)]
struct Refused {
    refused: Refusal,
}

/// Two servers that know each other.
pub struct Established {
    pub peer: ReplicaId,
    pub version: u16,
    /// The key by which they do.
    pub key: Uuid,
    pub sealing: Sealing,
    pub opening: Opening,
}

/// The dialler, until the other one has answered.
pub struct Dialling {
    to: ReplicaId,
    keys: Vec<Key>,
    hello: Vec<u8>,
}

/// The other one, until the dialler has shown its proof.
pub struct Accepting {
    from: ReplicaId,
    version: u16,
    key: Key,
    transcript: Transcript,
}

struct Transcript(digest::Digest);

impl Dialling {
    /// Begins; `keys` are those that this server knows, the newest first.
    pub fn new(me: ReplicaId, to: ReplicaId, keys: Vec<Key>, nonce: Nonce) -> Self {
        let ids = keys.iter().map(|key| key.id).collect();
        let hello = Hello { min: VERSION_MIN, max: VERSION_MAX, from: me, to, keys: ids, nonce };
        Self { to, keys, hello: written(&hello) }
    }

    /// What is said first.
    pub fn hello(&self) -> Vec<u8> {
        self.hello.clone()
    }

    /// Checks the other server's proof, and gives this one's.
    ///
    /// # Errors
    /// When the other one is not a server of this deployment, or says that it does not let this one in.
    pub fn answer(self, challenge: &[u8]) -> Result<(Vec<u8>, Established), HandshakeError> {
        if let Ok(Refused { refused }) = read(challenge) {
            return Err(refused.told_of(self.to));
        }
        let Challenge { version, key, nonce, proof } = read(challenge)?;
        if !(VERSION_MIN..=VERSION_MAX).contains(&version) {
            return Err(HandshakeError::Version { min: version, max: version });
        }
        let key = self.keys.into_iter().find(|known| known.id == key).ok_or(HandshakeError::NoCommonKey)?;
        let transcript = Transcript::new(&self.hello, version, key.id, &nonce);
        transcript.check(&key, ACCEPTS, &proof)?;
        let answer = written(&Answer { proof: transcript.proof(&key, DIALS) });
        let (from, to) = transcript.keys(&key)?;
        let (sealing, opening) = (Sealing::new(from), Opening::new(to));
        Ok((answer, Established { peer: self.to, version, key: key.id, sealing, opening }))
    }
}

impl Accepting {
    /// Reads what the dialler says, and gives the answer to it.
    ///
    /// # Errors
    /// When the dialler means another server, or has neither a version nor a key in common with this one.
    pub fn new(
        me: ReplicaId,
        hello: &[u8],
        keys: &[Key],
        nonce: Nonce,
    ) -> Result<(Self, Vec<u8>), HandshakeError> {
        let Hello { min, max, from, to, keys: known, .. } = read(hello)?;
        if to != me {
            return Err(HandshakeError::WrongServer { meant: to });
        }
        let version = max.min(VERSION_MAX);
        if version < min || version < VERSION_MIN {
            return Err(HandshakeError::Version { min, max });
        }
        let key = keys.iter().find(|key| known.contains(&key.id)).ok_or(HandshakeError::NoCommonKey)?;
        let transcript = Transcript::new(hello, version, key.id, &nonce);
        let proof = transcript.proof(key, ACCEPTS);
        let challenge = written(&Challenge { version, key: key.id, nonce, proof });
        Ok((Self { from, version, key: key.clone(), transcript }, challenge))
    }

    /// Checks the dialler's proof.
    ///
    /// # Errors
    /// When it does not know the key.
    pub fn finish(self, answer: &[u8]) -> Result<Established, HandshakeError> {
        let Answer { proof } = read(answer)?;
        self.transcript.check(&self.key, DIALS, &proof)?;
        let (from, to) = self.transcript.keys(&self.key)?;
        let (sealing, opening) = (Sealing::new(to), Opening::new(from));
        Ok(Established { peer: self.from, version: self.version, key: self.key.id, sealing, opening })
    }
}

impl HandshakeError {
    /// What the dialler is told before it is hung up on, if it is told anything.
    pub fn refusal(&self) -> Option<Vec<u8>> {
        let refused = match self {
            Self::WrongServer { .. } => Refusal::WrongServer,
            // What the dialler speaks it knows.
            Self::Version { .. } => Refusal::Version { min: VERSION_MIN, max: VERSION_MAX },
            Self::NoCommonKey => Refusal::NoCommonKey,
            Self::Malformed | Self::BadProof => return None,
        };
        Some(written(&Refused { refused }))
    }
}

impl Refusal {
    fn told_of(self, meant: ReplicaId) -> HandshakeError {
        match self {
            Self::WrongServer => HandshakeError::WrongServer { meant },
            Self::Version { min, max } => HandshakeError::Version { min, max },
            Self::NoCommonKey => HandshakeError::NoCommonKey,
        }
    }
}

impl Transcript {
    fn new(hello: &[u8], version: u16, key: Uuid, nonce: &Nonce) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(&(hello.len() as u64).to_be_bytes());
        context.update(hello);
        context.update(&version.to_be_bytes());
        context.update(key.as_bytes());
        context.update(nonce);
        Self(context.finish())
    }

    fn proof(&self, key: &Key, whose: &[u8]) -> Vec<u8> {
        hmac::sign(&hmac::Key::new(HMAC_SHA256, &key.secret), &self.said(whose)).as_ref().to_vec()
    }

    fn check(&self, key: &Key, whose: &[u8], proof: &[u8]) -> Result<(), HandshakeError> {
        let checked = hmac::verify(&hmac::Key::new(HMAC_SHA256, &key.secret), &self.said(whose), proof);
        checked.map_err(|_| HandshakeError::BadProof)
    }

    fn said(&self, whose: &[u8]) -> Vec<u8> {
        [whose, self.0.as_ref()].concat()
    }

    /// The keys of frames from the dialler and of those to it.
    fn keys(&self, key: &Key) -> Result<(ring::aead::UnboundKey, ring::aead::UnboundKey), HandshakeError> {
        let secret = hkdf::Salt::new(hkdf::HKDF_SHA256, self.0.as_ref()).extract(&key.secret);
        let derive = |label: &[u8]| {
            secret
                .expand(&[label], ALGORITHM)
                .map(ring::aead::UnboundKey::from)
                .map_err(|_| HandshakeError::BadProof)
        };
        Ok((derive(FROM_DIALLER)?, derive(TO_DIALLER)?))
    }
}

fn written(message: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(message).expect("messages of the handshake have only string keys")
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, HandshakeError> {
    if bytes.len() > MESSAGE_MAX {
        return Err(HandshakeError::Malformed);
    }
    serde_json::from_slice(bytes).map_err(|_| HandshakeError::Malformed)
}

#[cfg(test)]
mod tests;
