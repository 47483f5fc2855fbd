//! Sessions: opened by a login, found by their token, checked again while a connection lives, ended.

use chrono::TimeDelta;
use warren_db::{Tx, channels, entity::users, query};
use warren_vocab::{AuditAction, LoginType, ResourceType, UserId, UserStatus};

use super::{
    Session, account_fields,
    password::{self, Verdict},
    token::{self, NewKey, SessionToken},
};
use crate::{
    App, Origin,
    actor::Actor,
    audit::{self, Author, Entry},
    error::{AppError, AppResult},
};

impl App {
    /// Checks an e-mail address and password and opens a session.
    ///
    /// # Errors
    /// Unauthenticated for a wrong pair or a suspended account, forbidden for accounts that sign in another way and
    /// when nobody may sign in with a password.
    pub async fn login(&self, origin: &Origin, email: &str, password: String) -> AppResult<SessionToken> {
        if self.config().session.disable_password_auth {
            return Err(AppError::forbidden("Password authentication is disabled."));
        }
        let email = account_fields::stored(email);
        let user = query::users::by_email(self.db().reader(), &email).await?;
        let outcome = self.login_as(origin, user.clone(), password).await;
        if let Err(error) = &outcome {
            self.note_failed_login(origin, user.as_ref(), &email, error).await;
        }
        outcome
    }

    async fn login_as(
        &self,
        origin: &Origin,
        user: Option<users::Model>,
        password: String,
    ) -> AppResult<SessionToken> {
        let wrong = || AppError::Unauthenticated("Incorrect email or password.".into());
        let stored = user.as_ref().map(|user| user.hashed_password.clone());
        let verdict = password::verify(self.hashing(), password.clone(), stored).await?;
        let user = user.filter(|_| verdict != Verdict::Wrong).ok_or_else(wrong)?;
        if user.login_type != LoginType::Password.as_str() {
            let message = format!("This account signs in with {}, not with a password.", user.login_type);
            return Err(AppError::forbidden(message));
        }
        let rehashed = match verdict {
            Verdict::Outdated => Some(password::hash(self.hashing(), password).await?),
            Verdict::Right | Verdict::Wrong => None,
        };
        self.db()
            .write(async |tx| {
                let id = UserId::from_uuid(user.id);
                let mut current = query::users::locked(tx, id).await?.ok_or_else(wrong)?;
                // Somebody may have changed the password while it was being compared.
                if current.hashed_password != user.hashed_password {
                    return Err(wrong());
                }
                if let Some(hashed_password) = rehashed {
                    current = users::Model { hashed_password, ..current };
                }
                self.open_session(tx, origin, current, LoginType::Password).await
            })
            .await
    }

    /// Opens a session of an account that has proved who it is, and wakes a dormant one. `user` holds the row that the
    /// transaction has locked; what differs from the stored row is written.
    ///
    /// # Errors
    /// Unauthenticated for a suspended account.
    pub async fn open_session(
        &self,
        tx: &Tx,
        origin: &Origin,
        user: users::Model,
        login_type: LoginType,
    ) -> AppResult<SessionToken> {
        let author = Author::user(UserId::from_uuid(user.id), origin);
        if user.status == UserStatus::Suspended.as_str() {
            return Err(suspended());
        }
        let at = self.now();
        let mut seen = users::Model { last_seen_at: Some(at), ..user.clone() };
        if user.status == UserStatus::Dormant.as_str() {
            seen = users::Model { status: UserStatus::Active.to_string(), updated_at: at, ..seen };
            audit::record(tx, author, Entry::write(&user, &seen)).await?;
        }
        query::users::update(tx, seen).await?;
        let lifetime = TimeDelta::from_std(self.config().session.duration).unwrap_or(TimeDelta::MAX);
        let (token, key) = token::issue(NewKey {
            last_used_at: Some(at),
            ..NewKey::session(UserId::from_uuid(user.id), login_type, lifetime, at, origin)
        });
        audit::record(tx, author, Entry::create(&key).action(AuditAction::Login)).await?;
        query::api_keys::insert(tx, key).await?;
        Ok(token)
    }

