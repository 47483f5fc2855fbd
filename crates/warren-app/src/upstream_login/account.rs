//! Which account somebody who comes from a provider signs in to.

use serde_json::json;
use warren_authz::SiteRole;
use warren_db::{
    DbError, Tx,
    entity::{organization_members, users},
    query,
};
use warren_upstream::{UpstreamIdentity, username};
use warren_vocab::{AuditAction, LoginType, OrganizationId, ResourceType, UserId};

use super::Arrival;
use crate::{
    App, Origin,
    audit::{self, Author, Entry},
    error::{AppError, AppResult},
    identity::account_fields,
};

/// Numbered names that are tried before the account gets a random one.
const NUMBERED_MAX: u32 = 50;

impl App {
    /// Gives the account as it is stored, if it is, and as it shall be. The row is locked.
    pub(super) async fn account_of(
        &self,
        tx: &Tx,
        origin: &Origin,
        arrival: &Arrival,
    ) -> AppResult<(Option<users::Model>, users::Model)> {
        let linked = linked(tx, arrival).await?;
        if let Some(user) = linked {
            if arrival.ticket.as_ref().is_some_and(|ticket| ticket.user.as_uuid() != user.id) {
                return Err(AppError::forbidden(
                    "This person at the sign-in provider belongs to another account already. Sign in there as the \
                     person that your account shall belong to.",
                ));
            }
            if user.login_type != arrival.login_type.as_str() {
                return Err(other_login_type(&user.login_type));
            }
            return Ok((Some(user.clone()), user));
        }
        let email = account_fields::stored(&arrival.identity.email);
        match query::users::by_email(tx, &email).await? {
            Some(found) => {
                let user = query::users::locked(tx, UserId::from_uuid(found.id)).await?;
                let user = user.ok_or(AppError::NotFound)?;
                let changed = self.claimed(tx, origin, arrival, user.clone()).await?;
                Ok((Some(user), changed))
            }
            None if arrival.ticket.is_some() => Err(AppError::forbidden(
                "The sign-in provider knows you under another e-mail address than your account has. Make the two the \
                 same, then try again.",
            )),
            None => Ok((None, self.sign_up(tx, arrival, email).await?)),
        }
    }

    /// Decides whether somebody who is not linked yet may have the account of their address.
    async fn claimed(
        &self,
        tx: &Tx,
        origin: &Origin,
        arrival: &Arrival,
        user: users::Model,
    ) -> AppResult<users::Model> {
        let id = UserId::from_uuid(user.id);
        if let Some(ticket) = &arrival.ticket {
            if ticket.user != id {
                return Err(AppError::forbidden(
                    "The e-mail address at the sign-in provider belongs to another account.",
                ));
            }
            return convert(tx, origin, arrival.login_type, user).await;
        }
        if user.login_type != arrival.login_type.as_str() {
            return Err(other_login_type(&user.login_type));
        }
        let link = query::user_links::of_user(tx, id, arrival.login_type).await?;
        let is_linked = link.is_some_and(|link| !link.linked_id.is_empty());
        let may_take_over = arrival.login_type == LoginType::Oidc && self.config().oidc.email_fallback;
        if is_linked && !may_take_over {
            return Err(AppError::forbidden(
                "The account of your e-mail address is linked to another person at the sign-in provider. Ask an \
                 administrator to change the address of one of the two.",
            ));
        }
        Ok(user)
    }

    /// Makes the row of a new account and, as the first one, the owner of the deployment. Its memberships follow.
    async fn sign_up(&self, tx: &Tx, arrival: &Arrival, email: String) -> AppResult<users::Model> {
        // The lock makes of two first accounts at the same time one that is the first and one that is not.
        let default = query::organizations::lock_default(tx).await?;
        default.ok_or(DbError::NotFound { what: "default organization" })?;
        let is_first = !query::users::any(tx).await?;
        if !is_first && !self.allows_signups(arrival.login_type) {
            return Err(AppError::forbidden(self.signups_disabled_text(arrival.login_type)));
        }
        let roles = if is_first { json!([SiteRole::Owner.as_str()]) } else { json!([]) };
        let username = free_username(tx, &arrival.identity).await?;
        let user =
            users::Model { roles, ..users::Model::new(email, username, arrival.login_type, self.now()) };
        query::users::insert(tx, user.clone()).await?;
        Ok(user)
    }

