//! Signing in with another provider: which account a person gets, what is kept in step with the provider, and the session.
//!
//! The conversation with providers is in `warren-upstream`; cookies and pages are the server's.

use serde_json::{Value, json};
use warren_authz::{Action, Object};
use warren_db::{
    DbError, Tx,
    entity::{user_links, users},
    query,
};
use warren_upstream::{UpstreamIdentity, UpstreamTokens};
use warren_vocab::{AuditAction, LoginType, ResourceType, UserId};

use crate::{
    App, Origin,
    actor::Actor,
    audit::{self, Author, Entry},
    error::{AppError, AppResult},
    identity::SessionToken,
};

mod account;
mod convert;
mod providers;
mod refresh;
mod sync;

pub use convert::{ConvertLogin, ConvertTicket};
pub use providers::{UpstreamConfigError, UpstreamProviders};

/// How often a sign-in is tried when another one makes the same account or name at the same time.
const ATTEMPTS: usize = 3;

/// Somebody who comes back from a provider that vouches for them.
#[derive(Debug, Clone)]
pub struct Arrival {
    pub login_type: LoginType,
    pub identity: UpstreamIdentity,
    pub tokens: UpstreamTokens,
    /// What a signed-in user was given to change how they sign in.
    pub ticket: Option<ConvertTicket>,
}

impl App {
    /// Opens a session for somebody whom a provider vouches for, in the account that they are linked to, that they convert,
    /// or that is made for them.
    ///
    /// # Errors
    /// Forbidden when the account signs in another way, is linked to somebody else, or no new accounts are made;
    /// unauthenticated for a suspended account.
    pub async fn upstream_login(&self, origin: &Origin, arrival: &Arrival) -> AppResult<SessionToken> {
        let mut outcome = self.try_upstream_login(origin, arrival).await;
        for _ in 1..ATTEMPTS {
            if !matches!(&outcome, Err(AppError::Db(DbError::Unique { .. }))) {
                break;
            }
            outcome = self.try_upstream_login(origin, arrival).await;
        }
        if let Err(error) = &outcome {
            self.note_refused(origin, arrival, error).await;
        }
        outcome
    }

    /// The claims that the provider sent at the account's last sign-in with OpenID Connect.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when there was none, or the caller's token does not reach personal data.
    pub async fn oidc_claims(&self, actor: &Actor) -> AppResult<Value> {
        actor.check(Action::ReadPersonal, &Object::user(actor.id()))?;
        let link = query::user_links::of_user(self.db().reader(), actor.id(), LoginType::Oidc).await?;
        link.map(|link| link.claims).ok_or(AppError::NotFound)
    }

    async fn try_upstream_login(&self, origin: &Origin, arrival: &Arrival) -> AppResult<SessionToken> {
        self.db()
            .write(async |tx| {
                let (stored, changed) = self.account_of(tx, origin, arrival).await?;
                let user = self.in_step(tx, arrival, stored.is_none(), changed).await?;
                let id = UserId::from_uuid(user.id);
                let author = Author::user(id, origin);
                match &stored {
                    None => audit::record(tx, author, Entry::create(&user)).await?,
                    Some(stored) if *stored != user => {
                        audit::record(tx, author, Entry::write(stored, &user)).await?;
                    }
                    Some(_) => {}
                }
                self.sync_organizations(tx, author, arrival, stored.is_none(), id).await?;
                self.keep_link(tx, arrival, id).await?;
                self.open_session(tx, origin, user, arrival.login_type).await
            })
            .await
    }

    /// Stores what the provider handed out.
    async fn keep_link(&self, tx: &Tx, arrival: &Arrival, user: UserId) -> AppResult<()> {
        let Arrival { login_type, identity, tokens, .. } = arrival;
        let at = self.now();
        let known = query::user_links::of_user(tx, user, *login_type).await?;
        let link = user_links::Model {
            user_id: user.as_uuid(),
            login_type: login_type.to_string(),
            linked_id: identity.linked_id(),
            sealed_access_token: self.sealer().seal(tokens.access.expose().as_bytes()),
            sealed_refresh_token: self.sealed_or_empty(tokens.refresh.expose()),
            expires_at: tokens.expiry(at),
            refresh_lease_until: None,
            claims: json!(identity.claims),
            created_at: known.as_ref().map_or(at, |link| link.created_at),
            updated_at: at,
        };
        match known {
            Some(_) => query::user_links::update(tx, link).await?,
            None => query::user_links::insert(tx, link).await?,
        }
        Ok(())
    }

    /// Values that are not there stay recognisable without opening them.
    fn sealed_or_empty(&self, text: &str) -> Vec<u8> {
        if text.is_empty() { Vec::new() } else { self.sealer().seal(text.as_bytes()) }
    }

    /// Writes down that somebody was refused. They are told the same when that cannot be written.
    async fn note_refused(&self, origin: &Origin, arrival: &Arrival, error: &AppError) {
        let status = match error {
            AppError::Unauthenticated(_) => 401,
            AppError::Forbidden(_) => 403,
            AppError::NotFound
            | AppError::Invalid(_)
            | AppError::Conflict(_)
            | AppError::Gone(_)
            | AppError::NotReady(_)
            | AppError::Precondition(_)
            | AppError::StillUsed(_)
            | AppError::Db(_)
            | AppError::Seal(_)
            | AppError::Internal { .. } => return,
        };
        let (login_type, identity) = (arrival.login_type, &arrival.identity);
        let user = self.user_of(login_type, identity).await;
        let id = user.map(|user| UserId::from_uuid(user.id));
        let object = id.unwrap_or(UserId::nil()).as_uuid();
        let entry = Entry::bare(AuditAction::Login, ResourceType::ApiKey, object, &identity.email)
            .field("login_type", login_type.as_str())
            .status(status);
        let author = Author { user: id, origin };
        self.record_failure(author, entry).await;
    }

    async fn user_of(&self, login_type: LoginType, identity: &UpstreamIdentity) -> Option<users::Model> {
        let reader = self.db().reader();
        let link = query::user_links::by_linked_id(reader, login_type, &identity.linked_id()).await.ok()?;
        match link {
            Some(link) => query::users::by_id(reader, UserId::from_uuid(link.user_id)).await.ok()?,
            None => query::users::by_email(reader, &identity.email).await.ok()?,
        }
    }
}

#[cfg(test)]
mod tests;