    /// Ends the session and, with it, the keys that open the account's workspace applications.
    pub async fn logout(&self, session: &Session) -> AppResult<()> {
        let user = session.actor.id();
        self.db()
            .write(async |tx| {
                query::api_keys::delete(tx, &session.key.id).await?;
                query::api_keys::delete_application_connect(tx, user).await?;
                tx.notify(channels::sessions(user), serde_json::Value::Null);
                let entry = Entry::delete(&session.key).action(AuditAction::Logout);
                audit::record(tx, &session.actor, entry).await
            })
            .await?;
        Ok(())
    }

    /// Finds the session of a token. Its use is written down later, so a full disk or a busy writer keeps nobody out.
    ///
    /// # Errors
    /// Unauthenticated when the token is malformed, unknown, expired or its account may not sign in.
    pub async fn authenticate(&self, token: &str) -> AppResult<Session> {
        let unknown = || AppError::Unauthenticated("The session token is not valid. Log in again.".into());
        let (id, secret) = token::split(token).ok_or_else(unknown)?;
        let session = self.session(id, |hashed| token::matches(secret, hashed)).await?;
        self.uses().note(&session.key, self.config(), self.now());
        Ok(session)
    }

    /// Looks a session up anew, for a connection that outlives the request that opened it, and returns its rights now.
    /// It counts as use.
    ///
    /// # Errors
    /// Unauthenticated when the session was ended or has expired, or its account may not sign in any more.
    pub async fn recheck(&self, session: &Session) -> AppResult<Actor> {
        let current = self.session(&session.key.id, |hashed| *hashed == session.key.hashed_secret).await?;
        self.uses().note(&current.key, self.config(), self.now());
        Ok(current.actor.with_origin(session.actor.origin.clone()))
    }

    /// The one place where a stored key becomes a session.
    async fn session(&self, id: &str, fits: impl Fn(&Vec<u8>) -> bool) -> AppResult<Session> {
        let refused = |message: &str| AppError::Unauthenticated(message.into());
        let key = query::api_keys::by_id(self.db().reader(), id).await?;
        let key = key.filter(|key| fits(&key.hashed_secret));
        let key = key.ok_or_else(|| refused("The session token is not valid. Log in again."))?;
        if key.expires_at <= self.now() {
            return Err(refused("The session has expired. Log in again."));
        }
        let account = match Actor::load(self.db().reader(), UserId::from_uuid(key.user_id)).await {
            Ok(account) => account,
            Err(AppError::NotFound) => {
                return Err(refused("The session's account does not exist any more."));
            }
            Err(error) => return Err(error),
        };
        if account.user.status == UserStatus::Suspended.as_str() {
            return Err(suspended());
        }
        self.check_upstream(&key).await?;
        Ok(Session { actor: account.limited_by(&key)?, key })
    }

    /// Writes down that somebody failed to sign in. They are told the same when that cannot be written.
    async fn note_failed_login(
        &self,
        origin: &Origin,
        user: Option<&users::Model>,
        email: &str,
        error: &AppError,
    ) {
        let status = match error {
            AppError::Unauthenticated(_) => 401,
            AppError::Forbidden(_) => 403,
            _ => return,
        };
        let id = user.map(|user| UserId::from_uuid(user.id));
        let object = id.unwrap_or(UserId::nil()).as_uuid();
        // Who types a password into the wrong field must not find it in the log.
        let target = if email.contains('@') { email } else { "" };
        let entry = Entry::bare(AuditAction::Login, ResourceType::ApiKey, object, target).status(status);
        self.record_failure(Author { user: id, origin }, entry).await;
    }
}

pub(crate) fn suspended() -> AppError {
    AppError::Unauthenticated(
        "Your account is suspended. Contact an admin to reactivate your account.".into(),
    )
}