    fn allows_signups(&self, login_type: LoginType) -> bool {
        let config = self.config();
        match login_type {
            LoginType::Oidc => config.oidc.allow_signups,
            LoginType::Github => config.github.allow_signups,
            LoginType::Password | LoginType::Token | LoginType::None => false,
        }
    }

    fn signups_disabled_text(&self, login_type: LoginType) -> String {
        let text = &self.config().oidc.signups_disabled_text;
        if login_type == LoginType::Oidc && !text.is_empty() {
            return text.clone();
        }
        String::from(
            "You have no account here and new accounts are not made at sign-in. Ask an administrator for one.",
        )
    }

    /// Makes the new account a member of the default organization.
    pub(super) async fn join_default(&self, tx: &Tx, author: Author<'_>, user: UserId) -> AppResult<()> {
        let default = query::organizations::default(tx).await?;
        let default = default.ok_or(DbError::NotFound { what: "default organization" })?;
        join(tx, author, OrganizationId::from_uuid(default.id), user).await
    }
}

/// Adds a membership.
pub(super) async fn join(
    tx: &Tx,
    author: Author<'_>,
    organization: OrganizationId,
    user: UserId,
) -> AppResult<()> {
    let at = tx.now();
    let member = organization_members::Model {
        organization_id: organization.as_uuid(),
        user_id: user.as_uuid(),
        roles: json!([]),
        created_at: at,
        updated_at: at,
    };
    query::organizations::insert_member(tx, member.clone()).await?;
    Ok(audit::record(tx, author, Entry::create(&member)).await?)
}

/// The account that the person is linked to. A link of a deleted account is removed, so that the person starts anew.
async fn linked(tx: &Tx, arrival: &Arrival) -> AppResult<Option<users::Model>> {
    let linked_id = arrival.identity.linked_id();
    let link = query::user_links::by_linked_id(tx, arrival.login_type, &linked_id).await?;
    let Some(link) = link else { return Ok(None) };
    let id = UserId::from_uuid(link.user_id);
    let user = query::users::locked(tx, id).await?;
    if user.is_none() {
        query::user_links::delete_of_user(tx, id).await?;
    }
    Ok(user)
}

/// Lets an account with a password sign in with the provider from now on. Sessions that a password opened end.
async fn convert(tx: &Tx, origin: &Origin, to: LoginType, user: users::Model) -> AppResult<users::Model> {
    let id = UserId::from_uuid(user.id);
    if user.login_type != LoginType::Password.as_str() {
        return Err(AppError::forbidden("Your account signs in without a password already."));
    }
    query::api_keys::delete_sessions(tx, id).await?;
    tx.notify(warren_db::channels::sessions(id), serde_json::Value::Null);
    let entry = Entry::bare(AuditAction::Create, ResourceType::ConvertLogin, user.id, &user.username)
        .field("from", user.login_type.as_str())
        .field("to", to.as_str());
    audit::record(tx, Author::user(id, origin), entry).await?;
    Ok(users::Model {
        login_type: to.to_string(),
        hashed_password: String::new(),
        hashed_one_time_passcode: None,
        one_time_passcode_expires_at: None,
        updated_at: tx.now(),
        ..user
    })
}

async fn free_username(tx: &Tx, identity: &UpstreamIdentity) -> AppResult<String> {
    let wanted = &identity.username;
    if query::users::by_username(tx, wanted).await?.is_none() {
        return Ok(wanted.clone());
    }
    for number in 2..NUMBERED_MAX {
        let name = username::numbered(wanted, number);
        if query::users::by_username(tx, &name).await?.is_none() {
            return Ok(name);
        }
    }
    Ok(username::numbered(wanted, rand::random_range(10_000..1_000_000)))
}

fn other_login_type(login_type: &str) -> AppError {
    if login_type == LoginType::Password.as_str() {
        return AppError::forbidden(
            "An account with your e-mail address signs in with a password. Log in with the password, then change the way \
             you sign in under Account, Security.",
        );
    }
    AppError::forbidden(format!(
        "The account of your e-mail address signs in with {login_type}. Log in that way."
    ))
}
