//! Cookies that hold what is under way together, until it is done.

use super::session_cookie::{read_named, set};
use axum::http::{HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

/// What is under way.
#[derive(Debug, Clone, Copy)]
pub(crate) enum StepCookie {
    /// The password was right, the second factor is asked.
    HalfSignIn,
    /// An authenticator was asked to sign in with a passkey.
    Challenge,
}

impl StepCookie {
    /// As for sessions: over https for this host alone.
    fn name(self, https: bool) -> &'static str {
        match (self, https) {
            (Self::HalfSignIn, true) => "__Host-half-sign-in",
            (Self::HalfSignIn, false) => "half-sign-in",
            (Self::Challenge, true) => "__Host-passkey",
            (Self::Challenge, false) => "passkey",
        }
    }

    /// The secret, as it came.
    pub(crate) fn read(self, headers: &HeaderMap, https: bool) -> Option<&str> {
        read_named(headers, self.name(https))
    }

    /// The `Set-Cookie` that begins it.
    pub(crate) fn begin(self, secret: &SecretString, https: bool) -> HeaderValue {
        set(self.name(https), secret.expose_secret(), https, "")
    }

    /// The `Set-Cookie` that ends it.
    pub(crate) fn end(self, https: bool) -> HeaderValue {
        set(self.name(https), "", https, "; Max-Age=0")
    }
}
