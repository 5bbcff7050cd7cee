//! ID tokens and answers that are not what they say.

use super::provider::{
    CLIENT, Key, Provider, SECRET, Visit, signed_with_secret, without_signature,
};
use crate::harness::{Answer, Portal, minutes};
use serde_json::{Value, json};

/// Checks that nobody was let in, and that the answer says no more than the sentence.
async fn refused(portal: &Portal, answer: &Answer, sentence: &str, what: &str) {
    assert_eq!(answer.status, 401, "{what}: {answer:?}");
    assert!(answer.text.contains(sentence), "{what}: {answer:?}");
    let cookies = answer.headers.get_all("set-cookie").iter().map(|it| it.to_str().unwrap());
    assert!(!cookies.into_iter().any(|cookie| cookie.starts_with("session=")), "{what}");
    assert!(portal.app.store.operators().await.unwrap().is_empty(), "{what}");
}

const UNPROVEN: &str = "answer could not be verified";
const STALE: &str = "Please begin again";

#[tokio::test]
async fn an_id_token_that_proves_nothing_lets_nobody_in() {
    type Forge = fn(&Key, Value) -> String;
    fn with(claims: Value, name: &str, value: Value) -> Value {
        let mut claims = claims;
        claims[name] = value;
        claims
    }
    let forgeries: [(&str, Forge); 20] = [
        ("forged", |key, claims| key.forged().sign(&claims)),
        ("an unknown key", |_, claims| Key::new("3").sign(&claims)),
        ("expired", |key, claims| {
            let exp = claims["iat"].clone();
            key.sign(&with(claims, "exp", exp))
        }),
        ("another tenant", |key, claims| {
            key.sign(&with(claims, "iss", json!("https://login.example.com/other")))
        }),
        ("no issuer", |key, claims| key.sign(&with(claims, "iss", json!("")))),
        ("wrong nonce", |key, claims| key.sign(&with(claims, "nonce", json!("guessed")))),
        ("no nonce", |key, claims| key.sign(&with(claims, "nonce", Value::Null))),
        ("wrong audience", |key, claims| key.sign(&with(claims, "aud", json!("another-client")))),
        ("two audiences", |key, claims| {
            key.sign(&with(claims, "aud", json!([CLIENT, "another-client"])))
        }),
        ("made for another client", |key, claims| {
            key.sign(&with(claims, "azp", json!("another-client")))
        }),
        ("alg: none", |_, claims| without_signature(&claims)),
        ("signed with the public key", |key, claims| {
            signed_with_secret(&key.public_bytes(), &claims)
        }),
        ("signed with the client's secret", |_, claims| {
            signed_with_secret(SECRET.as_bytes(), &claims)
        }),
        ("brings its own key", |key, claims| {
            let own = key.forged();
            own.sign_with(&json!({ "jwk": own.public() }), &claims)
        }),
        ("an access token", |key, claims| key.sign_with(&json!({ "typ": "at+jwt" }), &claims)),
        ("not good yet", |key, claims| {
            let nbf = json!(claims["iat"].as_i64().unwrap() + 120);
            key.sign(&with(claims, "nbf", nbf))
        }),
        ("made later than now", |key, claims| {
            let iat = json!(claims["iat"].as_i64().unwrap() + 120);
            key.sign(&with(claims, "iat", iat))
        }),
        ("no name", |key, claims| key.sign(&with(claims, "sub", json!("oli\nvia")))),
        ("nobody's", |key, claims| key.sign(&with(claims, "sub", json!("")))),
        ("no token", |_, _| "rubbish".into()),
    ];
    let provider = Provider::start().await;
    let portal = provider.portal().await;
    for (what, forge) in forgeries {
        let visit = Visit::begin(&portal).await;
        let claims = provider.claims(&portal, &visit, &json!({ "groups": "admins" }));
        let answer = provider.answer(&portal, &visit, forge(&provider.key(), claims)).await;
        refused(&portal, &answer, UNPROVEN, what).await;
    }
}

