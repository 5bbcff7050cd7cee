//! Requests that are answered once, however often they are sent under one `Idempotency-Key`
//! (draft-ietf-httpapi-idempotency-key-header).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::TimeDelta;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};

/// How long an answer is kept.
pub const KEPT: TimeDelta = TimeDelta::hours(24);

/// How long a request can be under way: twice as long as the server lets one take. What is under way
/// for longer was left by a process that was killed, and may be sent anew.
pub const LONGEST: TimeDelta = TimeDelta::minutes(1);

/// A request under a key, known without the token, the key or the request being kept.
pub struct KeyedRequest {
    id: String,
    fingerprint: String,
    seal: LessSafeKey,
}

impl KeyedRequest {
    /// The request to `path` with `body` that who has `token` sends under `key`. The same key of
    /// another token is another one.
    ///
    /// # Panics
    /// Never: an HMAC-SHA256 is as long as a key of AES-256.
    pub fn of(token: &SecretString, key: &str, path: &str, body: &[u8]) -> Self {
        let token = hmac::Key::new(hmac::HMAC_SHA256, token.expose_secret().as_bytes());
        let seal = made_of(&token, "seal", &[key.as_bytes()]);
        let seal = UnboundKey::new(&AES_256_GCM, seal.as_ref()).expect("it has 32 octets");
        Self {
            id: hex::encode(made_of(&token, "id", &[key.as_bytes()])),
            fingerprint: hex::encode(made_of(&token, "request", &[path.as_bytes(), body])),
            seal: LessSafeKey::new(seal),
        }
    }

    /// What it is known by.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What tells it from another request under the same key.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// An answer that nobody reads without the token.
    ///
    /// # Panics
    /// When the system has no random bytes to give, without which nothing here is safe.
    pub fn sealed(&self, mut answer: Vec<u8>) -> String {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).expect("the system gives random bytes");
        let unique = Nonce::assume_unique_for_key(nonce);
        let sealed = self.seal.seal_in_place_append_tag(unique, Aad::from(&self.id), &mut answer);
        sealed.expect("no answer has 64 GiB");
        BASE64_STANDARD.encode([&nonce[..], &answer].concat())
    }

    /// The answer that was sealed; nothing where it is none of this request's.
    pub fn opened(&self, sealed: &str) -> Option<Vec<u8>> {
        let sealed = BASE64_STANDARD.decode(sealed).ok()?;
        let (nonce, answer) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let mut answer = answer.to_vec();
        let opened = self.seal.open_in_place(nonce, Aad::from(&self.id), &mut answer).ok()?.len();
        answer.truncate(opened);
        Some(answer)
    }
}

/// An HMAC of a purpose and of parts, each with its length before it.
fn made_of(token: &hmac::Key, purpose: &str, parts: &[&[u8]]) -> hmac::Tag {
    let mut made = hmac::Context::with_key(token);
    for part in [&[purpose.as_bytes()], parts].concat() {
        made.update(&part.len().to_be_bytes());
        made.update(part);
    }
    made.sign()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn request(token: &str, key: &str, path: &str, body: &str) -> KeyedRequest {
        KeyedRequest::of(&token.into(), key, path, body.as_bytes())
    }

    #[test]
    fn a_request_is_known_by_token_and_key_and_told_apart_by_path_and_body() {
        let one = request("t", "k", "/a", "b");
        assert_eq!(one.id(), request("t", "k", "/other", "other").id());
        assert_ne!(one.id(), request("u", "k", "/a", "b").id());
        assert_ne!(one.id(), request("t", "l", "/a", "b").id());
        assert_eq!(one.fingerprint(), request("t", "l", "/a", "b").fingerprint());
        assert_ne!(one.fingerprint(), request("t", "k", "/ab", "").fingerprint());
        assert_ne!(one.fingerprint(), request("t", "k", "/a", "c").fingerprint());
    }

    proptest! {
        #[test]
        fn who_has_the_token_opens_what_was_sealed_and_nobody_else(
            answer: Vec<u8>,
            garbage in ".{0,80}",
        ) {
            let one = request("t", "k", "/a", "b");
            let sealed = one.sealed(answer.clone());
            prop_assert_ne!(&sealed, &one.sealed(answer.clone()));
            prop_assert_eq!(one.opened(&sealed), Some(answer));
            prop_assert_eq!(request("u", "k", "/a", "b").opened(&sealed), None);
            prop_assert_eq!(request("t", "l", "/a", "b").opened(&sealed), None);
            prop_assert_eq!(one.opened(&garbage), None);
        }
    }
}
