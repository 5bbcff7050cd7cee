//! Where a request came from, told by the connection or by a proxy that is trusted.

use axum::extract::Request;
use axum::http::{HeaderMap, header};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

/// The other end of the connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Where the request came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

/// Marks a request that a proxy sent on which nobody said to trust: its peer is not its client.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BehindUnknownProxy;

pub(super) fn find(trusted: &[IpNet], request: &mut Request) {
    if let Some(Peer(peer)) = request.extensions().get::<Peer>().copied() {
        let peer = peer.to_canonical();
        let client = client(peer, request.headers(), trusted);
        if client == peer && !forwarded(request.headers()).is_empty() {
            request.extensions_mut().insert(BehindUnknownProxy);
        }
        request.extensions_mut().insert(ClientAddress(client));
    }
}

/// The last address that no trusted proxy has; whatever stands before it anybody may have written.
fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = peer;
    let mut hops = forwarded(headers);
    while is_trusted(&client) {
        match hops.pop().flatten() {
            Some(hop) => client = hop,
            None => break,
        }
    }
    client
}

/// The hops in the order they were written: `Forwarded` (RFC 7239), else `X-Forwarded-For`.
fn forwarded(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let values = |name: &str| -> Vec<String> {
        let all = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        all.flat_map(|value| value.split(',')).map(|part| part.trim().to_owned()).collect()
    };
    if headers.contains_key(header::FORWARDED) {
        return values("forwarded").iter().map(|hop| for_parameter(hop)).collect();
    }
    values("x-forwarded-for").iter().map(|hop| hop_address(hop)).collect()
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
    use axum::http::{HeaderName, HeaderValue};

    fn client_of(peer: &str, name: &str, value: &str, trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        let name = HeaderName::try_from(name).unwrap();
        headers.insert(name, HeaderValue::try_from(value).unwrap());
        let trusted: Vec<IpNet> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        client(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn a_proxy_is_believed_only_when_it_is_trusted() {
        let name = "x-forwarded-for";
        assert_eq!(client_of("192.0.2.1", name, "203.0.113.9", &[]), "192.0.2.1");
        assert_eq!(client_of("192.0.2.1", name, "203.0.113.9", &["192.0.2.0/24"]), "203.0.113.9");
    }

    #[test]
    fn what_stands_before_the_first_stranger_is_not_believed() {
        let trusted = ["192.0.2.0/24"];
        let hops = "198.51.100.66, 203.0.113.9, 192.0.2.7";
        assert_eq!(client_of("192.0.2.1", "x-forwarded-for", hops, &trusted), "203.0.113.9");
        let hops = "for=198.51.100.66, for=\"[2001:db8::9]:4711\";proto=https";
        assert_eq!(client_of("192.0.2.1", "forwarded", hops, &trusted), "2001:db8::9");
    }
}
