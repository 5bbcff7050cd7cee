//! Somebody guesses passwords: few guesses reach the hash, and nobody is locked out for good.

mod audited;

use crate::harness::{Answer, Portal, minutes};
use chrono::TimeDelta;
use futures_util::stream::{FuturesUnordered, StreamExt};
use reqwest::Method;
use restricted_users::attempts::Budget;
use restricted_users::model::address::Address;
use restricted_users::model::operator::{Actor, RoleGroup};
use restricted_users::secret::{PasswordHash, SecretHash};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

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
    let password = PasswordHash::of(&PASSWORD.into());
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
    let budgets = Budget::of(Some(&Address::stored(OLIVIA)), None, [192, 0, 2, 1].into());
    let now = portal.clock.now();
    let attempts = (0..50).map(|_| portal.app.store.take_attempt(&budgets, now));
    let taken = futures_util::future::join_all(attempts).await;
    let allowed = taken.into_iter().filter(|taken| *taken.as_ref().unwrap()).count();
    assert_eq!(allowed, 10);
}

#[tokio::test]
async fn guesses_at_one_replica_count_at_the_other() {
    let portal = portal().await;
    let other = portal.replica().await;
    use_up_the_account(&portal).await;
    assert_eq!(try_from(&other, "203.0.113.5", PASSWORD, "").await.status, 429);
}

#[tokio::test]
async fn across_the_border_of_two_windows_twice_as_many_pass() {
    let portal = portal().await;
    portal.clock.advance(minutes(14));
    for _ in 0..2 {
        for guess in 0..10 {
            let from = format!("198.51.100.{guess}");
            assert_eq!(try_from(&portal, &from, WRONG, "").await.status, 401);
        }
        portal.clock.advance(minutes(1));
    }
}

#[tokio::test]
async fn a_browser_used_before_has_five_guesses_a_minute_for_180_days() {
    let portal = portal().await;
    let known = device(&try_from(&portal, "192.0.2.1", PASSWORD, "").await);
    for _ in 0..5 {
        assert_eq!(try_from(&portal, "192.0.2.1", WRONG, &known).await.status, 401);
    }
    assert_eq!(try_from(&portal, "192.0.2.1", PASSWORD, &known).await.status, 429);
    portal.clock.advance(minutes(1));
    assert_eq!(try_from(&portal, "192.0.2.1", PASSWORD, &known).await.status, 303);

    portal.clock.advance(TimeDelta::days(180));
    use_up_the_account(&portal).await;
    assert_eq!(try_from(&portal, "192.0.2.1", PASSWORD, &known).await.status, 429);
}

#[tokio::test]
async fn the_owner_gets_in_with_a_one_time_link_while_somebody_guesses() {
    let portal = portal().await;
    use_up_the_account(&portal).await;
    let path = format!("/api/v1/operators/{OLIVIA}/one-time-link");
    let link = portal.post(&path, json!({})).await.ok()["one_time_link"].clone();
    let secret = link.as_str().unwrap().rsplit('/').next().unwrap();
    let fields = [("secret", secret), ("password", PASSWORD)];
    let answer = portal.form("/ui/welcome/password", "", &fields).await;
    assert!(answer.text.contains("you are signed in"), "{answer:?}");
}

