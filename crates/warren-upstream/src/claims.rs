//! Who somebody is, out of the claims of a provider: pure functions.

use serde_json::{Map, Value};
use thiserror::Error;

use crate::username;

/// Claims as the provider sent them.
pub type Claims = Map<String, Value>;

/// Which claims mean what, and who may sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimRules {
    pub username_field: String,
    pub email_field: String,
    pub name_field: String,
    /// The claim with groups; empty for none.
    pub groups_field: String,
    /// The claim with roles; empty for none.
    pub roles_field: String,
    /// The claim with organizations; empty for none.
    pub organizations_field: String,
    /// When not empty, at least one of them must be among the user's groups.
    pub allowed_groups: Vec<String>,
    /// When not empty, the domain of the e-mail address must be one of them.
    pub email_domains: Vec<String>,
    /// Takes addresses that the provider does not call verified.
    pub ignore_email_verified: bool,
}

impl Default for ClaimRules {
    fn default() -> Self {
        Self {
            username_field: String::from("preferred_username"),
            email_field: String::from("email"),
            name_field: String::from("name"),
            groups_field: String::new(),
            roles_field: String::new(),
            organizations_field: String::new(),
            allowed_groups: Vec::new(),
            email_domains: Vec::new(),
            ignore_email_verified: false,
        }
    }
}

/// Somebody whom a provider vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamIdentity {
    /// The provider's id of itself; empty for GitHub, whose user ids stand alone.
    pub issuer: String,
    /// The provider's lasting id of the user.
    pub subject: String,
    /// Verified, or taken as it is by configuration.
    pub email: String,
    /// A valid user name that may be taken already.
    pub username: String,
    pub name: String,
    pub avatar_url: String,
    pub groups: Vec<String>,
    pub roles: Vec<String>,
    pub organizations: Vec<String>,
    /// Everything that the provider said.
    pub claims: Claims,
}

impl UpstreamIdentity {
    /// The text by which a link remembers the user.
    pub fn linked_id(&self) -> String {
        if self.issuer.is_empty() {
            return self.subject.clone();
        }
        format!("{}||{}", self.issuer, self.subject)
    }
}

/// Why somebody whom the provider knows may not sign in; each text is a sentence for the user.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IdentityError {
    #[error("The sign-in provider did not say who you are (the claim {claim:?} is missing).")]
    NoSubject { claim: &'static str },
    #[error(
        "The sign-in provider gave no e-mail address. Ask your administrator to let it send the claim {field:?}."
    )]
    NoEmail { field: String },
    #[error(
        "Your e-mail address {email:?} is not verified at the sign-in provider. Verify it there and try again."
    )]
    NotVerified { email: String },
    #[error("Your e-mail address {email:?} is not in one of the domains that may sign in here: {}.", domains.join(", "))]
    Domain { email: String, domains: Vec<String> },
    #[error("You are in none of the groups that may sign in here.")]
    Group,
    #[error("You are not a member of a GitHub organization that may sign in here: {}.", organizations.join(", "))]
    Organization { organizations: Vec<String> },
    #[error("You are not in a GitHub team that may sign in here: {}.", teams.join(", "))]
    Team { teams: Vec<String> },
    #[error("Your GitHub account has no verified primary e-mail address. Verify it at GitHub and try again.")]
    NoVerifiedPrimary,
}

/// Reads an identity out of OpenID Connect claims.
///
/// # Errors
/// Fails when the claims do not say who the user is, or the rules keep the user out.
pub fn identify(claims: Claims, rules: &ClaimRules) -> Result<UpstreamIdentity, IdentityError> {
    let issuer = text(&claims, "iss").ok_or(IdentityError::NoSubject { claim: "iss" })?;
    let subject = text(&claims, "sub").ok_or(IdentityError::NoSubject { claim: "sub" })?;
    let preferred = text(&claims, &rules.username_field).unwrap_or_default();
    let email = email(&claims, rules, &preferred)?;
    check_domain(&email, &rules.email_domains)?;
    let groups = list(&claims, &rules.groups_field);
    let is_in = |allowed: &String| groups.contains(allowed);
    if !rules.allowed_groups.is_empty() && !rules.allowed_groups.iter().any(is_in) {
        return Err(IdentityError::Group);
    }
    Ok(UpstreamIdentity {
        username: username::first_usable(&[&preferred, &email]),
        name: shortened(text(&claims, &rules.name_field).unwrap_or_default()),
        avatar_url: text(&claims, "picture").filter(|url| is_web_url(url)).unwrap_or_default(),
        roles: list(&claims, &rules.roles_field),
        organizations: list(&claims, &rules.organizations_field),
        issuer,
        subject,
        email,
        groups,
        claims,
    })
}

/// Adds the claims of the user-info endpoint; where both speak it wins, but it cannot change who the token is about.
pub fn merge(mut token: Claims, user_info: Claims) -> Claims {
    let kept = ["iss", "sub", "aud", "exp", "iat", "nonce"];
    token.extend(user_info.into_iter().filter(|(name, _)| !kept.contains(&name.as_str())));
    token
}

/// Whether the address is in one of the domains, whatever the case; no domains allow every address.
///
/// # Errors
/// Names the domains that are allowed.
pub fn check_domain(email: &str, domains: &[String]) -> Result<(), IdentityError> {
    let domain = email.rsplit_once('@').map_or("", |(_, domain)| domain);
    let is_same = |allowed: &String| allowed.trim_start_matches('@').eq_ignore_ascii_case(domain);
    if domains.is_empty() || domains.iter().any(is_same) {
        return Ok(());
    }
    Err(IdentityError::Domain { email: email.to_owned(), domains: domains.to_vec() })
}

/// Whether the text has the form of an e-mail address.
pub fn is_email(text: &str) -> bool {
    let plain =
        |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c.is_control());
    text.split_once('@').is_some_and(|(local, domain)| plain(local) && plain(domain) && !domain.contains('@'))
}

fn email(claims: &Claims, rules: &ClaimRules, preferred: &str) -> Result<String, IdentityError> {
    let given = text(claims, &rules.email_field).filter(|text| is_email(text));
    let email = given.or_else(|| is_email(preferred).then(|| preferred.to_owned()));
    let email = email.ok_or_else(|| IdentityError::NoEmail { field: rules.email_field.clone() })?;
    if !rules.ignore_email_verified && !is_true(claims.get("email_verified")) {
        return Err(IdentityError::NotVerified { email });
    }
    Ok(email)
}

/// Some providers send booleans as text.
fn is_true(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(value)) => *value,
        Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
        Some(Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_)) | None => false,
    }
}

fn text(claims: &Claims, field: &str) -> Option<String> {
    let text = claims.get(field)?.as_str()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// A claim as a list: an array of texts, or one text. Objects, numbers and empty texts count for nothing.
fn list(claims: &Claims, field: &str) -> Vec<String> {
    let texts: Vec<&str> = match claims.get(field) {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).collect(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => Vec::new(),
    };
    let mut list: Vec<String> = Vec::new();
    for text in texts.into_iter().map(str::trim).filter(|text| !text.is_empty()) {
        if !list.iter().any(|known| known == text) {
            list.push(text.to_owned());
        }
    }
    list
}

/// The longest full name that an account takes, in characters.
const NAME_CHARS_MAX: usize = 128;

pub(crate) fn shortened(name: String) -> String {
    let name: String = name.chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect();
    name.trim().to_owned()
}

/// Other schemes, `javascript:` above all, have no place in a picture's address.
pub(crate) fn is_web_url(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| ["http", "https"].contains(&url.scheme()))
}

#[cfg(test)]
mod tests;
