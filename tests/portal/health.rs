//! What load balancers and monitoring are told.

use crate::harness::{Portal, minutes};
use reqwest::Method;
use restricted_users::model::operator::RoleGroup;

#[tokio::test]
async fn a_running_service_is_alive_and_ready() {
    let portal = Portal::start().await;
    let send = |path| portal.send(portal.request(Method::GET, path));
    assert_eq!(send("/healthz").await.status, 200);
    let ready = send("/readyz").await;
    assert_eq!(ready.ok()["status"], "ready");
    for part in ["database", "migrations", "web", "postfix", "unblocker", "blocklist", "bookkeeper"]
    {
        assert_eq!(ready.json()["checks"][part], "ok", "{part}");
    }
}

#[tokio::test]
async fn metrics_tell_requests_decisions_users_lateness_and_pool_and_no_addresses() {
    let portal = Portal::start().await;
    portal.restricted("alice@example.org").await;
    portal.policy_answer("alice@example.org", "bob@remote.example").await;
    portal.unblock("alice@example.org").await;
    portal.pass(minutes(31)).await;
    let made_up = Method::from_bytes(b"X4711").unwrap();
    portal.send(portal.request(made_up, "/healthz")).await.problem("method-not-allowed");
    let text = portal.send(portal.request(Method::GET, "/metrics")).await.text;
    for line in [
        "restricted_users_http_requests_total{method=\"POST\",route=\"/api/v1/restricted-users\",status=\"201\"}",
        "restricted_users_http_requests_total{method=\"other\",route=\"/healthz\",status=\"405\"}",
        "restricted_users_policy_decisions_total{result=\"reject\"}",
        "restricted_users_users{state=\"restricted\"}",
        "restricted_users_users{state=\"unblocking\"}",
        "restricted_users_release_lateness_seconds_bucket",
        "restricted_users_database_connections{state=\"open\"}",
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
    assert!(!text.contains('@') && !text.contains("X4711"), "{text}");
}

#[tokio::test]
async fn through_a_proxy_metrics_take_a_token() {
    let portal = Portal::start().await;
    let request =
        || portal.request(Method::GET, "/metrics").header("x-forwarded-for", "203.0.113.9");
    portal.send(request()).await.problem("signed-out");
    for (name, value) in
        [("forwarded", "for=127.0.0.1"), ("via", "1.1 proxy"), ("x-real-ip", "::1")]
    {
        let request = portal.request(Method::GET, "/metrics").header(name, value);
        portal.send(request).await.problem("signed-out");
    }
    portal.send(request().bearer_auth("guessed")).await.problem("signed-out");
    let token = portal.token(RoleGroup::MailServer).await;
    assert_eq!(portal.send(request().bearer_auth(token)).await.status, 200);
}

#[tokio::test]
async fn a_trusted_proxy_that_forwards_for_this_machine_gets_no_metrics_without_a_token() {
    for header in ["forwarded", "x-forwarded-for", "x-real-ip"] {
        let settings = [("trusted_proxies", "127.0.0.1"), ("forwarded_header", header)];
        let portal = Portal::with(&settings).await;
        for (name, value) in [("forwarded", "for=127.0.0.2"), ("x-forwarded-for", "127.0.0.2")] {
            let request = portal.request(Method::GET, "/metrics").header(name, value);
            portal.send(request).await.problem("signed-out");
        }
    }
}
