//! Encryption at rest: AES-256-GCM under one key per deployment.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    rand::{SecureRandom, SystemRandom},
};
use thiserror::Error;

const KEY_FILE: &str = "secret.key";
const KEY_LEN: usize = 32;
/// First byte of every sealed value, so that a later scheme can live beside this one.
const VERSION: u8 = 1;

/// Why a key or a sealed value cannot be used.
#[derive(Debug, Error)]
pub enum SealError {
    #[error("cannot read or create the key file {path}")]
    KeyFile { path: PathBuf, source: io::Error },
    #[error(
        "the key file {path} is missing; restore it from a backup, without it stored secrets cannot be read"
    )]
    KeyMissing { path: PathBuf },
    #[error("the key file {path} does not hold {KEY_LEN} bytes; restore it from a backup")]
    KeyLength { path: PathBuf },
    #[error("the key file {path} can be read by other users; run chmod 600 on it")]
    KeyMode { path: PathBuf },
    #[error("the sealed value cannot be opened with this deployment's key")]
    Open,
}

/// Seals and opens byte strings. Clones share the key.
#[derive(Clone)]
pub struct Sealer {
    key: Arc<LessSafeKey>,
    random: SystemRandom,
}

impl Sealer {
    /// Reads `secret.key` in the directory, or creates it with mode 0600.
    ///
    /// # Errors
    /// Fails when the file cannot be read or written, has another length, or is open to other users.
    pub fn load_or_create(directory: &Path) -> Result<Self, SealError> {
        let path = directory.join(KEY_FILE);
        if !path.exists() {
            create_key(directory, &path)
                .map_err(|source| SealError::KeyFile { path: path.clone(), source })?;
        }
        Self::load(directory)
    }

    /// Reads `secret.key` in the directory, which must exist: something was sealed with it.
    ///
    /// # Errors
    /// Fails when the file is missing or cannot be read, has another length, or is open to other users.
    pub fn load(directory: &Path) -> Result<Self, SealError> {
        let path = directory.join(KEY_FILE);
        if !path.exists() {
            return Err(SealError::KeyMissing { path });
        }
        let mode = fs::metadata(&path).map(|meta| meta.permissions().mode());
        let mode = mode.map_err(|source| SealError::KeyFile { path: path.clone(), source })?;
        if mode & 0o077 != 0 {
            return Err(SealError::KeyMode { path });
        }
        let bytes = fs::read(&path).map_err(|source| SealError::KeyFile { path: path.clone(), source })?;
        let key: [u8; KEY_LEN] = bytes.try_into().map_err(|_| SealError::KeyLength { path })?;
        Ok(Self::from_key(&key))
    }

    /// Makes a sealer of a known key.
    pub fn from_key(key: &[u8; KEY_LEN]) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, key).expect("the key has the length of AES-256");
        Self { key: Arc::new(LessSafeKey::new(key)), random: SystemRandom::new() }
    }

    /// Encrypts under a fresh random nonce.
    pub fn seal(&self, plain: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).expect("the system gives random bytes");
        let mut body = plain.to_vec();
        let sealed =
            self.key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut body);
        sealed.expect("a value below 64 GiB can be sealed");
        [&[VERSION][..], &nonce, &body].concat()
    }

    /// Decrypts and authenticates.
    ///
    /// # Errors
    /// Fails when the value was changed or sealed under another key.
    pub fn open(&self, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (version, rest) = sealed.split_first().ok_or(SealError::Open)?;
        if *version != VERSION || rest.len() < NONCE_LEN {
            return Err(SealError::Open);
        }
        let (nonce, body) = rest.split_at(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Open)?;
        let mut body = body.to_vec();
        let plain = self.key.open_in_place(nonce, Aad::empty(), &mut body).map_err(|_| SealError::Open)?;
        Ok(plain.to_vec())
    }
}

/// Writes the key beside its place first, so that a crash never leaves a short key behind.
fn create_key(directory: &Path, path: &Path) -> io::Result<()> {
    let mut key = [0; KEY_LEN];
    SystemRandom::new().fill(&mut key).map_err(|_| io::Error::other("no random bytes"))?;
    let draft = directory.join("secret.key.new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(&key)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    fs::File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests;
