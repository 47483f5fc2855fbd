//! The providers that the configuration names.

use std::collections::BTreeMap;

use thiserror::Error;
use url::Url;
use uuid::Uuid;
use warren_authz::SiteRole;
use warren_config::{Github, Oidc, ServerConfig};
use warren_rt::{Secret, Tasks};
use warren_upstream::{
    ClaimRules, GithubProvider, GithubSettings, OidcProvider, OidcSettings, UpstreamError, UpstreamTokens,
};
use warren_vocab::LoginType;

use crate::App;

/// Where OpenID Connect providers send browsers back to.
const OIDC_CALLBACK: &str = "api/v2/users/oidc/callback";
/// Where GitHub sends browsers back to.
const GITHUB_CALLBACK: &str = "api/v2/users/oauth2/github/callback";

/// Why a provider cannot be set up; each text is a sentence for whoever starts the server.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UpstreamConfigError {
    #[error("--oidc-issuer-url {url:?} is not a web address; give the provider's issuer URL")]
    Issuer { url: String },
    #[error(
        "--oauth2-github-enterprise-base-url {url:?} is not a web address; give the address of the server"
    )]
    GithubUrl { url: String },
    #[error(
        "GitHub sign-in lets nobody in; set --oauth2-github-allowed-orgs, or --oauth2-github-allow-everyone to let every \
         GitHub account in"
    )]
    GithubNobody,
    #[error("--oauth2-github-allowed-teams has {team:?}; write organization/team")]
    GithubTeam { team: String },
    #[error(
        "--oidc-user-role-mapping or --oidc-user-role-default names the role {role:?}; use one of {}",
        role_names()
    )]
    Role { role: String },
    #[error("--oidc-organization-mapping has {id:?}, which is not the id of an organization")]
    Organization { id: String },
}

/// The providers that people can sign in with.
#[derive(Default)]
pub struct UpstreamProviders {
    pub(super) oidc: Option<OidcProvider>,
    pub(super) github: Option<GithubProvider>,
    /// Carries out what must not end with the request that began it.
    pub(super) tasks: Tasks,
}

impl UpstreamProviders {
    /// Sets up the providers of the configuration. Nothing is contacted.
    ///
    /// # Errors
    /// Names the option whose value cannot be used.
    pub fn from_config(
        config: &ServerConfig,
        access_url: &Url,
        tasks: Tasks,
    ) -> Result<Self, UpstreamConfigError> {
        let oidc = config.oidc.is_enabled().then(|| oidc(&config.oidc, access_url)).transpose()?;
        let github = config.github.is_enabled().then(|| github(&config.github, access_url)).transpose()?;
        Ok(Self { oidc: oidc.map(OidcProvider::new), github: github.map(GithubProvider::new), tasks })
    }

    /// Gets new tokens from the provider; `None` when it is not configured any more.
    pub(super) async fn refresh(
        &self,
        login_type: LoginType,
        refresh: &Secret<String>,
    ) -> Option<Result<UpstreamTokens, UpstreamError>> {
        match login_type {
            LoginType::Oidc => Some(self.oidc.as_ref()?.refresh(refresh).await),
            LoginType::Github => Some(self.github.as_ref()?.refresh(refresh).await),
            LoginType::Password | LoginType::Token | LoginType::None => None,
        }
    }
}

impl App {
    /// Lets people sign in with the providers. Called once, before the server answers; later calls change nothing.
    pub fn enable_upstream(&self, providers: UpstreamProviders) {
        let _ = self.shared.upstream.set(std::sync::Arc::new(providers));
    }

    /// The OpenID Connect provider, if one is configured.
    pub fn oidc(&self) -> Option<&OidcProvider> {
        self.shared.upstream.get()?.oidc.as_ref()
    }

    /// GitHub, if it is configured.
    pub fn github(&self) -> Option<&GithubProvider> {
        self.shared.upstream.get()?.github.as_ref()
    }

    pub(super) fn offers(&self, login_type: LoginType) -> bool {
        match login_type {
            LoginType::Oidc => self.oidc().is_some(),
            LoginType::Github => self.github().is_some(),
            LoginType::Password | LoginType::Token | LoginType::None => false,
        }
    }

    pub(super) fn upstream(&self) -> Option<std::sync::Arc<UpstreamProviders>> {
        self.shared.upstream.get().cloned()
    }
}

fn oidc(config: &Oidc, access_url: &Url) -> Result<OidcSettings, UpstreamConfigError> {
    if !is_web_url(&config.issuer_url) {
        return Err(UpstreamConfigError::Issuer { url: config.issuer_url.clone() });
    }
    check_roles(config)?;
    check_organizations(&config.organization_mapping)?;
    Ok(OidcSettings {
        issuer_url: config.issuer_url.clone(),
        client_id: config.client_id.clone(),
        client_secret: config.client_secret.clone(),
        redirect_url: config.redirect_url.clone().unwrap_or_else(|| below(access_url, OIDC_CALLBACK)),
        scopes: config.scopes.clone(),
        auth_url_params: config.auth_url_params.clone().into_iter().collect(),
        ignore_user_info: config.ignore_userinfo,
        skip_issuer_checks: config.skip_issuer_checks,
        rules: ClaimRules {
            username_field: config.username_field.clone(),
            email_field: config.email_field.clone(),
            name_field: config.name_field.clone(),
            groups_field: config.group_field.clone(),
            roles_field: config.user_role_field.clone(),
            organizations_field: config.organization_field.clone(),
            allowed_groups: config.allowed_groups.clone(),
            email_domains: config.email_domain.clone(),
            ignore_email_verified: config.ignore_email_verified,
        },
    })
}

