//! Suspending, activating and deleting accounts, and dormancy.

use chrono::{DateTime, Utc};
use serde_json::Value;
use warren_authz::{Action, Object};
use warren_db::{Tx, channels, entity::users, query};
use warren_vocab::{UserId, UserStatus};

use super::{UserDetail, is_owner, lock_target};
use crate::{
    App, Origin,
    actor::Actor,
    audit::{self, Entry},
    error::{AppError, AppResult},
};

/// Accounts that one look for idle ones handles.
const IDLE_BATCH: u64 = 100;

impl App {
    /// Keeps an account out until it is activated; its sessions end.
    ///
    /// # Errors
    /// Invalid for the caller's own account and for owners.
    pub async fn suspend_user(&self, actor: &Actor, user: &users::Model) -> AppResult<UserDetail> {
        self.set_status(actor, user, UserStatus::Suspended).await
    }

    /// Lets an account in.
    pub async fn activate_user(&self, actor: &Actor, user: &users::Model) -> AppResult<UserDetail> {
        self.set_status(actor, user, UserStatus::Active).await
    }

    async fn set_status(
        &self,
        actor: &Actor,
        user: &users::Model,
        status: UserStatus,
    ) -> AppResult<UserDetail> {
        let id = UserId::from_uuid(user.id);
        actor.check(Action::Update, &Object::user(id))?;
        let suspends = status == UserStatus::Suspended;
        if suspends && id == actor.id() {
            return Err(AppError::invalid("You cannot suspend yourself."));
        }
        let changed = self
            .db()
            .write(async |tx| {
                let old = lock_target(tx, actor, id).await?;
                if suspends && is_owner(&old) {
                    let message = "You cannot suspend a user with the \"owner\" role. Remove the role first.";
                    return Err(AppError::invalid(message));
                }
                let new = users::Model { status: status.to_string(), updated_at: self.now(), ..old.clone() };
                query::users::update(tx, new.clone()).await?;
                tx.notify(channels::sessions(id), Value::Null);
                audit::record(tx, actor, Entry::write(&old, &new)).await?;
                Ok(new)
            })
            .await?;
        self.user_detail(changed).await
    }

    /// Deletes an account for good, as far as anybody can see: its name is free again and its keys are gone.
    ///
    /// # Errors
    /// Forbidden for the caller's own account, [`AppError::StillUsed`] while it owns workspaces.
    pub async fn delete_user(&self, actor: &Actor, user: &users::Model) -> AppResult<()> {
        let id = UserId::from_uuid(user.id);
        actor.check(Action::Delete, &Object::user(id))?;
        if id == actor.id() {
            return Err(AppError::forbidden("You cannot delete yourself!"));
        }
        self.db()
            .write(async |tx| {
                let old = lock_target(tx, actor, id).await?;
                let owned = query::workspaces::Filter { owner: Some(id), ..Default::default() };
                if query::workspaces::count(tx, &owned).await? > 0 {
                    let message = "You cannot delete a user that has workspaces. Delete their workspaces and try again!";
                    return Err(AppError::StillUsed(message.into()));
                }
                let new = users::Model { deleted: true, updated_at: self.now(), ..old.clone() };
                query::users::update(tx, new.clone()).await?;
                query::api_keys::delete_of_user(tx, id).await?;
                query::organizations::delete_memberships(tx, id).await?;
                tx.notify(channels::sessions(id), Value::Null);
                Ok(audit::record(tx, actor, Entry::delete(&old)).await?)
            })
            .await
    }

    /// Makes the accounts dormant that nobody used since the given time, and says how many.
    pub async fn make_idle_users_dormant(&self, since: DateTime<Utc>) -> AppResult<u64> {
        let origin = Origin::system("dormancy");
        let mut count = 0;
        loop {
            let idle = query::users::idle(self.db().reader(), since, IDLE_BATCH).await?;
            if idle.is_empty() {
                return Ok(count);
            }
            for user in idle {
                let id = UserId::from_uuid(user.id);
                self.db().write(async |tx| make_dormant(tx, &origin, id, since).await).await?;
                count += 1;
            }
        }
    }
}

/// Makes one account dormant, unless it was used in the meantime.
async fn make_dormant(tx: &Tx, origin: &Origin, id: UserId, since: DateTime<Utc>) -> AppResult<()> {
    let Some(old) = query::users::locked(tx, id).await? else { return Ok(()) };
    let was_seen = old.last_seen_at.is_some_and(|seen| seen >= since);
    if was_seen || old.status != UserStatus::Active.as_str() {
        return Ok(());
    }
    let new = users::Model { status: UserStatus::Dormant.to_string(), updated_at: tx.now(), ..old.clone() };
    query::users::update(tx, new.clone()).await?;
    Ok(audit::record(tx, origin, Entry::write(&old, &new)).await?)
}
