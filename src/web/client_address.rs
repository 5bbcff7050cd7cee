//! Where a request came from, told by the connection or by a proxy that is trusted.

use crate::config::ForwardedHeader;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

/// The other end of the connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Where the request came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

/// Marks a request of a program on this machine, which came through no proxy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FromThisMachine;

/// What proxies and content networks add that forward a request for somebody else, beside everything that
/// begins with `x-forwarded`.
const FORWARDED: [&str; 8] = [
    "forwarded",
    "via",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-original-forwarded-for",
    "true-client-ip",
    "cf-connecting-ip",
];

pub(super) fn find(trusted: &[IpNet], header: ForwardedHeader, request: &mut Request) {
    if let Some(Peer(peer)) = request.extensions().get::<Peer>().copied() {
        let peer = peer.to_canonical();
        let client = client(peer, request.headers(), header, trusted);
        if peer.is_loopback() && !is_forwarded(request.headers()) {
            request.extensions_mut().insert(FromThisMachine);
        }
        request.extensions_mut().insert(ClientAddress(client));
    }
}

fn is_forwarded(headers: &HeaderMap) -> bool {
    let mut names = headers.keys().map(HeaderName::as_str);
    names.any(|name| name.starts_with("x-forwarded") || FORWARDED.contains(&name))
}

/// The last address that no trusted proxy has; whatever stands before it anybody may have written.
fn client(peer: IpAddr, headers: &HeaderMap, header: ForwardedHeader, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = peer;
    let mut hops = hops(headers, header);
    while is_trusted(&client) {
        match hops.pop().flatten() {
            Some(hop) => client = hop,
            None => break,
        }
    }
    client
}

/// The hops in the order they were written.
fn hops(headers: &HeaderMap, header: ForwardedHeader) -> Vec<Option<IpAddr>> {
    let hop = match header {
        ForwardedHeader::Forwarded => for_parameter,
        ForwardedHeader::XForwardedFor | ForwardedHeader::XRealIp => hop_address,
    };
    // Octets that are no text may stand before the proxy's own word, and do not make it unheard.
    let values = headers.get_all(header.name()).iter().map(HeaderValue::as_bytes);
    let parts = values.flat_map(|value| value.split(|octet| *octet == b','));
    parts.map(|part| hop(str::from_utf8(part).ok()?.trim())).collect()
}

fn for_parameter(hop: &str) -> Option<IpAddr> {
    hop.split(';').find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        name.eq_ignore_ascii_case("for").then(|| hop_address(value.trim_matches('"')))?
    })
}

/// An address, in brackets and with a port where a proxy adds them.
fn hop_address(text: &str) -> Option<IpAddr> {
    let address = text
        .parse::<IpAddr>()
        .or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()))
        .or_else(|_| text.trim_start_matches('[').trim_end_matches(']').parse());
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXIES: &str = "192.0.2.0/24";

    fn client_of(header: ForwardedHeader, headers: &[(&str, &str)], trusted: &[&str]) -> String {
        let trusted: Vec<IpNet> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        client([192, 0, 2, 1].into(), &map(headers), header, &trusted).to_string()
    }

    #[test]
    fn what_a_client_writes_that_is_no_text_does_not_hide_what_the_proxy_adds() {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_bytes(b"\xff, 203.0.113.9").unwrap();
        headers.insert("x-forwarded-for", value);
        let (header, trusted) = (ForwardedHeader::XForwardedFor, [PROXIES.parse().unwrap()]);
        let found = client([192, 0, 2, 1].into(), &headers, header, &trusted);
        assert_eq!(found.to_string(), "203.0.113.9");
    }

    fn map(headers: &[(&str, &str)]) -> HeaderMap {
        let header = |(name, value): &(&str, &str)| {
            (HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(*value).unwrap())
        };
        headers.iter().map(header).collect()
    }

    #[test]
    fn a_proxy_is_believed_only_when_it_is_trusted() {
        let (header, told) = (ForwardedHeader::XForwardedFor, [("x-forwarded-for", "203.0.113.9")]);
        assert_eq!(client_of(header, &told, &[]), "192.0.2.1");
        assert_eq!(client_of(header, &told, &[PROXIES]), "203.0.113.9");
    }

    #[test]
    fn what_stands_before_the_first_stranger_is_not_believed() {
        let hops = [("x-forwarded-for", "198.51.100.66, 203.0.113.9, 192.0.2.7")];
        assert_eq!(client_of(ForwardedHeader::XForwardedFor, &hops, &[PROXIES]), "203.0.113.9");
        let hops = [("forwarded", "for=198.51.100.66, for=\"[2001:db8::9]:4711\";proto=https")];
        assert_eq!(client_of(ForwardedHeader::Forwarded, &hops, &[PROXIES]), "2001:db8::9");
    }

    #[test]
    fn of_several_headers_the_one_of_the_settings_counts_alone() {
        let told = [
            ("forwarded", "for=198.51.100.1"),
            ("x-forwarded-for", "198.51.100.2"),
            ("x-real-ip", "198.51.100.3"),
        ];
        let of = |header, told| client_of(header, told, &[PROXIES]);
        assert_eq!(of(ForwardedHeader::Forwarded, &told), "198.51.100.1");
        assert_eq!(of(ForwardedHeader::XForwardedFor, &told), "198.51.100.2");
        assert_eq!(of(ForwardedHeader::XRealIp, &told), "198.51.100.3");
        // A proxy that does not write it is the client itself, whatever the client has written.
        assert_eq!(of(ForwardedHeader::XRealIp, &told[..2]), "192.0.2.1");
    }

    #[test]
    fn any_header_of_a_proxy_tells_that_somebody_stands_behind_it() {
        for name in ["Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP", "Via"] {
            assert!(is_forwarded(&map(&[(name, "")])), "{name}");
        }
        assert!(!is_forwarded(&map(&[("host", "localhost"), ("accept", "*/*")])));
    }
}