fn github(config: &Github, access_url: &Url) -> Result<GithubSettings, UpstreamConfigError> {
    let base = &config.enterprise_base_url;
    if !base.is_empty() && !is_web_url(base) {
        return Err(UpstreamConfigError::GithubUrl { url: base.clone() });
    }
    if !config.allow_everyone && config.allowed_orgs.is_empty() {
        return Err(UpstreamConfigError::GithubNobody);
    }
    let is_team = |team: &String| {
        team.split_once('/').is_some_and(|(organization, slug)| !organization.is_empty() && !slug.is_empty())
    };
    if let Some(team) = config.allowed_teams.iter().find(|team| !is_team(team)) {
        return Err(UpstreamConfigError::GithubTeam { team: team.clone() });
    }
    Ok(GithubSettings {
        client_id: config.client_id.clone(),
        client_secret: config.client_secret.clone(),
        redirect_url: below(access_url, GITHUB_CALLBACK),
        enterprise_base_url: base.parse().ok(),
        allow_everyone: config.allow_everyone,
        allowed_orgs: config.allowed_orgs.clone(),
        allowed_teams: config.allowed_teams.clone(),
    })
}

fn check_roles(config: &Oidc) -> Result<(), UpstreamConfigError> {
    let mut roles = config.user_role_mapping.values().flatten().chain(&config.user_role_default);
    match roles.find(|role| SiteRole::parse(role).is_none()) {
        Some(role) => Err(UpstreamConfigError::Role { role: role.clone() }),
        None => Ok(()),
    }
}

fn check_organizations(mapping: &BTreeMap<String, Vec<String>>) -> Result<(), UpstreamConfigError> {
    match mapping.values().flatten().find(|id| id.parse::<Uuid>().is_err()) {
        Some(id) => Err(UpstreamConfigError::Organization { id: id.clone() }),
        None => Ok(()),
    }
}

fn role_names() -> String {
    SiteRole::ALL.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ")
}

fn is_web_url(text: &str) -> bool {
    text.parse::<Url>().is_ok_and(|url| ["http", "https"].contains(&url.scheme()) && url.has_host())
}

fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(change: impl FnOnce(&mut ServerConfig)) -> Result<(), UpstreamConfigError> {
        let mut config = ServerConfig::default();
        change(&mut config);
        let _ = rustls::crypto::ring::default_provider().install_default();
        let url = "https://warren.example/".parse().unwrap();
        UpstreamProviders::from_config(&config, &url, Tasks::new()).map(drop)
    }

    fn with_oidc(change: impl FnOnce(&mut Oidc)) -> Result<(), UpstreamConfigError> {
        outcome(|config| {
            config.oidc.issuer_url = String::from("https://idp.example");
            config.oidc.client_id = String::from("warren");
            change(&mut config.oidc);
        })
    }

    fn with_github(change: impl FnOnce(&mut Github)) -> Result<(), UpstreamConfigError> {
        outcome(|config| {
            config.github.client_id = String::from("warren");
            config.github.allowed_orgs = vec![String::from("navy")];
            change(&mut config.github);
        })
    }

    #[test]
    fn wrong_settings_are_named() {
        assert_eq!(outcome(|_| {}), Ok(()));
        assert_eq!(with_oidc(|_| {}), Ok(()));
        assert_eq!(with_github(|_| {}), Ok(()));
        let issuer = with_oidc(|oidc| oidc.issuer_url = String::from("idp"));
        assert_eq!(issuer, Err(UpstreamConfigError::Issuer { url: String::from("idp") }));
        let role = with_oidc(|oidc| oidc.user_role_default = vec![String::from("boss")]);
        assert_eq!(role, Err(UpstreamConfigError::Role { role: String::from("boss") }));
        assert_eq!(with_github(|github| github.allowed_orgs.clear()), Err(UpstreamConfigError::GithubNobody));
        let team = with_github(|github| github.allowed_teams = vec![String::from("navy")]);
        assert_eq!(team, Err(UpstreamConfigError::GithubTeam { team: String::from("navy") }));
        let url = with_github(|github| github.enterprise_base_url = String::from("git"));
        assert_eq!(url, Err(UpstreamConfigError::GithubUrl { url: String::from("git") }));
        let organization = with_oidc(|oidc| {
            oidc.organization_mapping.insert(String::from("x"), vec![String::from("coder")]);
        });
        assert_eq!(organization, Err(UpstreamConfigError::Organization { id: String::from("coder") }));
    }
}
