//! Password hashing (argon2id) off the async threads, and the strength rule. Hashes of deployments that moved here
//! (PBKDF2) are compared as well.

use std::{collections::HashSet, num::NonZeroU32};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use ring::pbkdf2;
use tokio::sync::Semaphore;

use crate::error::{AppError, AppResult};

const LENGTH_MAX: usize = 64;
const ENTROPY_BITS_MIN: f64 = 52.0;
const PBKDF2_PREFIX: &str = "$pbkdf2-sha256$";
/// More rounds than any deployment uses would only burn time.
const PBKDF2_ROUNDS_MAX: u32 = 10_000_000;
/// Verified when the account does not exist, so that the answer takes as long; no password matches it.
const DUMMY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Says why a password is too weak or too long, by the size of its alphabet and its distinct characters.
///
/// # Errors
/// The reason, for the user.
pub fn check_strength(password: &str) -> Result<(), String> {
    if password.chars().count() > LENGTH_MAX {
        return Err(format!("must be at most {LENGTH_MAX} characters long"));
    }
    if entropy_bits(password) < ENTROPY_BITS_MIN {
        return Err(String::from("is too easy to guess; make it longer or mix letters, digits and symbols"));
    }
    Ok(())
}

/// Hashes a password with a random salt.
pub(crate) async fn hash(limit: &Semaphore, password: String) -> AppResult<String> {
    blocking(limit, move || {
        let hashed = Argon2::default().hash_password(password.as_bytes());
        hashed
            .map(|hash| hash.to_string())
            .map_err(|_| AppError::Internal { message: "hashing a password failed" })
    })
    .await?
}

/// What comparing a password came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Right,
    /// Right, and the hash should be replaced by one of today's kind.
    Outdated,
    Wrong,
}

/// Whether the password fits the stored hash; without one the answer is no, after the same work.
pub(crate) async fn verify(
    limit: &Semaphore,
    password: String,
    stored: Option<String>,
) -> AppResult<Verdict> {
    blocking(limit, move || {
        let stored = stored.filter(|hash| !hash.is_empty());
        if let Some(rest) = stored.as_deref().and_then(|hash| hash.strip_prefix(PBKDF2_PREFIX)) {
            return if fits_pbkdf2(rest, &password) { Verdict::Outdated } else { Verdict::Wrong };
        }
        let known = stored.is_some();
        let text = stored.unwrap_or_else(|| DUMMY.to_owned());
        let right = PasswordHash::new(&text)
            .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
        if known && right { Verdict::Right } else { Verdict::Wrong }
    })
    .await
}

/// Compares with `<iterations>$<salt>$<hash>`, both in Base64 without padding.
fn fits_pbkdf2(text: &str, password: &str) -> bool {
    let mut parts = text.split('$');
    let (Some(iterations), Some(salt), Some(hash), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let iterations = iterations.parse().ok().filter(|count: &NonZeroU32| count.get() <= PBKDF2_ROUNDS_MAX);
    let (Some(iterations), Ok(salt), Ok(hash)) =
        (iterations, BASE64_STANDARD_NO_PAD.decode(salt), BASE64_STANDARD_NO_PAD.decode(hash))
    else {
        return false;
    };
    pbkdf2::verify(pbkdf2::PBKDF2_HMAC_SHA256, iterations, &salt, password.as_bytes(), &hash).is_ok()
}

async fn blocking<T: Send + 'static>(
    limit: &Semaphore,
    work: impl FnOnce() -> T + Send + 'static,
) -> AppResult<T> {
    let _permit =
        limit.acquire().await.map_err(|_| AppError::Internal { message: "the server is stopping" })?;
    let joined = tokio::task::spawn_blocking(work).await;
    joined.map_err(|_| AppError::Internal { message: "a password task failed" })
}

fn entropy_bits(password: &str) -> f64 {
    type Class = (fn(char) -> bool, f64);
    let has = |class: fn(char) -> bool| password.chars().any(class);
    let classes: [Class; 5] = [
        (|c| c.is_ascii_lowercase(), 26.0),
        (|c| c.is_ascii_uppercase(), 26.0),
        (|c| c.is_ascii_digit(), 10.0),
        (|c| c.is_ascii_punctuation() || c == ' ', 33.0),
        (|c| !c.is_ascii(), 100.0),
    ];
    let alphabet: f64 = classes.iter().filter(|(class, _)| has(*class)).map(|(_, size)| size).sum();
    // A repeated or following character adds little: only steps other than 0 and ±1 count, and no more than twice per
    // distinct character.
    let codes: Vec<i64> = password.chars().map(|c| i64::from(u32::from(c))).collect();
    let steps = codes.windows(2).filter(|pair| (pair[1] - pair[0]).abs() > 1).count();
    let distinct = password.chars().collect::<HashSet<_>>().len();
    let length = (steps + 1).min(distinct * 2).min(codes.len());
    f64::from(u32::try_from(length).unwrap_or(u32::MAX)) * alphabet.max(1.0).log2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_passwords_are_refused_and_good_ones_are_not() {
        for weak in ["", "password", "aaaaaaaaaaaaaaaaaaaa", "12345678901234567890", "abcdefghijklmnop"] {
            assert!(check_strength(weak).is_err(), "{weak}");
        }
        for good in ["SomeSecurePassword!", "correct horse battery", "x9!Kq2#vT"] {
            assert!(check_strength(good).is_ok(), "{good}");
        }
        assert!(check_strength(&"x9!Kq2#vT".repeat(8)).is_err());
    }

    #[tokio::test]
    async fn only_the_right_password_of_a_known_account_verifies() {
        let limit = Semaphore::new(1);
        let hashed = hash(&limit, String::from("right one")).await.unwrap();
        assert!(hashed.starts_with("$argon2id$"));
        let verdict = async |password: &str, stored: Option<&str>| {
            verify(&limit, password.to_owned(), stored.map(str::to_owned)).await.unwrap()
        };
        assert_eq!(verdict("right one", Some(&hashed)).await, Verdict::Right);
        assert_eq!(verdict("wrong one", Some(&hashed)).await, Verdict::Wrong);
        assert_eq!(verdict("right one", None).await, Verdict::Wrong);
        assert_eq!(verdict("", Some("")).await, Verdict::Wrong);
        assert!(PasswordHash::new(DUMMY).is_ok());
    }

    #[tokio::test]
    async fn a_hash_of_the_older_kind_is_compared_and_called_outdated() {
        let limit = Semaphore::new(1);
        let mut derived = [0; 64];
        let rounds = NonZeroU32::new(65_535).unwrap();
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, b"0123456789abcdef", b"right one", &mut derived);
        let (salt, hash) =
            (BASE64_STANDARD_NO_PAD.encode(b"0123456789abcdef"), BASE64_STANDARD_NO_PAD.encode(derived));
        let stored = format!("$pbkdf2-sha256$65535${salt}${hash}");
        let verdict = async |password: &str, stored: String| {
            verify(&limit, password.to_owned(), Some(stored)).await.unwrap()
        };
        assert_eq!(verdict("right one", stored.clone()).await, Verdict::Outdated);
        assert_eq!(verdict("wrong one", stored).await, Verdict::Wrong);
        for broken in ["", "0$a$b", "65535$YQ", "99999999$YQ$YQ", "65535$!$YQ", "1$YQ$YQ$YQ"] {
            assert_eq!(verdict("x", format!("$pbkdf2-sha256${broken}")).await, Verdict::Wrong, "{broken}");
        }
    }
}
