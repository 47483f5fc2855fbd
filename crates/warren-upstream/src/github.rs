//! GitHub and GitHub Enterprise Server: authorization code with PKCE, device flow, who the user is, organizations.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;
use warren_rt::Secret;

use crate::{
    claims::{self, IdentityError, UpstreamIdentity},
    error::UpstreamError,
    flow::{FlowSecrets, UpstreamTokens},
    http::Http,
    username,
};

mod api;
mod token;

const SCOPES: &str = "read:user user:email read:org";

/// What the administrator says about GitHub.
#[derive(Debug, Clone)]
pub struct GithubSettings {
    pub client_id: String,
    /// May be empty when only the device flow is used.
    pub client_secret: Secret<String>,
    /// Where GitHub sends the browser back to.
    pub redirect_url: Url,
    /// The address of an Enterprise Server; `None` for github.com.
    pub enterprise_base_url: Option<Url>,
    /// Lets members of any organization in, and users of none.
    pub allow_everyone: bool,
    pub allowed_orgs: Vec<String>,
    /// `organization/team-slug`; when not empty, the user must be in one of them.
    pub allowed_teams: Vec<String>,
}

/// What the user is shown in the device flow.
#[derive(Debug, Clone, Deserialize)]
pub struct DeviceCode {
    /// Identifies the sign-in to GitHub; a secret of the browser that began it.
    pub device_code: Secret<String>,
    /// What the user types at the address.
    pub user_code: String,
    pub verification_uri: String,
    /// Seconds until the codes are void.
    pub expires_in: i64,
    /// Seconds to wait between polls.
    #[serde(default = "default_interval")]
    pub interval: i64,
}

/// What RFC 8628 says when the provider does not.
fn default_interval() -> i64 {
    5
}

/// GitHub, or one Enterprise Server.
#[derive(Clone)]
pub struct GithubProvider {
    settings: GithubSettings,
    http: Http,
}

impl GithubProvider {
    /// Makes a provider; nothing is contacted.
    pub fn new(settings: GithubSettings) -> Self {
        Self { settings, http: Http::new() }
    }

    /// The URL at which the browser begins to sign in.
    pub fn authorize_url(&self, flow: &FlowSecrets) -> Url {
        let mut url = self.web("login/oauth/authorize");
        url.query_pairs_mut()
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", self.settings.redirect_url.as_str())
            .append_pair("response_type", "code")
            .append_pair("scope", SCOPES)
            .append_pair("state", flow.state.expose())
            .append_pair("code_challenge", &flow.challenge())
            .append_pair("code_challenge_method", "S256");
        url
    }

    /// Exchanges the code that the browser brought back and finds out who it stands for.
    ///
    /// # Errors
    /// Fails when GitHub refuses the code or the user may not sign in.
    pub async fn finish(
        &self,
        flow: &FlowSecrets,
        code: &str,
    ) -> Result<(UpstreamIdentity, UpstreamTokens), UpstreamError> {
        let parameters = [
            ("client_id", self.settings.client_id.as_str()),
            ("client_secret", self.settings.client_secret.expose()),
            ("code", code),
            ("redirect_uri", self.settings.redirect_url.as_str()),
            ("code_verifier", flow.verifier.expose()),
        ];
        let tokens = token::request(&self.http, &self.web("login/oauth/access_token"), &parameters).await?;
        Ok((self.identity(&tokens).await?, tokens))
    }

    /// Begins the device flow.
    ///
    /// # Errors
    /// Fails when GitHub cannot be reached or the application may not use the device flow.
    pub async fn begin_device(&self) -> Result<DeviceCode, UpstreamError> {
        let parameters = [("client_id", self.settings.client_id.as_str()), ("scope", SCOPES)];
        let answer = token::post(&self.http, &self.web("login/device/code"), &parameters).await?;
        let code: DeviceCode = serde_json::from_value(answer)
            .map_err(|_| UpstreamError::answer("its device code is not of the expected form"))?;
        if !claims::is_web_url(&code.verification_uri) {
            return Err(UpstreamError::answer("its verification address is not a web address"));
        }
        Ok(code)
    }

