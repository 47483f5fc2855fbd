//! Keys: sessions that a program asks for, and named tokens with scopes, a lifetime and a list of objects.

use chrono::TimeDelta;
use serde_json::Value;
use warren_authz::{Action, Object, Resource, Scope};
use warren_db::{
    DbError, channels,
    entity::{api_keys, users},
    query::{self, api_keys::TokenFilter},
};
use warren_vocab::{LoginType, UserId};

use crate::{
    App,
    actor::Actor,
    audit::{self, Entry},
    error::{AppError, AppResult},
    identity::{
        SessionToken,
        token::{self, NewKey, SCOPE_ALL},
    },
    users as accounts,
};

mod request;

pub use request::NewToken;

/// A token with the name of its account.
#[derive(Debug, Clone)]
pub struct OwnedToken {
    pub key: api_keys::Model,
    pub username: String,
}

/// Which tokens somebody wants to see.
#[derive(Debug, Clone, Copy, Default)]
pub struct TokenSearch {
    /// Those of every account that the caller may see.
    pub everybody: bool,
    /// Also those that ran out.
    pub expired: bool,
}

impl App {
    /// Makes a key that works like a session, for a program that a person signs in.
    ///
    /// # Errors
    /// Forbidden when the caller's own key may not do everything.
    pub async fn create_session_key(&self, actor: &Actor, user: &users::Model) -> AppResult<SessionToken> {
        let id = self.check_may_create(actor, user)?;
        if !actor.subject.scope.is_everything() {
            return Err(wider_than_own());
        }
        let lifetime = self.config().session.default_token_lifetime;
        let lifetime = TimeDelta::from_std(lifetime).unwrap_or(TimeDelta::MAX);
        let login_type = user.login_type.parse().unwrap_or(LoginType::Password);
        let (token, key) = token::issue(NewKey::session(id, login_type, lifetime, self.now(), &actor.origin));
        self.store(actor, key).await?;
        Ok(token)
    }

    /// Makes a named token.
    ///
    /// # Errors
    /// Invalid for a field, conflict when the account has a token of the name, forbidden when the token could do more
    /// than the key that asks for it.
    pub async fn create_token(
        &self,
        actor: &Actor,
        user: &users::Model,
        new: NewToken,
    ) -> AppResult<SessionToken> {
        let id = self.check_may_create(actor, user)?;
        let session = &self.config().session;
        let asked = request::check(new, session.default_token_lifetime, self.max_token_lifetime(user))?;
        let scope = Scope::from_names(&asked.scopes, &asked.allow_list)
            .map_err(|error| AppError::field("scopes", error.to_string()))?;
        if !actor.subject.scope.covers(&scope) {
            return Err(wider_than_own());
        }
        let (token, key) = token::issue(NewKey {
            token_name: asked.name.clone(),
            scopes: asked.scopes,
            allow_list: asked.allow_list,
            ..NewKey::session(id, LoginType::Token, asked.lifetime, self.now(), &actor.origin)
        });
        self.store(actor, key).await.map_err(|error| match error {
            AppError::Db(error) if error.is_unique("api_keys_token_name") => {
                AppError::name_taken(format!("A token with name {:?} already exists.", asked.name))
            }
            other => other,
        })?;
        Ok(token)
    }

    /// The longest life that a token of the account may have.
    pub fn max_token_lifetime(&self, user: &users::Model) -> TimeDelta {
        let session = &self.config().session;
        let max = if accounts::is_owner(user) {
            session.max_admin_token_lifetime
        } else {
            session.max_token_lifetime
        };
        TimeDelta::from_std(max).unwrap_or(TimeDelta::MAX)
    }

    /// The longest life that a token of the account may have, for whoever may see its tokens.
    pub fn token_config(&self, actor: &Actor, user: &users::Model) -> AppResult<TimeDelta> {
        actor.check(Action::Read, &keys_of(user))?;
        Ok(self.max_token_lifetime(user))
    }