#[tokio::test]
async fn the_id_token_of_an_earlier_sign_in_is_good_for_no_other() {
    let provider = Provider::start().await;
    let portal = provider.portal().await;
    let stolen = {
        let visit = Visit::begin(&portal).await;
        provider.key().sign(&provider.claims(&portal, &visit, &json!({ "groups": "admins" })))
    };
    let visit = Visit::begin(&portal).await;
    let answer = provider.answer(&portal, &visit, stolen).await;
    refused(&portal, &answer, UNPROVEN, "replayed").await;
}

#[tokio::test]
async fn a_state_is_good_once_for_ten_minutes_and_in_its_own_browser() {
    let provider = Provider::start().await;
    let portal = provider.portal().await;
    let begin = async || Visit::begin(&portal).await;

    let (mine, theirs) = (begin().await, begin().await);
    for (what, state, cookie) in [
        ("guessed", "guessed", mine.cookie.as_str()),
        ("none", "", mine.cookie.as_str()),
        ("of another browser", theirs.state.as_str(), mine.cookie.as_str()),
        ("without a cookie", mine.state.as_str(), ""),
    ] {
        let visit = Visit { cookie: cookie.into(), ..begin().await };
        let answer = visit.come_back(&portal, &[("state", state), ("code", "x")]).await;
        refused(&portal, &answer, STALE, what).await;
    }

    let used = begin().await;
    let turned_away = [("state", used.state.as_str()), ("error", "access_denied")];
    let answer = used.come_back(&portal, &turned_away).await;
    refused(&portal, &answer, "did not sign you in: access_denied", "turned away").await;
    refused(&portal, &used.come_back(&portal, &used.answer()).await, STALE, "used").await;

    let late = begin().await;
    portal.pass(minutes(10)).await;
    refused(&portal, &late.come_back(&portal, &late.answer()).await, STALE, "late").await;
}

#[tokio::test]
async fn an_answer_that_names_another_issuer_is_not_taken_to_ours() {
    let provider = Provider::start().await;
    let portal = provider.portal().await;
    let come_back = async |issuer: &str| {
        let visit = Visit::begin(&portal).await;
        let claims = provider.claims(&portal, &visit, &json!({ "groups": "admins" }));
        provider.hand_out(provider.key().sign(&claims));
        let answer = [visit.answer(), vec![("iss", issuer)]].concat();
        visit.come_back(&portal, &answer).await
    };
    let mixed_up = come_back("https://login.example.com").await;
    refused(&portal, &mixed_up, UNPROVEN, "mixed up").await;
    assert_eq!(come_back(&provider.url).await.status, 303);
}

#[tokio::test]
async fn a_code_that_somebody_else_asked_for_is_of_no_use() {
    let provider = Provider::start().await;
    let portal = provider.portal().await;
    let (mine, theirs) = (Visit::begin(&portal).await, Visit::begin(&portal).await);
    let claims = provider.claims(&portal, &mine, &json!({ "groups": "admins" }));
    provider.hand_out(provider.key().sign(&claims));
    let mut answer = mine.answer();
    answer[1].1 = &theirs.asked["code_challenge"];
    refused(&portal, &mine.come_back(&portal, &answer).await, UNPROVEN, "injected").await;
}

#[tokio::test]
async fn another_site_begins_no_sign_in() {
    let provider = Provider::start().await;
    let portal = provider.portal().await;
    let request = portal.request(reqwest::Method::GET, "/sign-in/oidc");
    let answer = portal.send(request.header("sec-fetch-site", "cross-site")).await;
    assert_eq!(answer.headers["location"], "/");
    assert!(!answer.headers.contains_key("set-cookie"));
}

#[tokio::test]
async fn a_provider_whose_clock_is_a_little_ahead_is_believed() {
    let provider = Provider::start().await;
    let portal = provider.portal().await;
    let soon = (portal.clock.now() + minutes(1)).timestamp();
    let claims = json!({ "groups": "admins", "iat": soon, "nbf": soon });
    assert_eq!(provider.sign_in(&portal, claims).await.status, 303);
}