#[tokio::test]
async fn where_more_than_100_000_networks_try_their_counts_begin_anew() {
    let portal = portal().await;
    let (store, now) = (&portal.app.store, portal.clock.now());
    let budgets = [Budget::of_challenges([192, 0, 2, 1].into())];
    for _ in 0..100 {
        assert!(store.take_attempt(&budgets, now).await.unwrap());
    }
    for (networks, is_used_up) in [(99_999, true), (100_000, false)] {
        let more = format!(
            "INSERT INTO sign_in_attempts (subject, window_at, attempts)
             WITH RECURSIVE numbers (number) AS (
                 SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < {networks})
             SELECT 'network ' || number, window_at, 1
               FROM numbers CROSS JOIN sign_in_attempts WHERE subject = '{}'
             ON CONFLICT DO NOTHING",
            budgets[0].subject
        );
        portal.database.execute(more).await;
        store.forget_old_attempts(now).await.unwrap();
        assert_eq!(store.is_used_up(&budgets, now).await.unwrap(), is_used_up, "{networks}");
    }
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
    let password = PasswordHash::of(&PASSWORD.into());
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
async fn the_owner_gets_in_with_a_browser_used_before_whatever_its_network_tries() {
    let portal = portal().await;
    let office = "198.51.100.77";
    let known = device(&try_from(&portal, office, PASSWORD, "").await);
    for guess in 0..55 {
        sign_in(&portal, office, &format!("user{guess}@example.org"), WRONG, "").await;
    }
    assert_eq!(try_from(&portal, office, PASSWORD, "").await.status, 429);
    assert_eq!(try_from(&portal, office, PASSWORD, &known).await.status, 303);
}

#[tokio::test]
async fn what_is_refused_takes_nothing_from_the_account() {
    let portal = portal().await;
    for guess in 0..50 {
        sign_in(&portal, "192.0.2.1", &format!("user{guess}@example.org"), WRONG, "").await;
    }
    for _ in 0..10 {
        assert_eq!(try_from(&portal, "192.0.2.1", WRONG, "").await.status, 429);
    }
    assert_eq!(try_from(&portal, "203.0.113.5", PASSWORD, "").await.status, 303);
}

#[tokio::test]
async fn while_strangers_wait_for_their_passwords_the_owner_does_not_and_too_many_are_sent_away() {
    let portal = portal().await;
    let known = device(&try_from(&portal, "192.0.2.1", PASSWORD, "").await);
    let strangers = (0..150).map(|number| {
        let (from, name) = (format!("198.51.100.{number}"), format!("user{number}@example.org"));
        let portal = &portal;
        async move { sign_in(portal, &from, &name, WRONG, "").await }
    });
    let mut strangers: FuturesUnordered<_> = strangers.collect();
    let mut sent_away = 0;
    while sent_away < 10 {
        let answer = strangers.next().await.unwrap();
        if answer.status == 503 {
            assert_eq!(answer.headers["retry-after"], "3");
            assert!(answer.text.contains("Try again in a few seconds"), "{answer:?}");
            sent_away += 1;
        }
    }
    let began = Instant::now();
    assert_eq!(try_from(&portal, "203.0.113.5", PASSWORD, &known).await.status, 303);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test]
async fn answers_of_passkeys_that_nobody_asked_for_are_limited_and_so_is_what_they_write() {
    let portal = portal().await;
    let mut statuses = BTreeMap::new();
    for _ in 0..101 {
        let request =
            portal.request(Method::POST, "/sign-in/passkey").header("origin", &portal.url);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = portal.send(request.header("x-forwarded-for", "192.0.2.1").body("")).await;
        *statuses.entry(answer.status.as_u16()).or_insert(0) += 1;
    }
    assert_eq!(statuses, BTreeMap::from([(401, 100), (429, 1)]));
}

#[tokio::test]
async fn of_questions_to_passkeys_the_newest_5_000_wait() {
    let portal = portal().await;
    let (store, now) = (&portal.app.store, portal.clock.now());
    let [oldest, second, newest] = ["oldest", "second", "newest"].map(SecretHash::of);
    store.keep_challenge(&oldest, "{}", now + minutes(1), now).await.unwrap();
    store.keep_challenge(&second, "{}", now + minutes(2), now).await.unwrap();
    let more = "INSERT INTO passkey_challenges (secret_hash, state, expires_at)
                WITH RECURSIVE numbers (number) AS (
                    SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 4998)
                SELECT 'number ' || number, state, expires_at
                  FROM numbers CROSS JOIN passkey_challenges ORDER BY expires_at DESC LIMIT 4998";
    portal.database.try_execute(more).await.unwrap();
    store.keep_challenge(&newest, "{}", now + minutes(5), now).await.unwrap();
    for (browser, waits) in [(oldest, false), (second, true), (newest, true)] {
        let taken = store.take_challenge(&browser, now).await.unwrap();
        assert_eq!(taken.is_some(), waits, "{}", browser.as_str());
    }
}

#[tokio::test]
async fn an_operator_has_twenty_known_browsers_the_last_used_ones() {
    let portal = portal().await;
    let first = device(&try_from(&portal, "192.0.2.1", PASSWORD, "").await);
    let mut last = first.clone();
    for _ in 0..20 {
        portal.clock.advance(TimeDelta::seconds(1));
        last = device(&try_from(&portal, "192.0.2.1", PASSWORD, "").await);
    }
    use_up_the_account(&portal).await;
    assert_eq!(try_from(&portal, "192.0.2.1", PASSWORD, &first).await.status, 429);
    assert_eq!(try_from(&portal, "192.0.2.1", PASSWORD, &last).await.status, 303);
}
