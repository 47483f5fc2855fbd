//! Session tokens `<id>-<secret>`: 10 and 22 characters of `[a-zA-Z0-9]`; only the secret's SHA-256 is stored.

use chrono::{DateTime, TimeDelta, Utc};
use rand::{Rng, distr::Alphanumeric};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;
use warren_db::entity::api_keys;
use warren_rt::Secret;
use warren_vocab::{LoginType, UserId};

const ID_LEN: usize = 10;
const SECRET_LEN: usize = 22;

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

/// Makes a session token and the row that recognises it.
pub(super) fn session(
    user: UserId,
    at: DateTime<Utc>,
    lifetime: TimeDelta,
) -> (SessionToken, api_keys::Model) {
    let (id, secret) = (random_text(ID_LEN), random_text(SECRET_LEN));
    let expires_at = at + lifetime;
    let token = SessionToken { token: Secret::new(format!("{id}-{secret}")), expires_at };
    let key = api_keys::Model {
        id,
        hashed_secret: Sha256::digest(secret.as_bytes()).to_vec(),
        user_id: user.as_uuid(),
        login_type: LoginType::Password.to_string(),
        token_name: String::new(),
        scope: String::from("all"),
        lifetime_seconds: lifetime.num_seconds(),
        last_used_at: Some(at),
        expires_at,
        created_at: at,
        updated_at: at,
        scopes: json!(["coder:all"]),
        allow_list: json!(["*:*"]),
        ip_address: String::new(),
    };
    (token, key)
}

/// Splits a well-formed token into id and secret.
pub(super) fn split(token: &str) -> Option<(&str, &str)> {
    let (id, secret) = token.split_once('-')?;
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (id.len() == ID_LEN && secret.len() == SECRET_LEN && plain(id) && plain(secret)).then_some((id, secret))
}

/// Compares in constant time.
pub(super) fn matches(secret: &str, hashed: &[u8]) -> bool {
    let given = Sha256::digest(secret.as_bytes());
    given.len() == hashed.len() && given.iter().zip(hashed).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

fn random_text(length: usize) -> String {
    rand::rng().sample_iter(Alphanumeric).take(length).map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_matches_its_own_row_only() {
        let (token, key) = session(UserId::new(), Utc::now(), TimeDelta::hours(1));
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
