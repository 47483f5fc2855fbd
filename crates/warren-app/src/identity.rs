//! Signing in: the first account, passwords, sessions and what their use leaves behind.
//!
//! Must not know how tokens travel (the server does) or how other services vouch for people.

use serde_json::json;
use uuid::Uuid;
use warren_authz::SiteRole;
use warren_db::{
    DbError,
    entity::{api_keys, organization_members, users},
    query::{self, agent_tokens::AgentOwner},
};
use warren_vocab::{LoginType, OrganizationId, UserId};

use crate::{
    App, Origin,
    actor::Actor,
    audit::{self, Author, Entry},
    error::{AppError, AppResult, Explanation},
};

pub(crate) mod account_fields;
mod passcode;
pub(crate) mod password;
mod sessions;
pub(crate) mod token;
pub(crate) mod uses;

pub use passcode::PASSCODE_LIFETIME;
pub use password::check_strength;
pub use token::{SessionToken, hash_agent_token};

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

impl App {
    /// Whether the deployment was set up.
    pub async fn has_users(&self) -> AppResult<bool> {
        Ok(query::users::any(self.db().reader()).await?)
    }

    /// Makes the first account, an owner and a member of the default organization.
    ///
    /// # Errors
    /// Conflict when an account exists; invalid when a field is.
    pub async fn create_first_user(
        &self,
        origin: &Origin,
        first: FirstUser,
    ) -> AppResult<(UserId, OrganizationId)> {
        let email = account_fields::email(&first.email);
        check_first_user(&first, email.is_ok())?;
        if self.has_users().await? {
            return Err(already_set_up());
        }
        let hashed_password = password::hash(self.hashing(), first.password).await?;
        let user = users::Model {
            name: account_fields::normal_name(&first.name),
            hashed_password,
            roles: json!([SiteRole::Owner.as_str()]),
            ..users::Model::new(email.unwrap_or_default(), first.username, LoginType::Password, self.now())
        };
        self.db().write(async |tx| self.insert_first_user(tx, origin, user).await).await
    }

    async fn insert_first_user(
        &self,
        tx: &warren_db::Tx,
        origin: &Origin,
        user: users::Model,
    ) -> AppResult<(UserId, OrganizationId)> {
        // The lock makes of two first accounts at the same time one that is and one that is refused.
        let organization = query::organizations::lock_default(tx).await?;
        let organization = organization.ok_or(DbError::NotFound { what: "default organization" })?.id;
        if query::users::any(tx).await? {
            return Err(already_set_up());
        }
        let member = organization_members::Model {
            organization_id: organization,
            user_id: user.id,
            roles: json!([]),
            created_at: user.created_at,
            updated_at: user.created_at,
        };
        let id = UserId::from_uuid(user.id);
        query::users::insert(tx, user.clone()).await?;
        query::organizations::insert_member(tx, member).await?;
        audit::record(tx, Author::user(id, origin), Entry::create(&user)).await?;
        Ok((id, OrganizationId::from_uuid(organization)))
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
}

fn check_first_user(first: &FirstUser, is_email_good: bool) -> AppResult<()> {
    let mut explanation = Explanation::new("Validation failed.");
    if !is_email_good {
        explanation = explanation.field("email", "must be an e-mail address");
    }
    if let Err(reason) = account_fields::username(&first.username) {
        explanation = explanation.field("username", reason);
    }
    if let Err(reason) = account_fields::check_name(&first.name) {
        explanation = explanation.field("name", reason);
    }
    if let Err(reason) = check_strength(&first.password) {
        explanation = explanation.field("password", reason);
    }
    explanation.refuse_if_any()
}

fn already_set_up() -> AppError {
    AppError::conflict("The initial user has already been created.")
}
