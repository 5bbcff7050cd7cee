//! Somebody guesses passwords: few guesses reach the hash, nobody is locked out for good, and the
//! audit log says so without keeping what was typed.

use crate::harness::{Answer, Portal, minutes};
use reqwest::Method;
use restricted_users::address::Address;
use restricted_users::attempts::Budget;
use restricted_users::operator::{Actor, RoleGroup};
use restricted_users::secret::{PasswordHash, SecretHash};
use std::collections::BTreeMap;

const OLIVIA: &str = "olivia@example.org";
const PASSWORD: &str = "a long walk by the sea";
const WRONG: &str = "a long walk by the lake";

async fn portal() -> Portal {
    let portal = Portal::with(&[("trusted_proxies", "127.0.0.0/8")]).await;
    let (store, now) = (&portal.app.store, portal.clock.now());
    let (address, actor) = (Address::stored(OLIVIA), Actor::command_line());
    let secret = SecretHash::of("link");
    let link = (&secret, now + minutes(60));
    assert!(
        store.add_operator(&address, RoleGroup::GlobalReader, link, &actor, now).await.unwrap()
    );
    let password = PasswordHash::of(PASSWORD.into()).await;
    assert!(store.set_password(&secret, &password, None, now).await.unwrap().is_some());
    portal
}

/// Tries to sign in from an address, with the cookies of a browser.
async fn try_from(portal: &Portal, from: &str, password: &str, cookies: &str) -> Answer {
    sign_in(portal, from, OLIVIA, password, cookies).await
}

async fn sign_in(
    portal: &Portal,
    from: &str,
    address: &str,
    password: &str,
    cookies: &str,
) -> Answer {
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    let body = body.append_pair("address", address).append_pair("password", password).finish();
    let request = portal.request(Method::POST, "/sign-in").header("origin", &portal.url);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    portal.send(request.header("x-forwarded-for", from).header("cookie", cookies).body(body)).await
}

fn device(answer: &Answer) -> String {
    let cookies = answer.headers.get_all("set-cookie").iter();
    let mut cookies = cookies.map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap());
    cookies.find(|cookie| cookie.starts_with("device=")).unwrap().to_owned()
}

#[tokio::test]
async fn of_a_thousand_wrong_passwords_from_everywhere_few_reach_the_hash_and_the_owner_gets_in() {
    let portal = portal().await;
    let known = device(&try_from(&portal, "192.0.2.1", PASSWORD, "").await);
    let mut statuses = BTreeMap::new();
    for guess in 0..1_000 {
        let from = format!("198.51.{}.{}", guess / 200, guess % 200);
        let answer = try_from(&portal, &from, &format!("{WRONG} {guess}"), "").await;
        *statuses.entry(answer.status.as_u16()).or_insert(0) += 1;
    }
    assert_eq!(statuses.keys().collect::<Vec<_>>(), [&401, &429]);
    assert!(statuses[&401] <= 20, "{statuses:?}");

    // The right password does not help a stranger now, but the owner's own browser does.
    assert_eq!(try_from(&portal, "203.0.113.5", PASSWORD, "").await.status, 429);
    assert_eq!(try_from(&portal, "203.0.113.5", PASSWORD, &known).await.status, 303);
    portal.pass(minutes(15)).await;
    assert_eq!(try_from(&portal, "203.0.113.5", PASSWORD, "").await.status, 303);
}

#[tokio::test]
async fn many_guesses_at_once_take_no_more_than_there_is() {
    let portal = portal().await;
    let budgets = Budget::of(&Address::stored(OLIVIA), None, None);
    let now = portal.clock.now();
    let attempts = (0..50).map(|_| portal.app.store.take_attempt(&budgets, now));
    let taken = futures_util::future::join_all(attempts).await;
    let allowed = taken.into_iter().filter(|taken| *taken.as_ref().unwrap()).count();
    assert_eq!(allowed, 10);
}

#[tokio::test]
async fn an_account_that_does_not_exist_is_answered_like_one_that_does() {
    let portal = portal().await;
    for (round, from) in (0..12).map(|round| (round, format!("198.51.100.{round}"))) {
        let wrong = try_from(&portal, &from, WRONG, "").await;
        let unknown = sign_in(&portal, &from, "nobody@example.org", WRONG, "").await;
        assert_eq!(wrong.status, unknown.status, "round {round}");
        assert_eq!(wrong.text.replace("olivia", "nobody"), unknown.text, "round {round}");
    }
}

