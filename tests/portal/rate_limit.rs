//! `api_rate_limit`: how many requests a minute a token may send.

use crate::harness::{Answer, Portal, minutes};
use chrono::TimeDelta;
use reqwest::Method;
use restricted_users::model::operator::RoleGroup::{MailServer, SecurityReader};
use restricted_users::retention;
use serde_json::json;

const USERS: &str = "/api/v1/restricted-users";

async fn get(portal: &Portal, token: &str, path: &str) -> Answer {
    portal.send(portal.request(Method::GET, path).bearer_auth(token)).await
}

fn told(answer: &Answer) -> (String, String) {
    let header = |name: &str| answer.headers[name].to_str().unwrap().to_owned();
    (header("ratelimit-policy"), header("ratelimit"))
}

#[tokio::test]
async fn a_token_is_told_what_is_left_and_turned_away_until_the_minute_is_over() {
    let portal = Portal::with(&[("api_rate_limit", "3")]).await;
    let token = portal.token(SecurityReader).await;
    portal.pass(TimeDelta::seconds(20)).await;
    for left in [2, 1, 0] {
        let answer = get(&portal, &token, USERS).await;
        assert_eq!(answer.status, 200);
        let expected = ("\"minute\";q=3;w=60".into(), format!("\"minute\";r={left};t=40"));
        assert_eq!(told(&answer), expected);
    }
    for _ in 0..2 {
        let answer = get(&portal, &token, USERS).await;
        assert_eq!(answer.status, 429);
        let detail = answer.problem("too-many-requests");
        assert!(detail.contains("3 requests a minute"), "{detail}");
        assert_eq!(answer.headers["retry-after"], "40");
        assert_eq!(told(&answer).1, "\"minute\";r=0;t=40");
    }
    // Each token has its own.
    let other = portal.token(SecurityReader).await;
    assert_eq!(get(&portal, &other, USERS).await.status, 200);

    portal.pass(TimeDelta::seconds(39)).await;
    assert_eq!(get(&portal, &token, USERS).await.headers["retry-after"], "1");
    portal.pass(TimeDelta::seconds(1)).await;
    assert_eq!(told(&get(&portal, &token, USERS).await).1, "\"minute\";r=2;t=60");
}

#[tokio::test]
async fn what_is_refused_counts_and_who_is_nobody_is_not_counted() {
    let portal = Portal::with(&[("api_rate_limit", "3")]).await;
    let token = portal.token(SecurityReader).await;
    let forbidden = portal.request(Method::POST, USERS).bearer_auth(&token);
    let forbidden = portal.send(forbidden).await;
    forbidden.problem("forbidden");
    assert_eq!(told(&forbidden).1, "\"minute\";r=2;t=60");
    get(&portal, &token, "/api/v1/restricted-users?limit=0").await.problem("invalid");
    assert_eq!(
        told(&get(&portal, &token, "/api/v1/restricted-users/x").await).1,
        "\"minute\";r=0;t=60"
    );
    for _ in 0..5 {
        let nobody = get(&portal, "guess", USERS).await;
        nobody.problem("signed-out");
        assert!(!nobody.headers.contains_key("ratelimit"));
    }
}

#[tokio::test]
async fn two_replicas_count_together() {
    let portal = Portal::with(&[("api_rate_limit", "10")]).await;
    let replica = portal.replica().await;
    let token = portal.token(SecurityReader).await;
    let all = (0..30).map(|it| get(if it % 2 == 0 { &portal } else { &replica }, &token, USERS));
    let answers = futures_util::future::join_all(all).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 10);
    assert_eq!(answers.iter().filter(|answer| answer.status == 429).count(), 20);
}

#[tokio::test]
async fn a_script_of_exchange_online_is_told_in_the_shape_it_knows() {
    let portal = Portal::with(&[("api_rate_limit", "1")]).await;
    let token = portal.token(SecurityReader).await;
    let invoke = async || {
        let path = "/adminapi/beta/example.org/InvokeCommand";
        let cmdlet = json!({ "CmdletName": "Get-BlockedSenderAddress", "Parameters": {} });
        let request = portal.request(Method::POST, path).bearer_auth(&token);
        portal.send(request.json(&json!({ "CmdletInput": cmdlet }))).await
    };
    assert_eq!(told(&invoke().await).1, "\"minute\";r=0;t=60");
    let answer = invoke().await;
    assert_eq!(answer.status, 429);
    assert_eq!(answer.headers["retry-after"], "60");
    let message = &answer.json()["error"]["message"];
    assert!(message.as_str().unwrap().contains("1 requests a minute"), "{message}");
}

#[tokio::test]
async fn mail_servers_have_no_limit_and_neither_has_a_session() {
    let portal = Portal::with(&[("api_rate_limit", "1")]).await;
    let (mail_server, session) =
        (portal.token(MailServer).await, portal.session(SecurityReader).await);
    for _ in 0..3 {
        let decision = "/api/v1/decision?sender=alice@example.org&recipient=bob@remote.example";
        let answer = get(&portal, &mail_server, decision).await;
        assert_eq!(answer.status, 200);
        assert!(!answer.headers.contains_key("ratelimit"));
        let message =
            json!({ "sender": "alice@example.org", "recipients": ["bob@remote.example"] });
        let tell = portal.request(Method::POST, "/api/v1/outbound-messages");
        assert_eq!(portal.send(tell.bearer_auth(&mail_server).json(&message)).await.status, 202);
        let looked =
            portal.send(portal.request(Method::GET, USERS).header("cookie", &session)).await;
        assert_eq!(looked.status, 200);
    }
}

#[tokio::test]
async fn without_the_setting_nothing_is_counted_or_told() {
    let portal = Portal::start().await;
    let token = portal.token(SecurityReader).await;
    for _ in 0..3 {
        let answer = get(&portal, &token, USERS).await;
        assert_eq!(answer.status, 200);
        assert!(!answer.headers.contains_key("ratelimit-policy"));
    }
    portal.clock.advance(minutes(1));
    let now = portal.clock.now();
    assert_eq!(portal.app.store.delete_old_request_counts(now).await.unwrap(), 0);
}

#[tokio::test]
async fn counts_of_minutes_that_are_over_are_deleted() {
    let portal = Portal::with(&[("api_rate_limit", "5")]).await;
    let token = portal.token(SecurityReader).await;
    get(&portal, &token, USERS).await.ok();
    let now = portal.clock.now() + minutes(1);
    portal.clock.advance(minutes(1));
    get(&portal, &token, USERS).await.ok();
    retention::delete_all_old(&portal.app).await.unwrap();
    assert_eq!(portal.app.store.delete_old_request_counts(now).await.unwrap(), 0);
    // This minute's count is still there.
    assert_eq!(told(&get(&portal, &token, USERS).await).1, "\"minute\";r=3;t=60");
}

#[tokio::test]
async fn while_the_database_is_away_what_is_kept_for_it_comes_in() {
    let portal = Portal::with(&[("api_rate_limit", "1")]).await;
    // A token of Organization Management, which has told of a message before.
    portal.rspamd("alice@example.org", "1", "no action").await;
    let absence = portal.database.take_away().await;
    portal.rspamd("alice@example.org", "2", "add header").await;
    portal.database.bring_back(absence).await;
}
