//! Sessions end when the provider says so: its access token is refreshed on use, and a refusal ends the sessions.

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::oneshot;
use warren_db::{
    channels,
    entity::{api_keys, user_links},
    query,
};
use warren_rt::Secret;
use warren_upstream::UpstreamTokens;
use warren_vocab::{LoginType, UserId};

use crate::{
    App,
    error::{AppError, AppResult},
};

/// How long one server has the task of refreshing a link's tokens; also the pause after a provider that could not be reached.
const LEASE: TimeDelta = TimeDelta::seconds(30);
/// How long a session lives on when its provider cannot be reached.
const GRACE: TimeDelta = TimeDelta::hours(1);

impl App {
    /// Refuses a session whose person the provider does not vouch for any more.
    ///
    /// Of several requests at the same time, also on several servers, one asks the provider and the others go on. A provider
    /// that cannot be reached ends nothing for an hour.
    ///
    /// # Errors
    /// Unauthenticated when the provider refused, or gave no refresh token and its access token has ended.
    pub(crate) async fn check_upstream(&self, key: &api_keys::Model) -> AppResult<()> {
        let login_type = match key.login_type.parse() {
            Ok(login_type @ (LoginType::Oidc | LoginType::Github)) => login_type,
            Ok(LoginType::Password | LoginType::Token | LoginType::None) | Err(_) => return Ok(()),
        };
        let user = UserId::from_uuid(key.user_id);
        let link = query::user_links::of_user(self.db().reader(), user, login_type).await?;
        let Some(link) = link else { return Ok(()) };
        let at = self.now();
        let Some(expired_at) = link.expires_at.filter(|expires_at| *expires_at <= at) else { return Ok(()) };
        if link.sealed_refresh_token.is_empty() {
            end_sessions(self.clone(), user, login_type).await?;
            return Err(ended());
        }
        let is_late = expired_at + GRACE <= at;
        let is_ours = self
            .db()
            .write(async |tx| {
                query::user_links::take_refresh(tx, user, login_type, expired_at, at, at + LEASE).await
            })
            .await?;
        if is_ours {
            return self.refresh_apart(link, login_type, is_late).await;
        }
        // Somebody else has the task, has done it since the link was read, or could not reach the provider just now.
        if is_late { self.refuse_late(user, login_type, at).await } else { Ok(()) }
    }

    /// Refreshes in a task of its own: a request that is given up in the middle must not lose tokens that the provider has
    /// handed out and whose predecessors are void.
    async fn refresh_apart(
        &self,
        link: user_links::Model,
        login_type: LoginType,
        is_late: bool,
    ) -> AppResult<()> {
        let Some(providers) = self.upstream() else { return Err(ended()) };
        let (sender, receiver) = oneshot::channel();
        let app = self.clone();
        providers.tasks.spawn_graceful("refresh of a sign-in", async move {
            // The request may be gone; what was done stays done.
            let _ = sender.send(refresh(app, link, login_type, is_late).await);
        });
        receiver.await.unwrap_or(Err(AppError::Internal { message: "the server is stopping" }))
    }

    async fn refuse_late(&self, user: UserId, login_type: LoginType, at: DateTime<Utc>) -> AppResult<()> {
        let link = query::user_links::of_user(self.db().reader(), user, login_type).await?;
        let is_expired = link.and_then(|link| link.expires_at).is_some_and(|expires_at| expires_at <= at);
        if is_expired { Err(unreachable()) } else { Ok(()) }
    }
}

/// Asks the provider and stores what it says. Everything is owned, as this is spawned.
async fn refresh(app: App, link: user_links::Model, login_type: LoginType, is_late: bool) -> AppResult<()> {
    let user = UserId::from_uuid(link.user_id);
    let plain = app.sealer().open(&link.sealed_refresh_token)?;
    let token = Secret::new(String::from_utf8_lossy(&plain).into_owned());
    let Some(providers) = app.upstream() else { return Err(ended()) };
    match providers.refresh(login_type, &token).await {
        Some(Ok(tokens)) => store(app, link, tokens).await,
        Some(Err(error)) if !error.is_final() => {
            tracing::warn!(%error, user.id = %user, "the sign-in provider could not refresh a session");
            if is_late { Err(unreachable()) } else { Ok(()) }
        }
        Some(Err(error)) => {
            tracing::info!(%error, user.id = %user, "the sign-in provider ended a session");
            end_sessions(app, user, login_type).await?;
            Err(ended())
        }
        None => {
            end_sessions(app, user, login_type).await?;
            Err(ended())
        }
    }
}

async fn store(app: App, link: user_links::Model, tokens: UpstreamTokens) -> AppResult<()> {
    let (used, at) = (link.sealed_refresh_token.clone(), app.now());
    let next = user_links::Model {
        sealed_access_token: app.sealer().seal(tokens.access.expose().as_bytes()),
        sealed_refresh_token: app.sealed_or_empty(tokens.refresh.expose()),
        expires_at: tokens.expiry(at),
        refresh_lease_until: None,
        updated_at: at,
        ..link
    };
    app.db().write(async |tx| Ok(query::user_links::refreshed(tx, next, used).await?)).await
}

/// Ends the sessions that the provider vouched for; tokens that the user made live on.
async fn end_sessions(app: App, user: UserId, login_type: LoginType) -> AppResult<()> {
    app.db()
        .write(async |tx| {
            query::api_keys::delete_sessions_of_type(tx, user, login_type).await?;
            tx.notify(channels::sessions(user), serde_json::Value::Null);
            Ok(())
        })
        .await
}

fn ended() -> AppError {
    AppError::Unauthenticated("Your sign-in at the provider has ended. Log in again.".into())
}

fn unreachable() -> AppError {
    AppError::Unauthenticated(
        "The sign-in provider cannot be reached to renew your session. Try again later.".into(),
    )
}