#[tokio::test]
async fn a_name_that_is_no_address_is_answered_and_counted_like_an_account() {
    let portal = portal().await;
    let mut statuses = BTreeMap::new();
    for _ in 0..51 {
        let answer = sign_in(&portal, "192.0.2.1", "no address@", WRONG, "").await;
        *statuses.entry(answer.status.as_u16()).or_insert(0) += 1;
    }
    assert_eq!(statuses, BTreeMap::from([(401, 50), (429, 1)]));
    assert_eq!(try_from(&portal, "192.0.2.1", PASSWORD, "").await.status, 429);
}

#[tokio::test]
async fn a_device_that_a_stranger_made_up_or_used_before_a_new_password_is_not_known() {
    let portal = portal().await;
    let planted = "device=planted";
    let given = device(&try_from(&portal, "192.0.2.1", PASSWORD, planted).await);
    assert_ne!(given, planted);
    // The owner's browser keeps the one it was given.
    assert_eq!(device(&try_from(&portal, "192.0.2.1", PASSWORD, &given).await), given);

    use_up_the_account(&portal).await;
    assert_eq!(try_from(&portal, "192.0.2.1", PASSWORD, planted).await.status, 429);
    assert_eq!(try_from(&portal, "192.0.2.1", PASSWORD, &given).await.status, 303);

    let (now, address) = (portal.clock.now(), Address::stored(OLIVIA));
    let (store, secret) = (&portal.app.store, SecretHash::of("reset"));
    let link = (&secret, now + minutes(60));
    assert!(store.link_for_operator(&address, link, &Actor::command_line(), now).await.unwrap());
    let password = PasswordHash::of(PASSWORD.into()).await;
    assert!(store.set_password(&secret, &password, None, now).await.unwrap().is_some());
    assert_eq!(try_from(&portal, "192.0.2.1", PASSWORD, &given).await.status, 429);
}

async fn use_up_the_account(portal: &Portal) {
    for guess in 0..10 {
        try_from(portal, &format!("198.51.100.{guess}"), WRONG, "").await;
    }
    assert_eq!(try_from(portal, "198.51.100.99", WRONG, "").await.status, 429);
}

#[tokio::test]
async fn one_network_cannot_try_all_accounts() {
    let portal = portal().await;
    let mut refused = 0;
    for account in 0..60 {
        let name = format!("user{account}@example.org");
        // An IPv6 customer has a whole /64.
        let from = format!("2001:db8::{account:x}");
        refused += u32::from(sign_in(&portal, &from, &name, WRONG, "").await.status == 429);
    }
    assert_eq!(refused, 10);
    assert_eq!(try_from(&portal, "2001:db8:0:1::1", PASSWORD, "").await.status, 303);
}

#[tokio::test]
async fn failures_become_one_audit_record_per_account_address_and_minute() {
    let portal = portal().await;
    for _ in 0..3 {
        try_from(&portal, "192.0.2.1", WRONG, "").await;
    }
    try_from(&portal, "192.0.2.2", WRONG, "").await;
    sign_in(&portal, "192.0.2.2", "my secret password", WRONG, "").await;
    let failed = async || {
        let log = portal.get("/api/v1/audit?action=SignInFailed").await.ok();
        let items = log["items"].as_array().unwrap().clone();
        let mut failed: Vec<_> = items
            .iter()
            .map(|item| {
                let text = |field: &str| item[field].as_str().unwrap().to_owned();
                (text("actor"), text("client_address"), item["after"]["failures"].as_i64().unwrap())
            })
            .collect();
        failed.sort();
        failed
    };
    portal.app.store.audit_failures(portal.clock.now()).await.unwrap();
    assert_eq!(failed().await, []);
    portal.clock.advance(minutes(1));
    portal.app.store.audit_failures(portal.clock.now()).await.unwrap();
    crate::harness::eventually("they are audited", async || failed().await.len() == 3).await;
    let row = |actor: &str, from: &str, count| (actor.to_owned(), from.to_owned(), count);
    assert_eq!(
        failed().await,
        [
            row(OLIVIA, "192.0.2.1", 3),
            row(OLIVIA, "192.0.2.2", 1),
            row("unknown account", "192.0.2.2", 1),
        ]
    );
    let whole = portal.get("/api/v1/audit").await.text;
    assert!(!whole.contains("my secret"), "{whole}");
}
