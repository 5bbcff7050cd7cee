//! The cookie that carries a session.

use axum::http::{HeaderMap, HeaderValue, header};
use secrecy::{ExposeSecret, SecretString};

/// Browsers take a cookie of this prefix only over https, for this host alone and all paths.
const HTTPS_NAME: &str = "__Host-session";
const HTTP_NAME: &str = "session";

/// The secret of the session, as it came.
pub(crate) fn read(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies.flat_map(|value| value.split(';')).find_map(|cookie| {
        let (name, value) = cookie.trim().split_once('=')?;
        [HTTPS_NAME, HTTP_NAME].contains(&name).then_some(value)
    })
}

/// The `Set-Cookie` that begins a session.
///
/// `Lax` and not `Strict`, so that a link in an alert opens the portal signed in; every change
/// checks the origin besides.
pub(crate) fn begin(secret: &SecretString, https: bool) -> HeaderValue {
    set(secret.expose_secret(), https, "")
}

/// The `Set-Cookie` that ends it.
pub(crate) fn end(https: bool) -> HeaderValue {
    set("", https, "; Max-Age=0")
}

fn set(value: &str, https: bool, more: &str) -> HeaderValue {
    let (name, secure) = if https { (HTTPS_NAME, "; Secure") } else { (HTTP_NAME, "") };
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{more}");
    let mut value = HeaderValue::try_from(text).expect("a secret is base64url");
    value.set_sensitive(true);
    value
}
