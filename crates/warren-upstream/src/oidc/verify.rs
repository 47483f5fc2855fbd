//! Checks of an id token: signature, issuer, audience, expiry, nonce, authorized party.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use openidconnect::{
    ClaimsVerificationError, Nonce, SignatureVerificationError,
    core::{CoreIdToken, CoreJwsSigningAlgorithm as Alg},
};
use serde_json::Value;

use super::{Client, OidcSettings, failure::shortened};
use crate::claims::Claims;

/// Algorithms with a public key; those with a shared secret, and `none`, are not taken.
const ALGORITHMS: [Alg; 9] = [
    Alg::RsaSsaPkcs1V15Sha256,
    Alg::RsaSsaPkcs1V15Sha384,
    Alg::RsaSsaPkcs1V15Sha512,
    Alg::RsaSsaPssSha256,
    Alg::RsaSsaPssSha384,
    Alg::RsaSsaPssSha512,
    Alg::EcdsaP256Sha256,
    Alg::EcdsaP384Sha384,
    Alg::EdDsa,
];

/// Why a token is not taken.
pub(super) enum Failure {
    /// The keys that are known do not include the token's.
    UnknownKey,
    Invalid(String),
}

/// Gives the claims of a token that passes every check, as they were sent.
pub(super) fn check(
    token: &CoreIdToken,
    client: &Client,
    settings: &OidcSettings,
    nonce: &Nonce,
) -> Result<Claims, Failure> {
    let verifier = client
        .id_token_verifier()
        .set_allowed_algs(ALGORITHMS)
        // A token for several audiences is ours when it was made for us, which the authorized party says.
        .set_other_audience_verifier_fn(|_| true)
        .require_issuer_match(!settings.skip_issuer_checks);
    let verified = token.claims(&verifier, nonce).map_err(|error| failure(&error))?;
    let party = verified.authorized_party();
    let is_ours = party.is_some_and(|party| party.as_str() == settings.client_id);
    if !is_ours && (party.is_some() || verified.audiences().len() > 1) {
        return Err(Failure::Invalid(String::from("it was made for another client")));
    }
    payload(&token.to_string()).ok_or_else(|| Failure::Invalid(String::from("its claims are not an object")))
}

fn failure(error: &ClaimsVerificationError) -> Failure {
    match error {
        ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey) => {
            Failure::UnknownKey
        }
        ClaimsVerificationError::Expired(_) => Failure::Invalid(String::from("it has expired")),
        ClaimsVerificationError::InvalidAudience(_) => {
            Failure::Invalid(String::from("it was made for another client"))
        }
        ClaimsVerificationError::InvalidIssuer(_) => {
            Failure::Invalid(String::from("it is of another issuer"))
        }
        // The text of the library names the nonce that was expected.
        ClaimsVerificationError::InvalidNonce(_) => {
            Failure::Invalid(String::from("it was made for another sign-in (nonce)"))
        }
        ClaimsVerificationError::SignatureVerification(error) => {
            Failure::Invalid(format!("its signature is wrong: {}", shortened(&error.to_string())))
        }
        // The library's enum is open to new variants.
        other => Failure::Invalid(shortened(&other.to_string())),
    }
}

/// The claims in the middle of a signed token, whose signature was checked.
fn payload(token: &str) -> Option<Claims> {
    let middle = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    match serde_json::from_slice(&middle).ok()? {
        Value::Object(claims) => Some(claims),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => None,
    }
}
