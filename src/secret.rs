//! Secrets: random ones, known in the store by their hash alone, and passwords.

use argon2::password_hash::phc::PasswordHash as PhcString;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// Random bytes of a session, a token or a one-time link.
const RANDOM_BYTES: usize = 32;

/// A new random secret of 256 bits, as text for cookies, headers and links.
///
/// # Panics
/// When the system has no random bytes to give, without which nothing here is safe.
pub fn random_secret() -> SecretString {
    let mut bytes = [0; RANDOM_BYTES];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    BASE64_URL_SAFE_NO_PAD.encode(bytes).into()
}

/// The SHA-256 of a random secret. A plain hash is enough: 256 random bits cannot be guessed.
#[derive(Clone, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct SecretHash(String);

impl SecretHash {
    /// The hash of a secret as it came from outside.
    pub fn of(secret: &str) -> Self {
        Self(hex::encode(Sha256::digest(secret)))
    }
}

impl SecretHash {
    /// The hash as hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// An argon2id hash of a password, in PHC string format.
#[derive(Clone, sqlx::Type)]
#[sqlx(transparent)]
pub struct PasswordHash(String);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// Stands in for an unknown account, so that it takes as long to refuse as a wrong password.
static NOBODY: LazyLock<PasswordHash> =
    LazyLock::new(|| PasswordHash(hashed(random_secret().expose_secret())));

/// The shortest and the longest password that is taken, in characters.
pub const PASSWORD_LENGTH: std::ops::RangeInclusive<usize> = 12..=128;

impl PasswordHash {
    /// The hash of a new password. It takes a core and 19 MiB for a while: whoever asks over the
    /// network waits for a [turn](crate::turns).
    pub fn of(password: &SecretString) -> Self {
        Self(hashed(password.expose_secret()))
    }

    /// Whether `password` is the one; `None`, an unknown account, takes as long and is never it. It
    /// takes as much as making one.
    pub fn verify(hash: Option<Self>, password: &SecretString) -> bool {
        let known = hash.is_some();
        // Made even where it is not needed: else the first unknown account would take longer.
        let nobody = NOBODY.clone();
        let hash = hash.unwrap_or(nobody);
        let matches = PhcString::new(&hash.0).is_ok_and(|hash| {
            Argon2::default().verify_password(password.expose_secret().as_bytes(), &hash).is_ok()
        });
        matches && known
    }
}

fn hashed(password: &str) -> String {
    Argon2::default()
        .hash_password(password.as_bytes())
        .expect("the default parameters are good")
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_by_its_argon2id_hash_alone() {
        let hash = PasswordHash::of(&"correct horse battery".into());
        // OWASP's least for argon2id: 19 MiB, two passes, one lane.
        assert!(hash.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.0);
        assert!(PasswordHash::verify(Some(hash.clone()), &"correct horse battery".into()));
        assert!(!PasswordHash::verify(Some(hash.clone()), &"correct horse batterz".into()));
        assert!(!PasswordHash::verify(None, &"correct horse battery".into()));
        assert_eq!(format!("{hash:?}"), "***");
    }
}
