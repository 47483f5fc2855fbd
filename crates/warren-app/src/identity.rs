//! Accounts, passwords and sessions.

use chrono::TimeDelta;
use serde_json::json;
use uuid::Uuid;
use warren_authz::{Action, Object, Resource, SiteRole};
use warren_db::{
    DbError,
    entity::{api_keys, organization_members, users},
    query::{self, agent_tokens::AgentOwner},
};
use warren_vocab::{LoginType, OrganizationId, UserId, UserStatus, Username};

use crate::{
    App,
    actor::Actor,
    error::{AppError, AppResult, Explanation},
    now,
};

mod password;
mod token;

pub use password::check_strength;
pub use token::{SessionToken, hash_agent_token};

/// How long a session lives after its last use.
const SESSION_LIFETIME: TimeDelta = TimeDelta::hours(24);
/// A session's use is written down at most this often.
const TOUCH_INTERVAL: TimeDelta = TimeDelta::hours(1);

/// The first account, as its owner chose it.
#[derive(Debug, Clone)]
pub struct FirstUser {
    pub email: String,
    pub username: String,
    pub name: String,
    pub password: String,
}

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub struct Session {
    pub actor: Actor,
    pub key: api_keys::Model,
}

/// An account with its memberships.
#[derive(Debug, Clone)]
pub struct UserDetail {
    pub user: users::Model,
    pub memberships: Vec<organization_members::Model>,
}

impl App {
    /// Whether the deployment has an account.
    pub async fn has_users(&self) -> AppResult<bool> {
        Ok(query::users::any(self.db().reader()).await?)
    }

    /// Makes the first account, an owner and a member of the default organization.
    ///
    /// # Errors
    /// Conflict when an account exists; invalid when a field is.
    pub async fn create_first_user(&self, first: FirstUser) -> AppResult<(UserId, OrganizationId)> {
        check_first_user(&first)?;
        let hashed_password = password::hash(self.hashing(), first.password).await?;
        let at = now();
        let user = users::Model {
            name: first.name,
            hashed_password,
            roles: json!([SiteRole::Owner.as_str()]),
            ..users::Model::new(first.email.trim(), first.username, LoginType::Password, at)
        };
        self.db()
            .write(async |tx| {
                if query::users::any(tx).await? {
                    return Err(AppError::conflict("The initial user has already been created."));
                }
                let organization = query::organizations::default(tx).await?;
                let organization = organization.ok_or(DbError::NotFound { what: "default organization" })?.id;
                let (id, roles) = (user.id, json!([]));
                query::users::insert(tx, user).await?;
                let (created_at, updated_at) = (at, at);
                let member = organization_members::Model {
                    organization_id: organization,
                    user_id: id,
                    roles,
                    created_at,
                    updated_at,
                };
                query::organizations::insert_member(tx, member).await?;
                Ok((UserId::from_uuid(id), OrganizationId::from_uuid(organization)))
            })
            .await
    }

    /// Checks an e-mail address and password and opens a session.
    ///
    /// # Errors
    /// Unauthenticated for a wrong pair or a suspended account, forbidden for accounts that sign in another way.
    pub async fn login(&self, email: &str, password: String) -> AppResult<SessionToken> {
        let user = query::users::by_email(self.db().reader(), email.trim()).await?;
        let stored = user.as_ref().map(|user| user.hashed_password.clone());
        let right = password::verify(self.hashing(), password, stored).await?;
        let Some(user) = user.filter(|_| right) else {
            return Err(AppError::Unauthenticated("Incorrect email or password.".into()));
        };
        check_may_login(&user)?;
        let (token, key) = token::session(UserId::from_uuid(user.id), now(), SESSION_LIFETIME);
        self.db()
            .write(async |tx| {
                query::api_keys::delete_expired(tx, now() - TimeDelta::days(7)).await?;
                query::users::touch(tx, UserId::from_uuid(user.id), now(), UserStatus::Active.as_str())
                    .await?;
                query::api_keys::insert(tx, key).await
            })
            .await?;
        Ok(token)
    }

    /// Ends the session.
    pub async fn logout(&self, session: &Session) -> AppResult<()> {
        self.db().write(async |tx| query::api_keys::delete(tx, &session.key.id).await).await?;
        Ok(())
    }

    /// Finds the session of a token and notes its use.
    ///
    /// # Errors
    /// Unauthenticated when the token is malformed, unknown, expired or its account may not sign in.
    pub async fn authenticate(&self, token: &str) -> AppResult<Session> {
        let refused = |message: &str| AppError::Unauthenticated(message.into());
        let Some((id, secret)) = token::split(token) else {
            return Err(refused("The session token is not valid. Log in again."));
        };
        let key = query::api_keys::by_id(self.db().reader(), id).await?;
        let Some(key) = key.filter(|key| token::matches(secret, &key.hashed_secret)) else {
            return Err(refused("The session token is not valid. Log in again."));
        };
        if key.expires_at <= now() {
            return Err(refused("The session has expired. Log in again."));
        }
        let actor = Actor::load(self.db().reader(), UserId::from_uuid(key.user_id)).await.map_err(
            |error| match error {
                AppError::NotFound => refused("The session's account does not exist any more."),
                other => other,
            },
        )?;
        if actor.user.status == UserStatus::Suspended.as_str() {
            return Err(suspended());
        }
        self.note_use(&key).await?;
        Ok(Session { actor: actor.limited_by(&key)?, key })
    }

