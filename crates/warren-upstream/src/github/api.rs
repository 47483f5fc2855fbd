//! The few calls of GitHub's REST API that say who a user is.

use serde::{Deserialize, de::DeserializeOwned};
use url::Url;
use warren_rt::Secret;

use crate::{error::UpstreamError, http::Http};

const PAGE_LEN: usize = 100;
/// Pages of a list that are read at most.
const PAGES_MAX: usize = 20;

/// The API on behalf of one user.
pub(super) struct Api<'a> {
    pub(super) http: &'a Http,
    pub(super) base: Url,
    pub(super) token: &'a Secret<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct User {
    pub(super) id: i64,
    pub(super) login: String,
    pub(super) name: Option<String>,
    pub(super) avatar_url: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Email {
    pub(super) email: String,
    pub(super) primary: bool,
    pub(super) verified: bool,
}

#[derive(Deserialize)]
struct Membership {
    state: String,
    organization: Option<Organization>,
}

#[derive(Deserialize)]
struct Organization {
    login: String,
}

impl Api<'_> {
    pub(super) async fn user(&self) -> Result<User, UpstreamError> {
        self.get(&["user"], &[]).await?.ok_or_else(|| UpstreamError::answer("it knows no such user"))
    }

    pub(super) async fn emails(&self) -> Result<Vec<Email>, UpstreamError> {
        self.list(&["user", "emails"], &[]).await
    }

    /// The organizations that the user is an active member of.
    pub(super) async fn organizations(&self) -> Result<Vec<String>, UpstreamError> {
        let rows: Vec<Membership> =
            self.list(&["user", "memberships", "orgs"], &[("state", "active")]).await?;
        let active = rows.into_iter().filter(|row| row.state == "active");
        Ok(active.filter_map(|row| row.organization).map(|organization| organization.login).collect())
    }

    pub(super) async fn is_in_team(
        &self,
        organization: &str,
        slug: &str,
        login: &str,
    ) -> Result<bool, UpstreamError> {
        let path = ["orgs", organization, "teams", slug, "memberships", login];
        let membership: Option<Membership> = self.get(&path, &[]).await?;
        Ok(membership.is_some_and(|membership| membership.state == "active"))
    }

    async fn list<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Vec<T>, UpstreamError> {
        let mut all = Vec::new();
        for page in 1..=PAGES_MAX {
            let (length, page) = (PAGE_LEN.to_string(), page.to_string());
            let query = [query, &[("per_page", length.as_str()), ("page", page.as_str())]].concat();
            let rows: Vec<T> = self.get(path, &query).await?.unwrap_or_default();
            let is_last = rows.len() < PAGE_LEN;
            all.extend(rows);
            if is_last {
                break;
            }
        }
        Ok(all)
    }

    /// Fetches an object; `None` when it does not exist.
    async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Option<T>, UpstreamError> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = ::http::Request::get(url.as_str())
            .header("accept", "application/vnd.github+json")
            .header("authorization", format!("Bearer {}", self.token.expose()))
            .body(Vec::new())
            .map_err(|_| UpstreamError::answer("its access token cannot be sent"))?;
        let response = self.http.send(request).await?;
        match response.status().as_u16() {
            200..=299 => {}
            404 => return Ok(None),
            status => {
                return Err(UpstreamError::answer(format!(
                    "its API has status {status} for {}",
                    path.join("/")
                )));
            }
        }
        let value = serde_json::from_slice(response.body());
        value.map(Some).map_err(|_| {
            UpstreamError::answer(format!("its API's {} is not of the expected form", path.join("/")))
        })
    }
}
