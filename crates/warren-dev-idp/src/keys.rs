//! Signing of id tokens.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    hmac,
    rand::SystemRandom,
    rsa::PublicKeyComponents,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use serde_json::{Value, json};

use crate::world::{Signature, random_text};

/// Known to everybody: it lies in the source. Making one takes too long.
const RSA_KEY: &[u8] = include_bytes!("published-rsa-key.pk8");
const RSA_ID: &str = "rsa";

/// The provider's keys: one of its own, and the published one.
pub(crate) struct Key {
    id: String,
    ecdsa: EcdsaKeyPair,
    stranger: EcdsaKeyPair,
    rsa: RsaKeyPair,
    random: SystemRandom,
}

impl Key {
    pub(crate) fn random() -> Self {
        let random = SystemRandom::new();
        Self {
            id: random_text(),
            ecdsa: ecdsa(&random),
            stranger: ecdsa(&random),
            rsa: RsaKeyPair::from_pkcs8(RSA_KEY).expect("the published key is valid"),
            random,
        }
    }

    /// The public keys, as the provider lists them.
    pub(crate) fn jwks(&self) -> Value {
        let (x, y) = self.ecdsa.public_key().as_ref()[1..].split_at(32);
        let rsa: PublicKeyComponents<Vec<u8>> = self.rsa.public().into();
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({"keys": [
            {"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.id, "x": text(x), "y": text(y)},
            {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": RSA_ID, "n": text(&rsa.n), "e": text(&rsa.e)},
        ]})
    }

    /// Makes a signed token.
    pub(crate) fn token(&self, claims: &Value, how: Signature, client_secret: &str) -> String {
        let (algorithm, id) = match how {
            Signature::Ecdsa | Signature::Forged => ("ES256", self.id.as_str()),
            Signature::Rsa => ("RS256", RSA_ID),
            Signature::None => ("none", self.id.as_str()),
            Signature::Secret => ("HS256", self.id.as_str()),
        };
        let header = json!({"alg": algorithm, "kid": id, "typ": "JWT"});
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", encode(&header), encode(claims));
        let signature = match how {
            Signature::Ecdsa => self.sign_ecdsa(&self.ecdsa, &message),
            Signature::Forged => self.sign_ecdsa(&self.stranger, &message),
            Signature::Rsa => self.sign_rsa(&message),
            Signature::None => Vec::new(),
            Signature::Secret => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, client_secret.as_bytes());
                hmac::sign(&key, message.as_bytes()).as_ref().to_vec()
            }
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn sign_ecdsa(&self, key: &EcdsaKeyPair, message: &str) -> Vec<u8> {
        let signature = key.sign(&self.random, message.as_bytes()).expect("the system gives random bytes");
        signature.as_ref().to_vec()
    }

    fn sign_rsa(&self, message: &str) -> Vec<u8> {
        let mut signature = vec![0; self.rsa.public().modulus_len()];
        let signed = self.rsa.sign(&RSA_PKCS1_SHA256, &self.random, message.as_bytes(), &mut signature);
        signed.expect("the signature has room");
        signature
    }
}

fn ecdsa(random: &SystemRandom) -> EcdsaKeyPair {
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let document = EcdsaKeyPair::generate_pkcs8(algorithm, random).expect("the system gives random bytes");
    EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), random).expect("a key that was just made is valid")
}
