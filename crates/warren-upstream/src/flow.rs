//! What one sign-in keeps in the browser, and what the provider hands out at its end.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use rand::{Rng, distr::Alphanumeric};
use sha2::{Digest, Sha256};
use warren_rt::Secret;

const STATE_LEN: usize = 32;
const VERIFIER_LEN: usize = 64;

/// The secrets of one sign-in. They travel in the browser's cookies; the provider sees the state and hashes of the
/// verifier only.
#[derive(Debug, Clone)]
pub struct FlowSecrets {
    /// Ties the provider's answer to this browser.
    pub state: Secret<String>,
    /// Ties the provider's code to this browser (PKCE).
    pub verifier: Secret<String>,
}

impl FlowSecrets {
    /// Makes random secrets.
    pub fn random() -> Self {
        Self::with_state(random_text(STATE_LEN))
    }

    /// Makes secrets for a state that was given out before.
    pub fn with_state(state: String) -> Self {
        Self { state: Secret::new(state), verifier: Secret::new(random_text(VERIFIER_LEN)) }
    }

    /// Whether the text has the form of a state.
    pub fn is_state(text: &str) -> bool {
        text.len() == STATE_LEN && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
    }

    /// The nonce that the id token must repeat. It is made of the verifier, which only this browser has, so that no
    /// third secret has to be kept.
    pub(crate) fn nonce(&self) -> String {
        let digest = Sha256::new().chain_update("nonce:").chain_update(self.verifier.expose()).finalize();
        URL_SAFE_NO_PAD.encode(digest)
    }

    /// The S256 challenge of the verifier.
    pub(crate) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.expose()))
    }
}

/// What the provider hands out for later calls on the user's behalf.
#[derive(Debug, Clone)]
pub struct UpstreamTokens {
    pub access: Secret<String>,
    /// Empty when the provider gave none.
    pub refresh: Secret<String>,
    /// How long the access token lives; `None` when it does not expire.
    pub lifetime: Option<TimeDelta>,
}

impl UpstreamTokens {
    /// When the access token ends that was handed out at a time.
    pub fn expiry(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.lifetime.and_then(|lifetime| at.checked_add_signed(lifetime))
    }
}

/// Makes a text of letters and digits, about 5.95 bits each.
pub(crate) fn random_text(length: usize) -> String {
    rand::rng().sample_iter(Alphanumeric).take(length).map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_fresh_long_and_never_printed() {
        let (one, two) = (FlowSecrets::random(), FlowSecrets::random());
        assert_ne!(one.state.expose(), two.state.expose());
        assert_ne!(one.verifier.expose(), two.verifier.expose());
        assert_eq!((one.state.expose().len(), one.verifier.expose().len()), (32, 64));
        assert!(!format!("{one:?}").contains(one.state.expose()));
        assert_ne!(one.nonce(), one.challenge());
    }
}
