//! Sealed frames: AES-256-GCM under keys of this connection alone, one for each direction, numbered from zero. Whoever
//! repeats, drops or swaps frames ends the connection.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use thiserror::Error;

/// Bytes that sealing adds.
pub const TAG_LEN: usize = 16;

/// A frame that is not what the other server sealed next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a frame was not sealed by the other server")]
pub struct CipherError;

/// Seals what goes out.
pub struct Sealing(Counted);

/// Opens what comes in.
pub struct Opening(Counted);

struct Counted {
    key: LessSafeKey,
    next: u64,
}

impl Sealing {
    pub(crate) fn new(key: UnboundKey) -> Self {
        Self(Counted { key: LessSafeKey::new(key), next: 0 })
    }

    /// Seals the next frame.
    ///
    /// # Errors
    /// Only when the frame is longer than the cipher allows.
    pub fn seal(&mut self, mut frame: Vec<u8>) -> Result<Vec<u8>, CipherError> {
        let nonce = self.0.nonce();
        self.0.key.seal_in_place_append_tag(nonce, Aad::empty(), &mut frame).map_err(|_| CipherError)?;
        Ok(frame)
    }
}

impl Opening {
    pub(crate) fn new(key: UnboundKey) -> Self {
        Self(Counted { key: LessSafeKey::new(key), next: 0 })
    }

    /// Opens the next frame.
    ///
    /// # Errors
    /// When it is not the next one that the other server sealed.
    pub fn open(&mut self, mut sealed: Vec<u8>) -> Result<Vec<u8>, CipherError> {
        let nonce = self.0.nonce();
        let len = self.0.key.open_in_place(nonce, Aad::empty(), &mut sealed).map_err(|_| CipherError)?.len();
        sealed.truncate(len);
        Ok(sealed)
    }
}

impl Counted {
    fn nonce(&mut self) -> Nonce {
        let mut bytes = [0; NONCE_LEN];
        bytes[NONCE_LEN - 8..].copy_from_slice(&self.next.to_be_bytes());
        self.next += 1;
        Nonce::assume_unique_for_key(bytes)
    }
}

/// The length of the keys that are derived for a connection.
pub(crate) const ALGORITHM: &ring::aead::Algorithm = &AES_256_GCM;
