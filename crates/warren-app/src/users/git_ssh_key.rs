//! The key pair that an account's workspaces use for Git over SSH: Ed25519, the private half sealed.

use base64::{Engine, prelude::BASE64_STANDARD};
use rand::Rng;
use ring::signature::{Ed25519KeyPair, KeyPair};
use uuid::Uuid;
use warren_authz::{Action, Object};
use warren_db::{
    entity::{git_ssh_keys, users},
    query,
};
use warren_vocab::{AuditAction, ResourceType, UserId};

use crate::{
    App,
    actor::Actor,
    audit::{self, Entry},
    error::{AppError, AppResult},
};

const ALGORITHM: &str = "ssh-ed25519";
const SEED_LEN: usize = 32;

impl App {
    /// The key pair of an account; the first call makes it.
    pub async fn git_ssh_key(&self, actor: &Actor, user: &users::Model) -> AppResult<git_ssh_keys::Model> {
        let id = UserId::from_uuid(user.id);
        actor.check(Action::ReadPersonal, &Object::user(id))?;
        if let Some(key) = query::git_ssh_keys::by_user(self.db().reader(), id).await? {
            return Ok(key);
        }
        let key = self.new_git_ssh_key(user.id)?;
        self.db()
            .write(async |tx| {
                query::git_ssh_keys::insert_missing(tx, key).await?;
                query::git_ssh_keys::by_user(tx, id).await?.ok_or(AppError::NotFound)
            })
            .await
    }

    /// Replaces the key pair of an account.
    pub async fn regenerate_git_ssh_key(
        &self,
        actor: &Actor,
        user: &users::Model,
    ) -> AppResult<git_ssh_keys::Model> {
        let id = UserId::from_uuid(user.id);
        actor.check(Action::UpdatePersonal, &Object::user(id))?;
        super::check_may_change(actor, user)?;
        let key = self.new_git_ssh_key(user.id)?;
        self.db()
            .write(async |tx| {
                query::git_ssh_keys::replace(tx, key).await?;
                let stored = query::git_ssh_keys::by_user(tx, id).await?.ok_or(AppError::NotFound)?;
                let entry = Entry::bare(AuditAction::Write, ResourceType::GitSshKey, user.id, &user.username);
                audit::record(tx, actor, entry.secret("private_key")).await?;
                Ok(stored)
            })
            .await
    }

    fn new_git_ssh_key(&self, user: Uuid) -> AppResult<git_ssh_keys::Model> {
        let seed: [u8; SEED_LEN] = rand::rng().random();
        let at = self.now();
        Ok(git_ssh_keys::Model {
            user_id: user,
            public_key: public_key(&seed)?,
            sealed_private_key: self.sealer().seal(&seed),
            created_at: at,
            updated_at: at,
        })
    }
}

/// The line of an `authorized_keys` file, with its end.
fn public_key(seed: &[u8; SEED_LEN]) -> AppResult<String> {
    let pair = Ed25519KeyPair::from_seed_unchecked(seed)
        .map_err(|_| AppError::Internal { message: "making an SSH key failed" })?;
    let mut blob = Vec::new();
    for part in [ALGORITHM.as_bytes(), pair.public_key().as_ref()] {
        blob.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        blob.extend(part);
    }
    Ok(format!("{ALGORITHM} {}\n", BASE64_STANDARD.encode(blob)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_key_has_the_form_that_openssh_reads() {
        // The first test vector of RFC 8032.
        let seed = hex::decode("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").unwrap();
        let line = public_key(&seed.try_into().unwrap()).unwrap();
        let blob = line.strip_prefix("ssh-ed25519 ").unwrap().trim_end();
        let blob = BASE64_STANDARD.decode(blob).unwrap();
        assert_eq!(blob[..19], *b"\0\0\0\x0bssh-ed25519\0\0\0\x20");
        assert_eq!(
            hex::encode(&blob[19..]),
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
        );
    }
}
