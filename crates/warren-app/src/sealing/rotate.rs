//! Sealing everything anew with the first key, and giving everything up.
//!
//! Every value is replaced on its own, and only as it was read: before, between and after the batches each value is sealed
//! with a key that the ring has. A run that was killed is finished by the next one, and a server may write meanwhile, as
//! long as it has all the keys.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde_json::Value;
use uuid::Uuid;
use warren_db::{
    Database, DbError, Tx,
    query::{self, sealed::SealedColumn},
};
use warren_rt::{SealError, Sealer};
use warren_vocab::{AuditAction, ResourceType};

use crate::{
    Origin,
    audit::{self, Entry},
    error::{AppError, AppResult},
    job_input::JobInput,
    sealing::{KeySources, registration},
};

/// Rows of one transaction.
const BATCH: u64 = 100;
/// How often a table is gone through because somebody wrote with an older key meanwhile.
const PASSES_MAX: usize = 5;

/// What a rotation did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rotation {
    /// Values that were sealed anew.
    pub n_resealed: u64,
    /// Values that were sealed with the first key already.
    pub n_current: u64,
}

/// What was given up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Rows with sealed values that were removed or emptied.
    pub n_rows: u64,
}

/// Seals every value with the first key of the ring and forgets which other keys were in use, so that they may be taken
/// out of the configuration.
///
/// # Errors
/// Fails on a value that no key of the ring opens, naming its table; what was done until then stays done.
pub async fn rotate(db: &Database, sealer: &Sealer) -> AppResult<Rotation> {
    let mut done = Rotation::default();
    for pass in 0.. {
        let mut n_resealed = 0;
        done.n_current = 0;
        for column in query::sealed::COLUMNS {
            reseal_column(db, sealer, *column, &mut n_resealed, &mut done.n_current).await?;
        }
        reseal_jobs(db, sealer, &mut n_resealed, &mut done.n_current).await?;
        done.n_resealed += n_resealed;
        if n_resealed == 0 {
            break;
        }
        if pass == PASSES_MAX {
            return Err(AppError::conflict(
                "A server keeps sealing values with an older key. Restart every server with the new key first in \
                 --external-token-encryption-keys, then rotate again.",
            ));
        }
    }
    // A pass ends with nothing left to do, so the values that it found current are all there are.
    done.n_current -= done.n_resealed.min(done.n_current);
    let id = sealer.key_id().to_string();
    db.write(async |tx| {
        query::sealing_keys::keep_only(tx, &id).await?;
        let entry = Entry::bare(AuditAction::Write, ResourceType::SealingKey, Uuid::nil(), &id);
        audit::record(tx, &Origin::system("rotate"), entry.field("resealed", done.n_resealed)).await
    })
    .await?;
    Ok(done)
}

/// Gives up every sealed value, for a deployment whose key is lost: model providers lose their keys, accounts their Git
/// keys, sign-in providers' users sign in again, agents get new host keys, and workspaces lose the state of Terraform, so
/// what they made must be cleaned up by hand. The next start uses the first external key, else the key file, which is made
/// where it is missing.
///
/// # Errors
/// Fails on a malformed key and on database errors; nothing is given up then.
pub async fn forget(db: &Database, sources: KeySources<'_>) -> AppResult<Forgotten> {
    let external = Sealer::from_texts(sources.external.iter().map(|text| text.expose().as_str()))?;
    let sealer = match external {
        Some(sealer) => sealer,
        None => Sealer::load_or_create(sources.data_dir)?,
    };
    db.write(async |tx| {
        let n_rows = query::sealed::forget_all(tx).await?;
        let jobs = query::jobs::inputs_after(tx, None, u64::MAX).await?;
        for (id, input) in jobs {
            let mut input = JobInput::from_stored(&input)?;
            if input.set_sealed(None) {
                query::jobs::set_input(tx, id, input.to_stored()).await?;
            }
        }
        query::sealing_keys::keep_only(tx, "").await?;
        query::sealing_keys::insert(tx, registration(&sealer, 1, tx.now())).await?;
        let entry = Entry::bare(AuditAction::Delete, ResourceType::SealingKey, Uuid::nil(), "all");
        audit::record(tx, &Origin::system("forget-secrets"), entry.field("rows", n_rows)).await?;
        Ok(Forgotten { n_rows })
    })
    .await
}

async fn reseal_column(
    db: &Database,
    sealer: &Sealer,
    column: SealedColumn,
    n_resealed: &mut u64,
    n_current: &mut u64,
) -> AppResult<()> {
    let mut after = None;
    loop {
        let rows = query::sealed::batch(db.reader(), column, after.as_ref(), BATCH).await?;
        let Some((last, _)) = rows.last() else { return Ok(()) };
        after = Some(last.clone());
        *n_current += count(rows.iter().filter(|(_, sealed)| !sealed.is_empty() && !sealer.is_old(sealed)));
        let old: Vec<_> = rows.into_iter().filter(|(_, sealed)| sealer.is_old(sealed)).collect();
        if old.is_empty() {
            continue;
        }
        *n_resealed += db.write(async |tx| reseal_rows(tx, sealer, column, old).await).await?;
    }
}

async fn reseal_rows(
    tx: &Tx,
    sealer: &Sealer,
    column: SealedColumn,
    rows: Vec<(query::sealed::RowKey, Vec<u8>)>,
) -> AppResult<u64> {
    let mut n_resealed = 0;
    for (key, old) in rows {
        let plain = sealer.open(&old).map_err(|error| unreadable(column.table, &error))?;
        let new = sealer.seal(&plain);
        n_resealed += u64::from(query::sealed::replace(tx, column, &key, old, new).await?);
    }
    Ok(n_resealed)
}

/// Values of variables lie inside the input of jobs.
async fn reseal_jobs(
    db: &Database,
    sealer: &Sealer,
    n_resealed: &mut u64,
    n_current: &mut u64,
) -> AppResult<()> {
    let mut after = None;
    loop {
        let rows = query::jobs::inputs_after(db.reader(), after, BATCH).await?;
        let Some((last, _)) = rows.last() else { return Ok(()) };
        after = Some(*last);
        let mut changed: Vec<(Uuid, Value)> = Vec::new();
        for (id, stored) in rows {
            let mut input = JobInput::from_stored(&stored)?;
            let Some(text) = input.sealed() else { continue };
            let old = BASE64.decode(text).map_err(|_| DbError::Corrupt { what: "job input" })?;
            if !sealer.is_old(&old) {
                *n_current += 1;
                continue;
            }
            let plain = sealer.open(&old).map_err(|error| unreadable("provisioner_jobs", &error))?;
            input.set_sealed(Some(BASE64.encode(sealer.seal(&plain))));
            changed.push((id, input.to_stored()));
        }
        if changed.is_empty() {
            continue;
        }
        // The input of a job is written once, with the job, so nothing can have changed it meanwhile.
        *n_resealed += count(changed.iter());
        db.write(async |tx| {
            for (id, input) in changed {
                query::jobs::set_input(tx, id, input).await?;
            }
            Ok::<_, DbError>(())
        })
        .await?;
    }
}

fn count<T>(items: impl Iterator<Item = T>) -> u64 {
    u64::try_from(items.count()).unwrap_or(u64::MAX)
}

fn unreadable(table: &str, error: &SealError) -> AppError {
    AppError::conflict(format!(
        "A value in the table {table} cannot be opened: {error}. Add the key that is missing to \
         --external-token-encryption-keys and rotate again."
    ))
}
