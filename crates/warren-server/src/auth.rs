//! Who sends a request: a signed-in user or a workspace agent.
//!
//! A token is looked for in the cookie, the query, the `Coder-Session-Token` header, the `Authorization` header and the
//! `access_token` query parameter, in this order; the first found counts, valid or not.

use axum::{
    extract::{FromRequestParts, Query},
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
};
use axum_extra::extract::cookie::CookieJar;
use serde::Deserialize;
use url::Url;
use uuid::Uuid;
use warren_app::{Actor, identity::Session};
use warren_db::query::agent_tokens::AgentOwner;
use warren_vocab::{AgentId, WorkspaceId};

use crate::{
    attempts::Attempt,
    error::{ApiError, ApiResult},
    origin,
    state::AppState,
};

pub(crate) mod limit;

/// Cookie and query name of the session token.
pub(crate) const SESSION_COOKIE: &str = "coder_session_token";
/// Header name of the session token.
pub(crate) const SESSION_HEADER: &str = "coder-session-token";

/// A signed-in user.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) session: Session,
}

impl Caller {
    /// The account with its rights.
    pub(crate) fn actor(&self) -> &Actor {
        &self.session.actor
    }

    /// The account for the use cases of chats.
    pub(crate) fn chat(&self) -> warren_chat::Caller<'_> {
        let Actor { subject, origin, .. } = self.actor();
        warren_chat::Caller { subject, origin }
    }
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        match authenticate(parts, state).await {
            Ok(session) => {
                limit::account(parts, state, &session)?;
                Ok(Self { session })
            }
            Err(error) => {
                // Whoever tries tokens is counted by address.
                limit::address(parts, state)?;
                Err(error)
            }
        }
    }
}

async fn authenticate(parts: &Parts, state: &AppState) -> ApiResult<Session> {
    let found =
        find_token(parts).ok_or_else(|| ApiError::unauthorized("You are not logged in. Log in first."))?;
    if found.from_cookie {
        refuse_cross_origin(parts, &found.token, &state.deployment.access_url)?;
    }
    let mut session = state.app.authenticate(&found.token).await?;
    session.actor.origin = origin::of(parts);
    if let Some(attempt) = parts.extensions.get::<Attempt>() {
        attempt.by(session.actor.id());
    }
    Ok(session)
}

/// An agent of a workspace's newest build.
#[derive(Debug, Clone)]
pub(crate) struct AgentCaller {
    pub(crate) owner: AgentOwner,
}

impl AgentCaller {
    /// The agent's id.
    pub(crate) fn agent_id(&self) -> AgentId {
        AgentId::from_uuid(self.owner.agent.id)
    }

    /// The id of the workspace that the agent runs in.
    pub(crate) fn workspace_id(&self) -> WorkspaceId {
        WorkspaceId::from_uuid(self.owner.workspace.id)
    }
}

impl FromRequestParts<AppState> for AgentCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let refused = || {
            ApiError::unauthorized("The agent token is not valid. Rebuild the workspace to get a new one.")
        };
        let found = find_token(parts).ok_or_else(refused)?;
        let token: Uuid = found.token.parse().map_err(|_| refused())?;
        if let Some(owner) = state.app.authenticate_agent(token).await? {
            limit::agent(parts, state, owner.agent.id)?;
            return Ok(Self { owner });
        }
        limit::address(parts, state)?;
        // Terraform starts agents while it applies, and their tokens are stored when the whole build has ended: an agent
        // that is quicker than the end of its build must come again and not give up.
        let is_building = state.app.is_building().await?;
        match state.app.authenticate_agent(token).await? {
            Some(owner) => Ok(Self { owner }),
            None if is_building => Err(ApiError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "No finished build knows this agent token yet; try again when the running builds have ended.",
            )),
            None => Err(refused()),
        }
    }
}

/// A signed-in user or an agent, for routes that both may ask.
pub(crate) struct UserOrAgent;

impl FromRequestParts<AppState> for UserOrAgent {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        // The tokens of agents are UUIDs, the ones of users never are.
        let is_agent = find_token(parts).is_some_and(|found| found.token.parse::<Uuid>().is_ok());
        if is_agent {
            AgentCaller::from_request_parts(parts, state).await?;
        } else {
            Caller::from_request_parts(parts, state).await?;
        }
        Ok(Self)
    }
}

struct FoundToken {
    token: String,
    from_cookie: bool,
}

#[derive(Default, Deserialize)]
struct QueryTokens {
    coder_session_token: Option<String>,
    access_token: Option<String>,
}

fn find_token(parts: &Parts) -> Option<FoundToken> {
    if let Some(cookie) = CookieJar::from_headers(&parts.headers).get(SESSION_COOKIE) {
        return Some(FoundToken { token: cookie.value().to_owned(), from_cookie: true });
    }
    let QueryTokens { coder_session_token, access_token } = query_tokens(parts);
    let token = coder_session_token
        .or_else(|| header_text(&parts.headers, SESSION_HEADER))
        .or_else(|| bearer(&parts.headers))
        .or(access_token)?;
    Some(FoundToken { token, from_cookie: false })
}

fn query_tokens(parts: &Parts) -> QueryTokens {
    Query::try_from_uri(&parts.uri).map(|Query(tokens)| tokens).unwrap_or_default()
}

fn header_text(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.trim().to_owned())
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let text = header_text(headers, header::AUTHORIZATION.as_str())?;
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}

/// Refuses requests that another site's page makes with the user's cookie: those that change something, and WebSockets,
/// which no same-origin policy protects. A client that also sends the token elsewhere has read it and is trusted, and so
/// is one that sends a bearer token: no page can add that header to a request to another site.
fn refuse_cross_origin(parts: &Parts, token: &str, access_url: &Url) -> Result<(), ApiError> {
    let safe = [Method::GET, Method::HEAD, Method::OPTIONS].contains(&parts.method);
    if safe && !parts.headers.contains_key(header::UPGRADE) {
        return Ok(());
    }
    let in_header = header_text(&parts.headers, SESSION_HEADER);
    let in_query = query_tokens(parts).coder_session_token;
    let knows_token = [in_header, in_query].into_iter().flatten().any(|given| given == token);
    if knows_token || bearer(&parts.headers).is_some() || is_same_origin(&parts.headers, access_url) {
        return Ok(());
    }
    Err(ApiError::bad_request("This request came from another site. Open the dashboard and try there."))
}

/// Refuses what another site's page sends to a route that asks for no session: it must not set the server up, nor sign its
/// visitor in to an account of its choice.
///
/// # Errors
/// 400 for a request of another site's page.
pub(crate) fn refuse_other_sites(headers: &HeaderMap, access_url: &Url) -> Result<(), ApiError> {
    if is_same_origin(headers, access_url) {
        return Ok(());
    }
    Err(ApiError::bad_request("This request came from another site. Open the dashboard and try there."))
}

fn is_same_origin(headers: &HeaderMap, access_url: &Url) -> bool {
    let Some(origin) = header_text(headers, header::ORIGIN.as_str()) else {
        // Browsers send at least one of the two headers with every request considered here; other programs send none.
        let site = header_text(headers, "sec-fetch-site");
        return site.is_none_or(|site| site == "same-origin" || site == "none");
    };
    if origin == access_url.origin().ascii_serialization() {
        return true;
    }
    let authority = origin.split_once("://").map(|(_, authority)| authority.to_owned());
    authority.is_some() && authority == header_text(headers, header::HOST.as_str())
}

#[cfg(test)]
mod tests;
