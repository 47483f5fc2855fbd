//! Changing a password.

use serde_json::Value;
use warren_authz::{
    Action, Object, OrganizationRole, SiteRole,
    role::{may_assign_organization_role, may_assign_site_role},
};
use warren_db::{Tx, channels, entity::users, query};
use warren_vocab::{LoginType, OrganizationId, UserId};

use super::lock_target;
use crate::{
    App,
    actor::{Actor, names},
    audit::{self, Author, Entry},
    error::{AppError, AppResult, Explanation},
    identity::{
        check_strength,
        password::{self, Verdict},
    },
};

impl App {
    /// Sets a password and ends every session and token of the account.
    ///
    /// # Errors
    /// Invalid when the account does not use a password, the old one is wrong, or the new one is weak or the old one.
    pub async fn change_password(
        &self,
        actor: &Actor,
        user: &users::Model,
        old_password: String,
        new_password: String,
    ) -> AppResult<()> {
        let id = UserId::from_uuid(user.id);
        actor.check(Action::UpdatePersonal, &Object::user(id))?;
        super::check_may_change(actor, user)?;
        if !actor.subject.scope.is_everything() {
            return Err(AppError::forbidden("A token of limited scope cannot change passwords."));
        }
        if id != actor.id() {
            self.check_may_give_roles_of(actor, user).await?;
        }
        if user.login_type != LoginType::Password.as_str() {
            let message = "Users without password login type cannot change their password.";
            return Err(AppError::invalid(message));
        }
        check_strength(&new_password).map_err(|reason| {
            AppError::Invalid(Explanation::new("Invalid password.").field("password", reason))
        })?;
        if id == actor.id() || !old_password.is_empty() {
            self.check_old_password(user, old_password).await?;
        }
        self.refuse_same_password(user, new_password.clone()).await?;
        let hashed_password = password::hash(self.hashing(), new_password).await?;
        self.db()
            .write(async |tx| {
                let current = lock_target(tx, actor, id).await?;
                self.set_password(tx, actor.into(), current, hashed_password).await
            })
            .await
    }

    /// Who sets the password of an account can sign in as it, so they must be able to give all that it may do.
    async fn check_may_give_roles_of(&self, actor: &Actor, user: &users::Model) -> AppResult<()> {
        let id = UserId::from_uuid(user.id);
        let mut site = names(&user.roles).filter_map(SiteRole::parse);
        let memberships = query::organizations::memberships(self.db().reader(), &[id]).await?;
        let may_give_all = site.all(|role| may_assign_site_role(&actor.subject, role))
            && memberships.iter().all(|one| {
                let organization = OrganizationId::from_uuid(one.organization_id);
                let mut roles = names(&one.roles).map(OrganizationRole::parse);
                roles.all(|role| may_assign_organization_role(&actor.subject, organization, role))
            });
        if may_give_all {
            return Ok(());
        }
        let text = "Forbidden. Only somebody who may give all roles of this account may set its password.";
        Err(AppError::forbidden(text))
    }

    async fn check_old_password(&self, user: &users::Model, given: String) -> AppResult<()> {
        let stored = Some(user.hashed_password.clone());
        if password::verify(self.hashing(), given, stored).await? == Verdict::Wrong {
            let explanation = Explanation::new("Old password is incorrect.");
            return Err(AppError::Invalid(explanation.field("old_password", "Old password is incorrect.")));
        }
        Ok(())
    }

    /// Refuses a new password that is the one there is.
    pub(crate) async fn refuse_same_password(&self, user: &users::Model, new: String) -> AppResult<()> {
        let stored = Some(user.hashed_password.clone());
        if password::verify(self.hashing(), new, stored).await? != Verdict::Wrong {
            return Err(AppError::invalid("New password cannot match old password."));
        }
        Ok(())
    }

    /// Stores a hash, forgets the passcode and ends every session and token of the account.
    pub(crate) async fn set_password(
        &self,
        tx: &Tx,
        author: Author<'_>,
        current: users::Model,
        hashed_password: String,
    ) -> AppResult<()> {
        let id = UserId::from_uuid(current.id);
        let new = users::Model {
            hashed_password,
            hashed_one_time_passcode: None,
            one_time_passcode_expires_at: None,
            updated_at: self.now(),
            ..current.clone()
        };
        query::users::update(tx, new.clone()).await?;
        query::api_keys::delete_of_user(tx, id).await?;
        tx.notify(channels::sessions(id), Value::Null);
        Ok(audit::record(tx, author, Entry::write(&current, &new)).await?)
    }
}
