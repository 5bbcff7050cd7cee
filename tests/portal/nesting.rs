//! What nests without end, at every route and port that takes bytes. Each answers on a thread of 2 MiB
//! stack, which a reader that calls itself at each level would run over.

use crate::harness::Portal;
use crate::routes::{ROUTES, filled, is_api};
use nests::nests;
use reqwest::{Method, StatusCode};
use restricted_users::model::operator::RoleGroup;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[path = "../../benches/ground/nests.rs"]
mod nests;

/// As much as most routes take.
const MOST: usize = 1024 * 1024;

#[tokio::test]
async fn what_nests_is_answered_at_every_route_and_harms_nobody() {
    let portal = Portal::start().await;
    let session = portal.session(RoleGroup::OrganizationManagement).await;
    for (method, path, _) in ROUTES.iter().filter(|(method, ..)| *method != "GET") {
        let reports = path.contains("/verdicts/") || path.ends_with("/outbound-messages");
        for nest in nests(if reports { 10 * MOST } else { MOST }) {
            let (method, path): (Method, _) = (method.parse().unwrap(), filled(path));
            let request = if is_api(&path) {
                portal.authorized(method.clone(), &path)
            } else {
                let request = portal.request(method.clone(), &path);
                request.header("cookie", &session).header("origin", &portal.url)
            };
            let request = request.header("content-type", nest.content_type).body(nest.body);
            let status = portal.send(request).await.status;
            assert!(!status.is_server_error(), "{method} {path}, {}: {status}", nest.name);
        }
    }
    assert_eq!(
        portal.policy_answer("alice@example.org", "bob@remote.example").await,
        "action=DUNNO"
    );
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_whatever_is_in_it() {
    let portal = Portal::start().await;
    for nest in nests(10 * MOST) {
        let request = portal.authorized(Method::POST, "/api/v1/unblocks");
        let request = request.header("content-type", nest.content_type).body(nest.body);
        assert_eq!(portal.send(request).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    }
}

#[tokio::test]
async fn what_nests_at_the_ports_of_mail_servers_is_cut_off() {
    let portal = Portal::with(&[("socketmap_listen", "127.0.0.1:0")]).await;
    for port in [portal.policy_port(), portal.socketmap_port()] {
        for level in ["[", "sasl_username=", "a=b\n", "10485760:", "9:", "0:,", "\u{feff}"] {
            let mut stream = TcpStream::connect(port).await.unwrap();
            let sent = level.repeat(10 * MOST / level.len());
            // It is cut off while it still sends.
            let _ = stream.write_all(sent.as_bytes()).await;
            let _ = stream.shutdown().await;
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            assert!(answer.len() < MOST, "{port}, {level:?}: {} bytes", answer.len());
        }
    }
    assert_eq!(
        portal.policy_answer("alice@example.org", "bob@remote.example").await,
        "action=DUNNO"
    );
}
