//! The keys by which servers of one deployment know each other. They are sealed in the database and never sent.

use chrono::TimeDelta;
use ring::rand::{SecureRandom, SystemRandom};
use uuid::Uuid;
use warren_db::{Tx, entity::mesh_keys, query};
use warren_rt::Secret;

use crate::{
    App,
    error::{AppError, AppResult},
};

const KEY_LEN: usize = 32;
/// A key that is older is followed by a new one.
const LASTS: TimeDelta = TimeDelta::days(7);
/// How long a key is still accepted after that, for servers that have not looked.
const OVERLAP: TimeDelta = TimeDelta::days(1);

/// A key that all servers of the deployment have.
#[derive(Debug, Clone)]
pub struct MeshKey {
    pub id: Uuid,
    pub secret: Secret<[u8; KEY_LEN]>,
}

impl App {
    /// The keys that are accepted, the newest first. Makes one when there is none or the newest is old.
    ///
    /// # Errors
    /// Fails on database errors.
    pub async fn mesh_keys(&self) -> AppResult<Vec<MeshKey>> {
        let rows = query::mesh_keys::list(self.db().reader()).await?;
        let keys = self.opened(rows.clone());
        let now = query::clock::now(self.db().reader()).await?;
        let is_fresh = |row: &mesh_keys::Model| {
            now - row.created_at < LASTS && keys.first().is_some_and(|key| key.id == row.id)
        };
        if rows.first().is_some_and(is_fresh) {
            return Ok(keys);
        }
        let rows = self.db().write(async |tx| self.renew(tx).await).await?;
        Ok(self.opened(rows))
    }

    async fn renew(&self, tx: &Tx) -> AppResult<Vec<mesh_keys::Model>> {
        let now = query::clock::now(tx).await?;
        let found = query::mesh_keys::list(tx).await?;
        let is_fresh = |row: &mesh_keys::Model| now - row.created_at < LASTS && self.open(row).is_some();
        if !found.first().is_some_and(is_fresh) {
            let mut secret = [0; KEY_LEN];
            let random = SystemRandom::new().fill(&mut secret);
            random.map_err(|_| AppError::Internal { message: "the system gives no random bytes" })?;
            let sealed = self.sealer().seal(&secret);
            let key = mesh_keys::Model { id: Uuid::new_v4(), sealed, created_at: now };
            query::mesh_keys::insert(tx, key).await?;
        }
        query::mesh_keys::remove_older(tx, now - (LASTS + OVERLAP)).await?;
        Ok(query::mesh_keys::list(tx).await?)
    }

    fn opened(&self, rows: Vec<mesh_keys::Model>) -> Vec<MeshKey> {
        rows.iter().filter_map(|row| self.open(row)).collect()
    }

    /// One that is sealed with a key that was given up is no longer of use.
    fn open(&self, row: &mesh_keys::Model) -> Option<MeshKey> {
        let secret = self.sealer().open(&row.sealed).ok()?.try_into().ok()?;
        Some(MeshKey { id: row.id, secret: Secret::new(secret) })
    }
}
