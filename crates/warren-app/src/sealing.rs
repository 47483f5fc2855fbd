//! The keys that seal secrets at rest: which there are, whether all that are needed are there, and changing them.
//!
//! Keys come from the configuration or from the key file in the data directory and are never stored in the database, which
//! knows only their ids and a value sealed with each (`sealing_keys`). Must not know what the sealed values mean.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use thiserror::Error;
use warren_db::{Database, DbError, entity::sealing_keys, query};
use warren_rt::{KeyId, SealError, Sealer, Secret};

mod rotate;

pub use rotate::{Forgotten, Rotation, forget, rotate};

/// What is sealed with each key, to tell the right key from another one.
const CANARY: &[u8] = b"warren";
/// How often a first key is registered anew after losing to another server.
const ATTEMPTS: usize = 5;

/// Why the keys of a deployment cannot be used; each text is a sentence for whoever starts the server.
#[derive(Debug, Error)]
pub enum KeysError {
    #[error(
        "the database holds secrets sealed with the key {id}, which is neither in --external-token-encryption-keys nor \
         the key file {path}; add it to the option, or put a copy of the key file there, from a backup or from the server \
         that made it"
    )]
    Missing { id: KeyId, path: PathBuf },
    #[error(
        "the key {id} does not open what the database holds as sealed with it; restore the key or the database from a \
         backup of the same time"
    )]
    Wrong { id: KeyId },
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error("the database cannot be read")]
    Db(#[from] DbError),
}

/// Where keys may come from.
#[derive(Debug, Clone, Copy)]
pub struct KeySources<'a> {
    /// Base64 texts; the first seals.
    pub external: &'a [Secret<String>],
    /// Holds the key file, which seals when there is no external key and opens otherwise.
    pub data_dir: &'a Path,
}

/// Gathers the keys of a database, makes one for a new database, and checks that none is missing.
///
/// # Errors
/// Fails when a key is malformed, missing, or not the one that the database knows.
pub async fn open_keys(db: &Database, sources: KeySources<'_>) -> Result<Sealer, KeysError> {
    let known = query::sealing_keys::list(db.reader()).await?;
    // Databases of the time before keys had names know no keys, but hold what was sealed with the key file.
    let is_new = known.is_empty() && !query::users::any(db.reader()).await?;
    let sealer = gather(sources, is_new, &known)?;
    check(&known, &sealer, sources)?;
    register(db, &sealer, sources).await?;
    Ok(sealer)
}

/// The keys that are there, without looking at what the database needs.
///
/// # Errors
/// Fails when a key is malformed, or there is none and the database is not new.
fn gather(sources: KeySources<'_>, is_new: bool, known: &[sealing_keys::Model]) -> Result<Sealer, KeysError> {
    let external = Sealer::from_texts(sources.external.iter().map(|text| text.expose().as_str()))?;
    let has_file = Sealer::has_key_file(sources.data_dir);
    match external {
        Some(external) if has_file => Ok(external.with_older(&Sealer::load(sources.data_dir)?)),
        // What an old database holds was sealed with a key file.
        Some(_) if !is_new && known.is_empty() => Ok(Sealer::load(sources.data_dir)?),
        Some(external) => Ok(external),
        None if is_new => Ok(Sealer::load_or_create(sources.data_dir)?),
        None if has_file => Ok(Sealer::load(sources.data_dir)?),
        None => Err(match known.last().map(id_of).transpose()? {
            Some(id) => missing(id, sources),
            None => Sealer::load(sources.data_dir).err().unwrap_or(SealError::Open).into(),
        }),
    }
}

fn check(known: &[sealing_keys::Model], sealer: &Sealer, sources: KeySources<'_>) -> Result<(), KeysError> {
    for row in known {
        let id = id_of(row)?;
        if !sealer.has(id) {
            return Err(missing(id, sources));
        }
        if sealer.open(&row.canary).ok().as_deref() != Some(CANARY) {
            return Err(KeysError::Wrong { id });
        }
    }
    Ok(())
}

/// Notes the key that seals. Of two servers that start on a new database with keys of their own, the second one is refused.
async fn register(db: &Database, sealer: &Sealer, sources: KeySources<'_>) -> Result<(), KeysError> {
    let id = sealer.key_id().to_string();
    for _ in 0..ATTEMPTS {
        let known = query::sealing_keys::list(db.reader()).await?;
        check(&known, sealer, sources)?;
        if known.iter().any(|row| row.id == id) {
            return Ok(());
        }
        let row = registration(sealer, known.last().map_or(1, |row| row.ordinal + 1), db.now());
        db.write(async |tx| query::sealing_keys::insert(tx, row).await).await?;
    }
    Err(DbError::Busy.into())
}

/// What the database knows of the key that seals.
fn registration(sealer: &Sealer, ordinal: i64, created_at: DateTime<Utc>) -> sealing_keys::Model {
    sealing_keys::Model { id: sealer.key_id().to_string(), ordinal, canary: sealer.seal(CANARY), created_at }
}

fn missing(id: KeyId, sources: KeySources<'_>) -> KeysError {
    KeysError::Missing { id, path: Sealer::key_file(sources.data_dir) }
}

fn id_of(row: &sealing_keys::Model) -> Result<KeyId, KeysError> {
    row.id.parse().map_err(|_| DbError::Corrupt { what: "sealing key id" }.into())
}

#[cfg(test)]
mod tests;
