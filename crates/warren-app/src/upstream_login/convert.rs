//! Changing an account from a password to a provider: the password is checked first, then the person signs in there.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use warren_db::entity::users;
use warren_rt::Secret;
use warren_upstream::FlowSecrets;
use warren_vocab::{AuditAction, LoginType, ResourceType, UserId};

use crate::{
    App,
    actor::Actor,
    audit::Entry,
    error::{AppError, AppResult, Explanation},
    identity::password::{self, Verdict},
};

/// How long the sign-in at the provider may take.
const LIFETIME: TimeDelta = TimeDelta::minutes(5);
/// Keeps other sealed texts from being taken for tickets.
const PURPOSE: &str = "convert-login";

/// The beginning of a change.
#[derive(Debug, Clone)]
pub struct ConvertLogin {
    pub user: UserId,
    pub to: LoginType,
    pub expires_at: DateTime<Utc>,
    /// The state of the sign-in that completes the change.
    pub state: String,
    /// What the browser brings back, sealed.
    pub ticket: Secret<String>,
}

/// Proof that a signed-in user gave their password to change how they sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConvertTicket {
    purpose: String,
    pub user: UserId,
    pub to: LoginType,
    state: String,
    expires_at: DateTime<Utc>,
}

impl App {
    /// Checks the password and gives out what a sign-in at the provider needs to change the account.
    ///
    /// # Errors
    /// Forbidden for other accounts than one's own; invalid when the account has no password, the password is wrong, or the
    /// other way of signing in is not offered.
    pub async fn begin_convert_login(
        &self,
        actor: &Actor,
        user: &users::Model,
        to: LoginType,
        password: String,
    ) -> AppResult<ConvertLogin> {
        if user.id != actor.user.id {
            return Err(AppError::forbidden("Everybody changes the way of signing in for themselves only."));
        }
        if !actor.subject.scope.is_everything() {
            return Err(AppError::forbidden("A token of limited scope cannot change the way you sign in."));
        }
        if user.login_type != LoginType::Password.as_str() {
            return Err(AppError::invalid("Your account signs in without a password already."));
        }
        if !self.offers(to) {
            return Err(AppError::field("to_type", "is not a way of signing in that this server offers"));
        }
        let stored = Some(user.hashed_password.clone());
        if password::verify(self.hashing(), password, stored).await? == Verdict::Wrong {
            self.note_wrong_password(actor).await?;
            let wrong = Explanation::new("The password is wrong.").field("password", "is wrong");
            return Err(AppError::Invalid(wrong));
        }
        let state = FlowSecrets::random().state.into_exposed();
        let expires_at = self.now() + LIFETIME;
        let ticket = ConvertTicket {
            purpose: PURPOSE.to_owned(),
            user: actor.id(),
            to,
            state: state.clone(),
            expires_at,
        };
        let text = serde_json::to_vec(&ticket)
            .map_err(|_| AppError::Internal { message: "a ticket could not be written" })?;
        let ticket = Secret::new(URL_SAFE_NO_PAD.encode(self.sealer().seal(&text)));
        Ok(ConvertLogin { user: actor.id(), to, expires_at, state, ticket })
    }

    /// Reads a ticket that came back with the state of a sign-in; `None` when it belongs to another sign-in.
    ///
    /// # Errors
    /// Invalid when it is forged or too old.
    pub fn read_ticket(&self, sealed: &str, state: &str, to: LoginType) -> AppResult<Option<ConvertTicket>> {
        let opened = URL_SAFE_NO_PAD.decode(sealed).ok().and_then(|bytes| self.sealer().open(&bytes).ok());
        let ticket: Option<ConvertTicket> = opened.and_then(|text| serde_json::from_slice(&text).ok());
        let ticket = ticket.filter(|ticket| ticket.purpose == PURPOSE);
        let ticket = ticket.ok_or_else(|| {
            AppError::invalid(
                "The change of the way you sign in is not valid. Begin it again in your account's settings.",
            )
        })?;
        if ticket.state != state || ticket.to != to {
            return Ok(None);
        }
        if ticket.expires_at <= self.now() {
            return Err(AppError::invalid(
                "The change of the way you sign in took longer than five minutes. Begin it again in your account's settings.",
            ));
        }
        Ok(Some(ticket))
    }

    async fn note_wrong_password(&self, actor: &Actor) -> AppResult<()> {
        let (id, name) = (actor.user.id, &actor.user.username);
        let entry = Entry::bare(AuditAction::Create, ResourceType::ConvertLogin, id, name).status(400);
        self.record_failure(actor, entry).await;
        Ok(())
    }
}
