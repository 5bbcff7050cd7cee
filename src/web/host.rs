//! The host that a request names (RFC 9112, 3.2). A page of somebody else whose name suddenly leads to this
//! address (DNS rebinding) is told from our own by it.

use super::error::Problem;
use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Version, header};
use std::net::IpAddr;
use url::Url;

/// Checks that a request names one host. Balancers that ask in HTTP/1.0 need not.
pub(super) fn check(request: &Request) -> Result<(), Problem> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let has_host = match (hosts.next(), hosts.next()) {
        (None, _) => request.version() < Version::HTTP_11,
        (Some(_), None) => authority(request.headers())
            .is_some_and(|host| request.uri().authority().is_none_or(|asked| *asked == host)),
        (Some(_), Some(_)) => false,
    };
    if has_host { Ok(()) } else { Err(Problem::BadHost) }
}

/// Whether a request names us: by the host of `public_url`, by a name of this machine for itself, or by an
/// address, which no page of somebody else has for its name.
pub(crate) fn is_ours(headers: &HeaderMap, public_url: &str) -> bool {
    let Some(authority) = authority(headers) else { return false };
    let host = authority.host().to_ascii_lowercase();
    if host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok() {
        return true;
    }
    let name = host.strip_suffix('.').unwrap_or(&host);
    name == "localhost"
        || name.ends_with(".localhost")
        || Url::parse(public_url).is_ok_and(|url| url.host_str() == Some(name))
}

fn authority(headers: &HeaderMap) -> Option<Authority> {
    let authority: Authority = headers.get(header::HOST)?.to_str().ok()?.parse().ok()?;
    let is_whole = authority.as_str() == authority.host() || authority.port_u16().is_some();
    (is_whole && !authority.as_str().contains('@')).then_some(authority)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn request(version: Version, uri: &str, hosts: &[&str]) -> Request {
        let request = Request::builder().version(version).uri(uri);
        let request = hosts.iter().fold(request, |request, host| request.header("host", *host));
        request.body(Body::empty()).unwrap()
    }

    #[test]
    fn a_request_names_one_host_or_is_so_old_that_it_need_not() {
        let is_good = |uri, hosts: &[&str]| check(&request(Version::HTTP_11, uri, hosts)).is_ok();
        assert!(is_good("/", &["example.org"]) && is_good("/", &["[::1]:8080"]));
        assert!(is_good("http://example.org/", &["Example.org"]));
        assert!(!is_good("http://example.org/", &["evil.example"]));
        for bad in [&[][..], &[""], &["a", "a"], &["a b"], &["a/b"], &["user@a"], &["a:b"]] {
            assert!(!is_good("/", bad), "{bad:?}");
        }
        assert!(check(&request(Version::HTTP_10, "/", &[])).is_ok());
        assert!(check(&request(Version::HTTP_10, "/", &["a", "b"])).is_err());
    }

    #[test]
    fn we_are_known_by_our_public_name_by_those_of_this_machine_and_by_addresses() {
        let is_ours = |host: &str| {
            let request = request(Version::HTTP_11, "/", &[host]);
            super::is_ours(request.headers(), "https://restricted.example.org:8443")
        };
        for ours in [
            "restricted.example.org",
            "Restricted.Example.org.:8443",
            "localhost:8080",
            "portal.localhost",
            "127.0.0.1:8080",
            "[::1]",
            "192.0.2.1",
        ] {
            assert!(is_ours(ours), "{ours}");
        }
        for foreign in
            ["evil.example", "restricted.example.org.evil.example", "notlocalhost", "0x7f.1"]
        {
            assert!(!is_ours(foreign), "{foreign}");
        }
    }
}
