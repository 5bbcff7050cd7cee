//! The cookie that carries a session.

use axum::http::{HeaderMap, HeaderValue, header};
use chrono::TimeDelta;
use secrecy::{ExposeSecret, SecretString};

/// Browsers take a cookie of this prefix only over https, for this host alone and all paths.
const HTTPS_NAME: &str = "__Host-session";
const HTTP_NAME: &str = "session";
const HTTPS_DEVICE: &str = "__Host-device";
const HTTP_DEVICE: &str = "device";
const HTTPS_VISIT: &str = "__Host-oidc";
const HTTP_VISIT: &str = "oidc";

/// The secret of the session, as it came. Over https only the name with the prefix counts: any
/// host of the domain could have set the other.
pub(crate) fn read(headers: &HeaderMap, https: bool) -> Option<&str> {
    read_named(headers, if https { HTTPS_NAME } else { HTTP_NAME })
}

pub(super) fn read_named<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let values = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes);
    // A cookie of somebody else on this host, or set for the whole domain, may hold what is no text.
    let cookies = values.flat_map(|value| value.split(|octet| *octet == b';'));
    cookies.filter_map(|cookie| str::from_utf8(cookie).ok()).find_map(|cookie| {
        let (name, value) = cookie.trim().split_once('=')?;
        (name == wanted).then_some(value)
    })
}

/// The secret of a browser that somebody signed in with before.
pub(crate) fn read_device(headers: &HeaderMap, https: bool) -> Option<&str> {
    read_named(headers, if https { HTTPS_DEVICE } else { HTTP_DEVICE })
}

/// The `Set-Cookie` by which the browser is known again.
pub(crate) fn remember_device(secret: &SecretString, https: bool) -> HeaderValue {
    let name = if https { HTTPS_DEVICE } else { HTTP_DEVICE };
    set(name, secret.expose_secret(), https, "; Max-Age=15552000")
}

/// The secret of a browser that is at the identity provider.
pub(crate) fn read_visit(headers: &HeaderMap, https: bool) -> Option<&str> {
    read_named(headers, if https { HTTPS_VISIT } else { HTTP_VISIT })
}

/// The `Set-Cookie` of a browser that goes to the identity provider. `Lax`: it comes back from
/// another site.
pub(crate) fn begin_visit(secret: &SecretString, https: bool, lasts: TimeDelta) -> HeaderValue {
    let name = if https { HTTPS_VISIT } else { HTTP_VISIT };
    let more = format!("; Max-Age={}", lasts.num_seconds());
    set(name, secret.expose_secret(), https, &more)
}

/// The `Set-Cookie` of a browser that is back.
pub(crate) fn end_visit(https: bool) -> HeaderValue {
    set(if https { HTTPS_VISIT } else { HTTP_VISIT }, "", https, "; Max-Age=0")
}

/// The `Set-Cookie` that begins a session.
///
/// `Lax` and not `Strict`, so that a link in an alert opens the portal signed in; every change
/// checks the origin besides.
pub(crate) fn begin(secret: &SecretString, https: bool) -> HeaderValue {
    set(if https { HTTPS_NAME } else { HTTP_NAME }, secret.expose_secret(), https, "")
}

/// The `Set-Cookie` that ends it.
pub(crate) fn end(https: bool) -> HeaderValue {
    set(if https { HTTPS_NAME } else { HTTP_NAME }, "", https, "; Max-Age=0")
}

pub(super) fn set(name: &str, value: &str, https: bool, more: &str) -> HeaderValue {
    let secure = if https { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{more}");
    let mut value = HeaderValue::try_from(text).expect("a secret is base64url");
    value.set_sensitive(true);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_else_sets_for_this_host_does_not_hide_the_session() {
        for cookies in [&b"other=\xff; session=ours"[..], "ü=ü;session=ours".as_bytes()] {
            let value = HeaderValue::from_bytes(cookies).unwrap();
            let headers = HeaderMap::from_iter([(header::COOKIE, value)]);
            assert_eq!(read(&headers, false), Some("ours"));
        }
    }
}