    /// Asks once whether the user has typed the code.
    ///
    /// # Errors
    /// [`UpstreamError::Pending`] when not yet; otherwise as [`Self::finish`].
    pub async fn poll_device(
        &self,
        device_code: &str,
    ) -> Result<(UpstreamIdentity, UpstreamTokens), UpstreamError> {
        let parameters = [
            ("client_id", self.settings.client_id.as_str()),
            ("device_code", device_code),
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ];
        let tokens = token::request(&self.http, &self.web("login/oauth/access_token"), &parameters).await?;
        Ok((self.identity(&tokens).await?, tokens))
    }

    /// Gets a new access token, where the application's tokens expire.
    ///
    /// # Errors
    /// [`UpstreamError::is_final`] tells a refusal from a GitHub that cannot be reached.
    pub async fn refresh(&self, refresh: &Secret<String>) -> Result<UpstreamTokens, UpstreamError> {
        let parameters = [
            ("client_id", self.settings.client_id.as_str()),
            ("client_secret", self.settings.client_secret.expose()),
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh.expose()),
        ];
        let mut tokens =
            token::request(&self.http, &self.web("login/oauth/access_token"), &parameters).await?;
        if tokens.refresh.expose().is_empty() {
            tokens.refresh = refresh.clone();
        }
        Ok(tokens)
    }

    async fn identity(&self, tokens: &UpstreamTokens) -> Result<UpstreamIdentity, UpstreamError> {
        let api = api::Api { http: &self.http, base: self.api(), token: &tokens.access };
        let user = api.user().await?;
        let emails = api.emails().await?;
        let email = primary(&emails).ok_or(IdentityError::NoVerifiedPrimary)?;
        let organizations = self.allowed(&api, &user.login).await?;
        Ok(UpstreamIdentity {
            issuer: String::new(),
            subject: user.id.to_string(),
            username: username::first_usable(&[&user.login, &email]),
            name: claims::shortened(user.name.clone().unwrap_or_default()),
            avatar_url: user.avatar_url.clone().filter(|url| claims::is_web_url(url)).unwrap_or_default(),
            groups: Vec::new(),
            roles: Vec::new(),
            claims: claims_of(&user, &email, &organizations),
            organizations,
            email,
        })
    }

    /// Refuses who is in no allowed organization or team, and gives the organizations of who is.
    async fn allowed(&self, api: &api::Api<'_>, login: &str) -> Result<Vec<String>, UpstreamError> {
        let GithubSettings { allow_everyone, allowed_orgs, allowed_teams, .. } = &self.settings;
        if *allow_everyone {
            return Ok(Vec::new());
        }
        let organizations = api.organizations().await?;
        let is_member =
            |allowed: &String| organizations.iter().any(|name| name.eq_ignore_ascii_case(allowed));
        if !allowed_orgs.iter().any(is_member) {
            return Err(IdentityError::Organization { organizations: allowed_orgs.clone() }.into());
        }
        if allowed_teams.is_empty() {
            return Ok(organizations);
        }
        for team in allowed_teams {
            let Some((organization, slug)) = team.split_once('/') else { continue };
            let is_in = organizations.iter().any(|name| name.eq_ignore_ascii_case(organization));
            if is_in && api.is_in_team(organization, slug, login).await? {
                return Ok(organizations);
            }
        }
        Err(IdentityError::Team { teams: allowed_teams.clone() }.into())
    }

    fn web(&self, path: &str) -> Url {
        let base = self.settings.enterprise_base_url.clone();
        below(&base.unwrap_or_else(|| fixed("https://github.com/")), path)
    }

    fn api(&self) -> Url {
        match &self.settings.enterprise_base_url {
            Some(base) => below(base, "api/v3/"),
            None => fixed("https://api.github.com/"),
        }
    }
}

fn primary(emails: &[api::Email]) -> Option<String> {
    let found = emails.iter().find(|one| one.primary && one.verified && claims::is_email(&one.email));
    found.map(|one| one.email.clone())
}

fn claims_of(user: &api::User, email: &str, organizations: &[String]) -> Map<String, Value> {
    let claims = json!({
        "id": user.id, "login": user.login, "name": user.name, "avatar_url": user.avatar_url,
        "email": email, "organizations": organizations,
    });
    claims.as_object().cloned().unwrap_or_default()
}

fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}

fn fixed(text: &str) -> Url {
    text.parse().expect("a fixed address is valid")
}

#[cfg(test)]
mod tests;