    /// Looks a session up anew, for a connection that outlives the request that opened it, and returns its rights now.
    ///
    /// # Errors
    /// Unauthenticated when the session was ended or has expired, or its account may not sign in any more.
    pub async fn recheck(&self, session: &Session) -> AppResult<Actor> {
        let ended = || AppError::Unauthenticated("Your session has ended. Log in again.".into());
        let key = query::api_keys::by_id(self.db().reader(), &session.key.id).await?;
        let key = key.filter(|key| key.hashed_secret == session.key.hashed_secret).ok_or_else(ended)?;
        let actor = self.actor(UserId::from_uuid(key.user_id)).await?;
        if key.expires_at <= now() || actor.user.status == UserStatus::Suspended.as_str() {
            return Err(ended());
        }
        actor.limited_by(&key)
    }

    /// Finds the agent of a token, with the workspace it runs in; replaced agents are not found.
    pub async fn authenticate_agent(&self, token: Uuid) -> AppResult<Option<AgentOwner>> {
        let hash = hash_agent_token(token);
        Ok(query::agent_tokens::by_token_hash(self.db().reader(), &hash).await?)
    }

    /// Reports whether a workspace build is running, whose agents may start before their tokens are stored.
    pub async fn is_building(&self) -> AppResult<bool> {
        Ok(query::jobs::is_building(self.db().reader()).await?)
    }

    /// Loads the rights of an account for work that the server does on its behalf.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when the account does not exist any more.
    pub async fn actor(&self, user: UserId) -> AppResult<Actor> {
        Actor::load(self.db().reader(), user).await
    }

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
        let rows = query::organizations::memberships(self.db().reader(), &ids).await?;
        let detail = |user: users::Model| {
            let memberships = rows.iter().filter(|row| row.user_id == user.id).cloned().collect();
            UserDetail { user, memberships }
        };
        Ok(users.into_iter().map(detail).collect())
    }

    /// Lists the accounts that the caller may read, with their number.
    pub async fn list_users(&self, actor: &Actor, page: query::Page) -> AppResult<(Vec<UserDetail>, u64)> {
        let reader = self.db().reader();
        let readable = warren_authz::list_filter(&actor.subject, Resource::User);
        let users = query::users::list(reader, &readable, page).await?;
        let count = query::users::count(reader, &readable).await?;
        Ok((self.user_details(users).await?, count))
    }

    async fn note_use(&self, key: &api_keys::Model) -> AppResult<()> {
        let at = now();
        if key.last_used_at.is_some_and(|last| at - last < TOUCH_INTERVAL) {
            return Ok(());
        }
        let session = key.login_type != LoginType::Token.as_str();
        let lifetime = TimeDelta::seconds(key.lifetime_seconds);
        let expires_at = if session { key.expires_at.max(at + lifetime) } else { key.expires_at };
        let user = UserId::from_uuid(key.user_id);
        self.db()
            .write(async |tx| {
                query::api_keys::touch(tx, &key.id, at, expires_at).await?;
                query::users::touch(tx, user, at, UserStatus::Active.as_str()).await
            })
            .await?;
        Ok(())
    }
}

fn check_first_user(first: &FirstUser) -> AppResult<()> {
    let mut explanation = Explanation::new("Validation failed.");
    let (local, domain) = first.email.trim().split_once('@').unwrap_or_default();
    if local.is_empty() || domain.is_empty() || first.email.trim().contains(char::is_whitespace) {
        explanation = explanation.field("email", "must be an e-mail address");
    }
    if let Err(error) = Username::parse(&first.username) {
        explanation = explanation.field("username", error.to_string());
    }
    if let Err(reason) = check_strength(&first.password) {
        explanation = explanation.field("password", reason);
    }
    if explanation.validations.is_empty() { Ok(()) } else { Err(AppError::Invalid(explanation)) }
}

fn check_may_login(user: &users::Model) -> AppResult<()> {
    if user.login_type != LoginType::Password.as_str() {
        let message = format!("This account signs in with {}, not with a password.", user.login_type);
        return Err(AppError::forbidden(message));
    }
    if user.status == UserStatus::Suspended.as_str() {
        return Err(suspended());
    }
    Ok(())
}

fn suspended() -> AppError {
    AppError::Unauthenticated(
        "Your account is suspended. Contact an admin to reactivate your account.".into(),
    )
}