    /// Lists tokens, the newest first.
    pub async fn list_tokens(
        &self,
        actor: &Actor,
        user: &users::Model,
        search: TokenSearch,
    ) -> AppResult<Vec<OwnedToken>> {
        let valid_at = (!search.expired).then(|| self.now());
        let own = Some(UserId::from_uuid(user.id));
        let user = if search.everybody {
            let filter = warren_authz::list_filter(&actor.subject, Resource::ApiKey);
            if filter.is_empty() {
                return Ok(Vec::new());
            }
            if filter.all { None } else { Some(actor.id()) }
        } else {
            actor.check(Action::Read, &keys_of(user))?;
            own
        };
        let keys = query::api_keys::tokens(self.db().reader(), TokenFilter { user, valid_at }).await?;
        let ids: Vec<_> = keys.iter().map(|key| key.user_id).collect();
        let owners = query::users::names(self.db().reader(), &ids).await?;
        let owned = |key: api_keys::Model| OwnedToken {
            username: owners.get(&key.user_id).cloned().unwrap_or_default(),
            key,
        };
        Ok(keys.into_iter().map(owned).collect())
    }

    /// Finds a token of an account by name.
    pub async fn find_token(
        &self,
        actor: &Actor,
        user: &users::Model,
        name: &str,
    ) -> AppResult<api_keys::Model> {
        actor.check(Action::Read, &keys_of(user))?;
        let found = query::api_keys::by_name(self.db().reader(), UserId::from_uuid(user.id), name).await?;
        found.ok_or(AppError::NotFound)
    }

    /// Finds a key of an account by its id, the first part of the token.
    pub async fn find_key(&self, actor: &Actor, user: &users::Model, id: &str) -> AppResult<api_keys::Model> {
        actor.check(Action::Read, &keys_of(user))?;
        let found = query::api_keys::by_id(self.db().reader(), id).await?;
        found.filter(|key| key.user_id == user.id).ok_or(AppError::NotFound)
    }

    /// Removes a key; whoever uses it is signed out.
    pub async fn delete_key(&self, actor: &Actor, user: &users::Model, id: &str) -> AppResult<()> {
        let key = self.find_key(actor, user, id).await?;
        actor.check(Action::Delete, &keys_of(user))?;
        self.db()
            .write(async |tx| {
                if !query::api_keys::delete(tx, id).await? {
                    return Err(AppError::NotFound);
                }
                tx.notify(channels::sessions(UserId::from_uuid(user.id)), Value::Null);
                Ok(audit::record(tx, actor, Entry::delete(&key)).await?)
            })
            .await
    }

    /// Ends a key and keeps its row, which shows that it was there.
    pub async fn expire_key(&self, actor: &Actor, user: &users::Model, id: &str) -> AppResult<()> {
        let old = self.find_key(actor, user, id).await?;
        actor.check(Action::Update, &keys_of(user))?;
        let at = self.now();
        if old.expires_at <= at {
            return Ok(());
        }
        let new = api_keys::Model { expires_at: at, updated_at: at, ..old.clone() };
        self.db()
            .write(async |tx| {
                query::api_keys::expire(tx, id, at).await?;
                tx.notify(channels::sessions(UserId::from_uuid(user.id)), Value::Null);
                audit::record(tx, actor, Entry::write(&old, &new)).await
            })
            .await?;
        Ok(())
    }

    fn check_may_create(&self, actor: &Actor, user: &users::Model) -> AppResult<UserId> {
        actor.check(Action::Create, &keys_of(user))?;
        Ok(UserId::from_uuid(user.id))
    }

    async fn store(&self, actor: &Actor, key: api_keys::Model) -> AppResult<()> {
        let stored: Result<(), DbError> = self
            .db()
            .write(async |tx| {
                query::api_keys::insert(tx, key.clone()).await?;
                audit::record(tx, actor, Entry::create(&key)).await
            })
            .await;
        Ok(stored?)
    }
}

/// The keys of an account, as what is acted upon.
fn keys_of(user: &users::Model) -> Object {
    Object::owned(Resource::ApiKey, UserId::from_uuid(user.id))
}

fn wider_than_own() -> AppError {
    AppError::forbidden(format!(
        "Forbidden. A key cannot make a key that may do more than itself; sign in, or use a key with the scope {SCOPE_ALL}."
    ))
}
