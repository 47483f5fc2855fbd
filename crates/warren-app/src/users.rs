//! Accounts: found, listed, made, changed, suspended and deleted.
//!
//! Signing in is in [`crate::identity`], what an account chooses for itself in [`settings`].

use warren_authz::{Action, Object, Resource, SiteRole};
use warren_db::{
    DbError, Tx,
    entity::{organization_members, users},
    query::{self, Page},
};
use warren_vocab::UserId;

use crate::{
    App,
    actor::{self, Actor},
    error::{AppError, AppResult, Explanation},
};

pub mod create;
pub mod git_ssh_key;
pub mod password;
pub mod profile;
pub mod quiet_hours;
pub mod search;
pub mod settings;
mod status;

pub use create::NewUser;
pub use profile::NewProfile;

/// An account with its memberships.
#[derive(Debug, Clone)]
pub struct UserDetail {
    pub user: users::Model,
    pub memberships: Vec<organization_members::Model>,
}

impl App {
    /// Finds an account by `me`, id or user name.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when there is none that the caller may read.
    pub async fn find_user(&self, actor: &Actor, which: &str) -> AppResult<users::Model> {
        if which == "me" {
            return Ok(actor.user.clone());
        }
        let found = match which.parse::<UserId>() {
            Ok(id) => query::users::by_id(self.db().reader(), id).await?,
            Err(_) => query::users::by_username(self.db().reader(), which).await?,
        };
        let user = found.ok_or(AppError::NotFound)?;
        actor.check(Action::Read, &Object::user(UserId::from_uuid(user.id)))?;
        Ok(user)
    }

    /// Adds the memberships of accounts.
    pub async fn user_details(&self, users: Vec<users::Model>) -> AppResult<Vec<UserDetail>> {
        let ids: Vec<_> = users.iter().map(|user| UserId::from_uuid(user.id)).collect();
        let mut rows = std::collections::HashMap::<_, Vec<_>>::new();
        for row in query::organizations::memberships(self.db().reader(), &ids).await? {
            rows.entry(row.user_id).or_default().push(row);
        }
        let detail =
            |user: users::Model| UserDetail { memberships: rows.remove(&user.id).unwrap_or_default(), user };
        Ok(users.into_iter().map(detail).collect())
    }

    /// Adds the memberships of one account.
    pub async fn user_detail(&self, user: users::Model) -> AppResult<UserDetail> {
        self.user_details(vec![user]).await?.pop().ok_or(AppError::NotFound)
    }

    /// Lists the accounts that the caller may read, with their number.
    ///
    /// # Errors
    /// Invalid when the search is.
    pub async fn list_users(
        &self,
        actor: &Actor,
        search: &str,
        after: Option<UserId>,
        page: Page,
    ) -> AppResult<(Vec<UserDetail>, u64)> {
        let filter = search::parse(actor, search)?;
        let readable = warren_authz::list_filter(&actor.subject, Resource::User);
        let reader = self.db().reader();
        let users = query::users::list(reader, &readable, &filter, after, page).await?;
        let count = query::users::count(reader, &readable, &filter).await?;
        Ok((self.user_details(users).await?, count))
    }
}

/// Whether an account has the site role `owner`, which only other owners may touch.
pub(crate) fn is_owner(user: &users::Model) -> bool {
    actor::names(&user.roles).any(|name| name == SiteRole::Owner.as_str())
}

/// Refuses changes of an owner by somebody who is none: who may set an owner's password is an owner.
fn check_may_change(actor: &Actor, user: &users::Model) -> AppResult<()> {
    if is_owner(user) && !actor.subject.is_owner() && actor.user.id != user.id {
        return Err(AppError::forbidden("Forbidden. Only an owner may change the account of an owner."));
    }
    Ok(())
}

/// Locks the rows of the caller and of the account that they change, so that two owners cannot remove each other at the
/// same time, and returns the latter as it is now.
pub(crate) async fn lock_target(tx: &Tx, actor: &Actor, target: UserId) -> AppResult<users::Model> {
    let mut ids = [actor.id(), target];
    ids.sort();
    let mut found = None;
    for id in ids {
        let row = query::users::locked(tx, id).await?;
        if id == actor.id() && row.as_ref().is_none_or(|row| row.roles != actor.user.roles) {
            return Err(AppError::forbidden("Forbidden. Your own account has changed in the meantime."));
        }
        if id == target {
            found = row;
        }
    }
    let user = found.ok_or(AppError::NotFound)?;
    check_may_change(actor, &user)?;
    Ok(user)
}

/// Turns a refusal by a unique index into the sentence for it.
pub(crate) fn taken(error: DbError) -> AppError {
    let already = |field: &str| {
        let explanation = Explanation::new("User already exists.");
        AppError::Conflict(explanation.field(field, "This value is already in use and should be unique."))
    };
    if error.is_unique("users_username") {
        return already("username");
    }
    if error.is_unique("users_email") {
        return already("email");
    }
    error.into()
}
