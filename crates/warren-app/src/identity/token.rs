//! Session tokens `<id>-<secret>`: 10 and 22 characters of `[a-zA-Z0-9]`; only the secret's SHA-256 is stored.

use chrono::{DateTime, TimeDelta, Utc};
use rand::{Rng, distr::Alphanumeric};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;
use warren_db::{entity::api_keys, query};
use warren_rt::Secret;
use warren_vocab::{LoginType, UserId};

use crate::Origin;

const ID_LEN: usize = 10;
const SECRET_LEN: usize = 22;
/// The scope that restricts nothing.
pub(crate) const SCOPE_ALL: &str = "coder:all";
/// The scope of keys that only open workspace applications.
pub(crate) const SCOPE_APPLICATION_CONNECT: &str = "coder:application_connect";

/// A new session's token and end.
#[derive(Debug, Clone)]
pub struct SessionToken {
    pub token: Secret<String>,
    pub expires_at: DateTime<Utc>,
}

/// The stored form of an agent token.
pub fn hash_agent_token(token: Uuid) -> Vec<u8> {
    Sha256::digest(token.to_string().as_bytes()).to_vec()
}

/// What a key is made of.
#[derive(Debug, Clone)]
pub(crate) struct NewKey {
    pub(crate) user: UserId,
    pub(crate) login_type: LoginType,
    pub(crate) token_name: String,
    pub(crate) lifetime: TimeDelta,
    pub(crate) at: DateTime<Utc>,
    pub(crate) last_used_at: Option<DateTime<Utc>>,
    pub(crate) scopes: Vec<String>,
    pub(crate) allow_list: Vec<String>,
    pub(crate) ip_address: String,
}

impl NewKey {
    /// A key that may do everything that its account may.
    pub(crate) fn session(
        user: UserId,
        login_type: LoginType,
        lifetime: TimeDelta,
        at: DateTime<Utc>,
        origin: &Origin,
    ) -> Self {
        Self {
            user,
            login_type,
            token_name: String::new(),
            lifetime,
            at,
            last_used_at: None,
            scopes: vec![String::from(SCOPE_ALL)],
            allow_list: vec![String::from("*:*")],
            ip_address: origin.ip.map(|ip| ip.to_string()).unwrap_or_default(),
        }
    }
}

/// Makes a token and the row that recognises it.
pub(crate) fn issue(new: NewKey) -> (SessionToken, api_keys::Model) {
    let (id, secret) = (random_text(ID_LEN), random_text(SECRET_LEN));
    let expires_at = new.at.checked_add_signed(new.lifetime).unwrap_or(DateTime::<Utc>::MAX_UTC);
    let token = SessionToken { token: Secret::new(format!("{id}-{secret}")), expires_at };
    let is_connect = new.scopes.iter().any(|scope| scope == SCOPE_APPLICATION_CONNECT);
    let key = api_keys::Model {
        id,
        hashed_secret: Sha256::digest(secret.as_bytes()).to_vec(),
        user_id: new.user.as_uuid(),
        login_type: new.login_type.to_string(),
        token_name: new.token_name,
        scope: String::from(if is_connect { query::api_keys::APPLICATION_CONNECT } else { "all" }),
        lifetime_seconds: new.lifetime.num_seconds(),
        last_used_at: new.last_used_at,
        expires_at,
        created_at: new.at,
        updated_at: new.at,
        scopes: json!(new.scopes),
        allow_list: json!(new.allow_list),
        ip_address: new.ip_address,
    };
    (token, key)
}

/// Splits a well-formed token into id and secret.
pub(crate) fn split(token: &str) -> Option<(&str, &str)> {
    let (id, secret) = token.split_once('-')?;
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (id.len() == ID_LEN && secret.len() == SECRET_LEN && plain(id) && plain(secret)).then_some((id, secret))
}

/// Compares in constant time.
pub(crate) fn matches(secret: &str, hashed: &[u8]) -> bool {
    let given = Sha256::digest(secret.as_bytes());
    given.len() == hashed.len() && given.iter().zip(hashed).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

pub(crate) fn random_text(length: usize) -> String {
    rand::rng().sample_iter(Alphanumeric).take(length).map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_matches_its_own_row_only() {
        let origin = Origin::system("test");
        let hour = TimeDelta::hours(1);
        let new = NewKey::session(UserId::new(), LoginType::Password, hour, Utc::now(), &origin);
        let (token, key) = issue(new);
        let (id, secret) = split(token.token.expose()).unwrap();
        assert_eq!(id, key.id);
        assert!(matches(secret, &key.hashed_secret));
        assert!(!matches("aaaaaaaaaaaaaaaaaaaaaa", &key.hashed_secret));
        assert!(!matches(secret, &[]));
    }

    #[test]
    fn malformed_tokens_are_refused() {
        for bad in [
            "",
            "-",
            "short-secret",
            "aaaaaaaaaa-aaaaaaaaaaaaaaaaaaaaa!",
            "aaaaaaaaaa-aaaaaaaaaaaaaaaaaaaaaaa",
        ] {
            assert_eq!(split(bad), None, "{bad}");
        }
    }
}
