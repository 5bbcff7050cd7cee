//! The host that a request names: one, and in a browser one of ours.

use crate::harness::{Answer, Portal};
use reqwest::{Method, RequestBuilder};
use restricted_users::model::operator::RoleGroup;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const REBOUND: &str = "evil.example:8080";

/// The first line of the answer to these lines of a head.
async fn answer(portal: &Portal, lines: &[&str]) -> String {
    let address = portal.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("{}\r\nconnection: close\r\n\r\n", lines.join("\r\n"));
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.lines().next().unwrap().to_owned()
}

#[tokio::test]
async fn a_request_that_names_no_host_or_two_is_bad() {
    let portal = Portal::start().await;
    for hosts in [&[][..], &["host: a", "host: a"], &["host: "], &["host: user@a"], &["host: a/b"]]
    {
        for line in ["GET /healthz HTTP/1.1", "GET / HTTP/1.1", "POST /sign-in HTTP/1.1"] {
            let status = answer(&portal, &[&[line], hosts].concat()).await;
            assert_eq!(status, "HTTP/1.1 400 Bad Request", "{line} {hosts:?}");
        }
    }
    let answer = portal.send(portal.request(Method::GET, "/").header("host", "user@a")).await;
    answer.problem("bad-host");
}

#[tokio::test]
async fn load_balancers_ask_under_any_host_or_in_http_1_0_without_any() {
    let portal = Portal::start().await;
    for path in ["/healthz", "/readyz"] {
        let old = answer(&portal, &[&format!("GET {path} HTTP/1.0")]).await;
        assert_eq!(old, "HTTP/1.0 200 OK", "{path}");
        for host in ["host: 192.0.2.1:8080", "host: portal.cluster.local"] {
            let status = answer(&portal, &[&format!("GET {path} HTTP/1.1"), host]).await;
            assert_eq!(status, "HTTP/1.1 200 OK", "{path} {host}");
        }
    }
    let by_address = answer(&portal, &["GET /metrics HTTP/1.1", "host: 192.0.2.1:8080"]).await;
    assert_eq!(by_address, "HTTP/1.1 200 OK");
}

/// A form of a page that the browser had under `host`.
async fn form_under(portal: &Portal, host: &str) -> Answer {
    let form = |request: RequestBuilder| {
        let request = request.header("host", host).header("origin", format!("http://{host}"));
        let request = request.header("sec-fetch-site", "same-origin");
        request.header("content-type", "application/x-www-form-urlencoded").body("")
    };
    portal.send(form(portal.request(Method::POST, "/sign-out"))).await
}

#[tokio::test]
async fn a_page_whose_name_suddenly_leads_here_changes_and_reads_nothing() {
    let portal = Portal::with(&[("public_url", "http://restricted.example.org")]).await;
    let detail = form_under(&portal, REBOUND).await.problem("bad-host");
    assert!(detail.contains("Go to http://restricted.example.org"), "{detail}");
    let metrics = portal.request(Method::GET, "/metrics").header("host", REBOUND);
    portal.send(metrics).await.problem("signed-out");
    for ours in ["restricted.example.org", "localhost:8080", "127.0.0.1:8080", "[::1]:8080"] {
        assert_eq!(form_under(&portal, ours).await.status, 303, "{ours}");
    }
}

#[tokio::test]
async fn the_api_takes_a_token_under_any_host() {
    let portal = Portal::start().await;
    let token = portal.token(RoleGroup::SecurityAdministrator).await;
    let request = portal.request(Method::POST, "/api/v1/restricted-users").bearer_auth(token);
    let body = json!({ "address": "alice@example.org", "reason": "sent spam" });
    let request = request.header("host", "restricted-users.mail.svc.cluster.local").json(&body);
    assert_eq!(portal.send(request).await.status, 201);
}
