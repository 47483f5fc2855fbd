//! Signing in through other services.

use std::collections::BTreeMap;

use url::Url;
use warren_rt::Secret;

/// OpenID Connect. Off unless issuer and client id are set.
#[derive(Debug, Clone)]
pub struct Oidc {
    pub issuer_url: String,
    pub client_id: String,
    pub client_secret: Secret<String>,
    /// Where the provider sends users back to; by default below the access URL.
    pub redirect_url: Option<Url>,
    /// Domains whose addresses may sign in; empty for all.
    pub email_domain: Vec<String>,
    pub scopes: Vec<String>,
    /// Whether a person who has no account yet gets one.
    pub allow_signups: bool,
    pub username_field: String,
    pub name_field: String,
    pub email_field: String,
    /// Parameters added to the address that users are sent to.
    pub auth_url_params: BTreeMap<String, String>,
    /// Takes an address for verified whatever the provider says.
    pub ignore_email_verified: bool,
    /// Takes claims from the id token only.
    pub ignore_userinfo: bool,
    /// Text of the button.
    pub sign_in_text: String,
    /// Picture of the button; empty for none.
    pub icon_url: String,
    /// What somebody is told who has no account when `allow_signups` is off.
    pub signups_disabled_text: String,
    /// Whether an account of the same address is taken over when no link exists.
    pub email_fallback: bool,
    /// Accepts an issuer that differs from the configured one.
    pub skip_issuer_checks: bool,
    /// Claim that names organizations; empty leaves memberships alone.
    pub organization_field: String,
    /// From a claim's value to organization ids.
    pub organization_mapping: BTreeMap<String, Vec<String>>,
    /// Whether everybody also belongs to the default organization.
    pub organization_assign_default: bool,
    /// Claim that names site roles; empty leaves roles alone.
    pub user_role_field: String,
    /// From a claim's value to site roles.
    pub user_role_mapping: BTreeMap<String, Vec<String>>,
    /// Site roles that everybody gets when `user_role_field` is set.
    pub user_role_default: Vec<String>,
    /// Claim that names groups.
    pub group_field: String,
    /// Groups of which a person must have one to sign in; empty for everybody.
    pub allowed_groups: Vec<String>,
}

impl Default for Oidc {
    fn default() -> Self {
        Self {
            issuer_url: String::new(),
            client_id: String::new(),
            client_secret: Secret::default(),
            redirect_url: None,
            email_domain: Vec::new(),
            scopes: ["openid", "profile", "email"].map(str::to_owned).to_vec(),
            allow_signups: true,
            username_field: "preferred_username".into(),
            name_field: "name".into(),
            email_field: "email".into(),
            auth_url_params: BTreeMap::from([("access_type".to_owned(), "offline".to_owned())]),
            ignore_email_verified: false,
            ignore_userinfo: false,
            sign_in_text: "OpenID Connect".into(),
            icon_url: String::new(),
            signups_disabled_text: String::new(),
            email_fallback: false,
            skip_issuer_checks: false,
            organization_field: String::new(),
            organization_mapping: BTreeMap::new(),
            organization_assign_default: true,
            user_role_field: String::new(),
            user_role_mapping: BTreeMap::new(),
            user_role_default: Vec::new(),
            group_field: String::new(),
            allowed_groups: Vec::new(),
        }
    }
}

impl Oidc {
    /// Whether people can sign in this way.
    pub fn is_enabled(&self) -> bool {
        !self.issuer_url.is_empty() && !self.client_id.is_empty()
    }
}

/// GitHub. Off unless a client id is set; there is no built-in one.
#[derive(Debug, Clone, Default)]
pub struct Github {
    pub client_id: String,
    pub client_secret: Secret<String>,
    /// Whether a person who has no account yet gets one.
    pub allow_signups: bool,
    /// Whether every GitHub account may sign in, whatever its organizations.
    pub allow_everyone: bool,
    pub allowed_orgs: Vec<String>,
    /// `organization/team`.
    pub allowed_teams: Vec<String>,
    /// Shows a code to type at GitHub instead of sending the browser there and back.
    pub device_flow: bool,
    /// Base of a GitHub Enterprise Server; empty for github.com.
    pub enterprise_base_url: String,
    /// Accepted for compatibility: there is no provider that works without a client id.
    pub default_provider_enable: bool,
}

impl Github {
    /// Whether people can sign in this way.
    pub fn is_enabled(&self) -> bool {
        !self.client_id.is_empty()
    }
}
