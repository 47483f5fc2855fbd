//! One-time passcodes, with which somebody who forgot their password sets a new one.
//!
//! There is no mail server yet, so a passcode reaches nobody: the request is answered and written to the audit log.

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use warren_db::{entity::users, query};
use warren_vocab::{AuditAction, LoginType, ResourceType, UserId, UserStatus};

use super::{account_fields, check_strength, password, token};
use crate::{
    App, Origin,
    audit::{self, Author, Entry},
    error::{AppError, AppResult},
};

/// How long a passcode is good for.
pub const PASSCODE_LIFETIME: TimeDelta = TimeDelta::minutes(20);

impl App {
    /// Makes a passcode for an account that signs in with a password. The answer tells nobody whether there is one.
    pub async fn request_passcode(&self, origin: &Origin, email: &str) -> AppResult<()> {
        let email = account_fields::stored(email);
        let is_known = self
            .db()
            .write(async |tx| {
                let found = query::users::by_email(tx, &email).await?;
                let user = match found {
                    Some(user) => query::users::locked(tx, UserId::from_uuid(user.id)).await?,
                    None => None,
                };
                let Some(user) = user.filter(may_reset) else { return Ok::<_, AppError>(false) };
                let new = users::Model {
                    hashed_one_time_passcode: Some(hashed(&Uuid::new_v4().to_string())),
                    one_time_passcode_expires_at: Some(self.now() + PASSCODE_LIFETIME),
                    ..user.clone()
                };
                query::users::update(tx, new.clone()).await?;
                let entry = Entry::write(&user, &new).action(AuditAction::RequestPasswordReset);
                audit::record(tx, origin, entry).await?;
                Ok(true)
            })
            .await?;
        if !is_known {
            let (action, kind) = (AuditAction::RequestPasswordReset, ResourceType::User);
            self.record_failure(origin, Entry::bare(action, kind, Uuid::nil(), &email)).await;
        }
        Ok(())
    }

    /// Sets a new password with a passcode and ends every session and token of the account.
    ///
    /// # Errors
    /// Invalid for a wrong or old passcode and for a password that is weak or the old one.
    pub async fn change_password_with_passcode(
        &self,
        origin: &Origin,
        email: &str,
        passcode: &str,
        new_password: String,
    ) -> AppResult<()> {
        let wrong = || AppError::invalid("Incorrect email or one-time passcode.");
        check_strength(&new_password).map_err(|reason| AppError::field("password", reason))?;
        let email = account_fields::stored(email);
        let user = query::users::by_email(self.db().reader(), &email).await?;
        let user =
            user.filter(|user| may_reset(user) && fits(user, passcode, self.now())).ok_or_else(wrong)?;
        self.refuse_same_password(&user, new_password.clone()).await?;
        let hashed_password = password::hash(self.hashing(), new_password).await?;
        self.db()
            .write(async |tx| {
                let id = UserId::from_uuid(user.id);
                let current =
                    query::users::locked(tx, id).await?.filter(|user| fits(user, passcode, self.now()));
                let current = current.ok_or_else(wrong)?;
                let author = Author::user(id, origin);
                self.set_password(tx, author, current, hashed_password).await
            })
            .await
    }
}

fn may_reset(user: &users::Model) -> bool {
    user.login_type == LoginType::Password.as_str() && user.status != UserStatus::Suspended.as_str()
}

fn fits(user: &users::Model, passcode: &str, at: DateTime<Utc>) -> bool {
    let is_fresh = user.one_time_passcode_expires_at.is_some_and(|end| at < end);
    let stored = user.hashed_one_time_passcode.as_deref();
    is_fresh && stored.is_some_and(|stored| token::matches(passcode, stored))
}

fn hashed(passcode: &str) -> Vec<u8> {
    Sha256::digest(passcode.as_bytes()).to_vec()
}
