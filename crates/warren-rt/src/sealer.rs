//! Encryption at rest: AES-256-GCM under a ring of keys, of which the first seals and all open.
//!
//! A sealed value names its key, so that keys can be changed without trying each. Knows nothing of what is sealed.

use std::{
    fmt,
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    digest,
    rand::{SecureRandom, SystemRandom},
};
use thiserror::Error;

const KEY_FILE: &str = "secret.key";
const KEY_LEN: usize = 32;
const ID_LEN: usize = 4;
/// First byte of values of the time of one key per deployment: nonce and body follow.
const WITHOUT_ID: u8 = 1;
/// First byte of sealed values: the key's id, nonce and body follow.
const WITH_ID: u8 = 2;
const HEADER_LEN: usize = 1 + ID_LEN;

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
    #[error(
        "external token encryption key number {number} is not the base64 text of {KEY_LEN} bytes; make one with: openssl rand -base64 {KEY_LEN}"
    )]
    KeyText { number: usize },
    #[error("a value is sealed with the key {id}, which this server does not have")]
    UnknownKey { id: KeyId },
    #[error("the sealed value cannot be opened with this deployment's keys")]
    Open,
}

/// Names a key without giving it away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId([u8; ID_LEN]);

/// Seals and opens byte strings. Clones share the keys.
#[derive(Clone)]
pub struct Sealer {
    /// Never empty; the first key seals.
    keys: Arc<[(KeyId, LessSafeKey)]>,
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

    /// Whether `secret.key` is in the directory.
    pub fn has_key_file(directory: &Path) -> bool {
        directory.join(KEY_FILE).exists()
    }

    /// Where `secret.key` lies, or would.
    pub fn key_file(directory: &Path) -> PathBuf {
        directory.join(KEY_FILE)
    }

    /// Makes a sealer of a known key.
    pub fn from_key(key: &[u8; KEY_LEN]) -> Self {
        Self { keys: Arc::new([(KeyId::of(key), aead(key))]), random: SystemRandom::new() }
    }

    /// Makes a sealer of base64 texts, the first of which seals; `None` when there are none.
    ///
    /// # Errors
    /// Names the text that is not a key by its number, never by its content.
    pub fn from_texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Option<Self>, SealError> {
        let mut sealer: Option<Self> = None;
        for (index, text) in texts.into_iter().enumerate() {
            let bytes = BASE64.decode(text.trim()).ok();
            let key: [u8; KEY_LEN] = bytes
                .and_then(|bytes| bytes.try_into().ok())
                .ok_or(SealError::KeyText { number: index + 1 })?;
            let one = Self::from_key(&key);
            sealer = Some(match sealer {
                Some(first) => first.with_older(&one),
                None => one,
            });
        }
        Ok(sealer)
    }

    /// Adds the keys of another sealer for opening only.
    pub fn with_older(&self, older: &Self) -> Self {
        let mut keys = self.keys.to_vec();
        keys.extend(older.keys.iter().filter(|(id, _)| !self.has(*id)).cloned());
        Self { keys: keys.into(), random: self.random.clone() }
    }

    /// The key that seals.
    pub fn key_id(&self) -> KeyId {
        self.keys[0].0
    }

    /// Whether values sealed with the key can be opened.
    pub fn has(&self, id: KeyId) -> bool {
        self.keys.iter().any(|(known, _)| *known == id)
    }

    /// Whether the value should be sealed anew: it is sealed, and not with the key that seals.
    pub fn is_old(&self, sealed: &[u8]) -> bool {
        !sealed.is_empty() && KeyId::named_by(sealed) != Some(self.key_id())
    }

    /// Encrypts under a fresh random nonce.
    pub fn seal(&self, plain: &[u8]) -> Vec<u8> {
        let (id, key) = &self.keys[0];
        let header = [&[WITH_ID][..], &id.0].concat();
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).expect("the system gives random bytes");
        let mut body = plain.to_vec();
        let sealed =
            key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(&header), &mut body);
        sealed.expect("a value below 64 GiB can be sealed");
        [&header[..], &nonce, &body].concat()
    }

    /// Decrypts and authenticates.
    ///
    /// # Errors
    /// Fails when the value was changed, or sealed with a key that is not in the ring.
    pub fn open(&self, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        match sealed.first() {
            Some(&WITH_ID) => {
                let id = KeyId::named_by(sealed).ok_or(SealError::Open)?;
                let key = self.keys.iter().find(|(known, _)| *known == id);
                let (_, key) = key.ok_or(SealError::UnknownKey { id })?;
                let (header, rest) = sealed.split_at(HEADER_LEN);
                open(key, Aad::from(header), rest)
            }
            Some(&WITHOUT_ID) => {
                let opened = self.keys.iter().find_map(|(_, key)| open(key, Aad::empty(), &sealed[1..]).ok());
                opened.ok_or(SealError::Open)
            }
            Some(_) | None => Err(SealError::Open),
        }
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|(id, _)| id)).finish()
    }
}

impl KeyId {
    fn of(key: &[u8; KEY_LEN]) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(b"warren sealing key ");
        context.update(key);
        let mut id = [0; ID_LEN];
        id.copy_from_slice(&context.finish().as_ref()[..ID_LEN]);
        Self(id)
    }

    /// The key that a sealed value names; values without one are older than names.
    fn named_by(sealed: &[u8]) -> Option<Self> {
        let (version, rest) = sealed.split_first()?;
        let id = rest.first_chunk::<ID_LEN>()?;
        (*version == WITH_ID).then_some(Self(*id))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for KeyId {
    type Err = SealError;

    fn from_str(text: &str) -> Result<Self, SealError> {
        let number = u32::from_str_radix(text, 16).ok().filter(|_| text.len() == 2 * ID_LEN);
        number.map(|number| Self(number.to_be_bytes())).ok_or(SealError::Open)
    }
}

fn aead(key: &[u8; KEY_LEN]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("the key has the length of AES-256"))
}

fn open(key: &LessSafeKey, header: Aad<impl AsRef<[u8]>>, rest: &[u8]) -> Result<Vec<u8>, SealError> {
    let (nonce, body) = rest.split_at_checked(NONCE_LEN).ok_or(SealError::Open)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Open)?;
    let mut body = body.to_vec();
    let plain = key.open_in_place(nonce, header, &mut body).map_err(|_| SealError::Open)?;
    Ok(plain.to_vec())
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
