//! How somebody whom a provider vouches for becomes an operator, changes, and goes.

use super::provider::{Provider, Visit};
use crate::harness::{Answer, Portal};
use reqwest::Method;
use restricted_users::model::address::Address;
use restricted_users::model::operator::{Actor, RoleGroup};
use restricted_users::store::OperatorChange;
use serde_json::json;

pub const OLIVIA: &str = "olivia@example.org";

pub fn session(answer: &Answer) -> String {
    assert_eq!((answer.status.as_u16(), &answer.headers["location"]), (303, &"/".parse().unwrap()));
    let cookies = answer.headers.get_all("set-cookie").iter().map(|it| it.to_str().unwrap());
    let session = cookies.into_iter().find(|cookie| cookie.starts_with("session="));
    session.unwrap().split(';').next().unwrap().to_owned()
}

pub async fn is_signed_in(portal: &Portal, cookie: &str) -> bool {
    let request = portal.request(Method::GET, "/ui/restrictedusers").header("cookie", cookie);
    portal.send(request).await.status == 200
}

pub async fn operators(portal: &Portal) -> Vec<(String, RoleGroup)> {
    let operators = portal.app.store.operators().await.unwrap();
    operators.into_iter().map(|it| (it.address, it.role_group)).collect()
}

pub async fn remove(portal: &Portal, name: &str) -> OperatorChange {
    let (name, now) = (Address::stored(name), portal.clock.now());
    portal.app.store.remove_operator(&name, &Actor::command_line(), now).await.unwrap()
}

#[tokio::test]
async fn an_operator_comes_into_being_at_the_first_sign_in_with_the_role_group_of_the_claim() {
    let provider = Provider::start().await;
    let portal = provider.portal().await;
    let answer = provider.sign_in(&portal, json!({ "groups": ["staff", "desk", "admins"] })).await;
    assert!(is_signed_in(&portal, &session(&answer)).await);
    let highest = RoleGroup::OrganizationManagement;
    assert_eq!(operators(&portal).await, [(OLIVIA.to_owned(), highest)]);
    assert_eq!(portal.audited(OLIVIA).await, ["OperatorAdded", "SignedIn"]);
}

#[tokio::test]
async fn the_role_group_is_what_the_claim_says_at_each_sign_in_and_older_sessions_end_with_it() {
    let provider = Provider::start().await;
    let portal = provider.portal().await;
    let first = session(&provider.sign_in(&portal, json!({ "groups": "admins" })).await);
    let same = session(&provider.sign_in(&portal, json!({ "groups": "admins" })).await);
    assert!(is_signed_in(&portal, &first).await);
    let lower = session(&provider.sign_in(&portal, json!({ "groups": "desk" })).await);
    assert_eq!(operators(&portal).await, [(OLIVIA.to_owned(), RoleGroup::SecurityReader)]);
    assert!(is_signed_in(&portal, &lower).await);
    assert!(!is_signed_in(&portal, &first).await);
    assert!(!is_signed_in(&portal, &same).await);
    let told = portal.audited(OLIVIA).await;
    assert_eq!(told, ["OperatorAdded", "SignedIn", "SignedIn", "OperatorRoleChanged", "SignedIn"]);
}

#[tokio::test]
async fn a_claim_without_a_role_group_is_refused_with_a_sentence_that_names_it() {
    let provider = Provider::start().await;
    let portal = provider.portal().await;
    let answer = provider.sign_in(&portal, json!({ "groups": ["sales", "<b>"] })).await;
    assert_eq!(answer.status, 403);
    let sentence = "The claim “groups” of your account holds “sales”, “&#60;b&#62;”, and none of it \
                    gives a role group here.";
    assert!(answer.text.contains(sentence), "{answer:?}");
    let answer = provider.sign_in(&portal, json!({})).await;
    assert_eq!(answer.status, 403);
    assert!(answer.text.contains("says nothing of you in the claim “groups”"), "{answer:?}");
    assert!(operators(&portal).await.is_empty());
}

#[tokio::test]
async fn who_was_removed_is_signed_out_and_refused_until_added_again() {
    let provider = Provider::start().await;
    let portal = provider.portal().await;
    let before = session(&provider.sign_in(&portal, json!({ "groups": "desk" })).await);
    assert_eq!(remove(&portal, OLIVIA).await, OperatorChange::Done);
    assert!(!is_signed_in(&portal, &before).await);
    let refused =
        provider.sign_in(&portal, json!({ "groups": "admins", "email": "o@example.org" }));
    let refused = refused.await;
    assert_eq!(refused.status, 403);
    assert!(refused.text.contains("Your operator was removed here."), "{refused:?}");
    assert!(operators(&portal).await.is_empty());

    let new = json!({ "address": OLIVIA, "role_group": "global_reader" });
    let added = portal.post("/api/v1/operators", new).await;
    assert_eq!((added.status.as_u16(), added.json().get("one_time_link")), (201, None));
    let after = session(&provider.sign_in(&portal, json!({ "groups": "desk" })).await);
    assert!(is_signed_in(&portal, &after).await);
    assert_eq!(operators(&portal).await, [(OLIVIA.to_owned(), RoleGroup::SecurityReader)]);
}

#[tokio::test]
async fn who_gets_no_role_group_any_more_is_signed_out_and_may_come_back() {
    let provider = Provider::start().await;
    let portal = provider.portal().await;
    let before = session(&provider.sign_in(&portal, json!({ "groups": "admins" })).await);
    let someone = json!({ "groups": "desk", "sub": "somebody else", "email": "s@example.org" });
    let someone = session(&provider.sign_in(&portal, someone).await);
    assert_eq!(provider.sign_in(&portal, json!({ "groups": "sales" })).await.status, 403);
    assert!(!is_signed_in(&portal, &before).await);
    assert!(is_signed_in(&portal, &someone).await);
    let after = session(&provider.sign_in(&portal, json!({ "groups": "desk" })).await);
    assert!(is_signed_in(&portal, &after).await);
}

#[tokio::test]
async fn who_was_removed_cannot_use_a_sign_in_that_had_begun() {
    let provider = Provider::start().await;
    let portal = provider.portal().await;
    provider.sign_in(&portal, json!({ "groups": "desk" })).await;
    let visit = Visit::begin(&portal).await;
    let token =
        provider.key().sign(&provider.claims(&portal, &visit, &json!({ "groups": "desk" })));
    assert_eq!(remove(&portal, OLIVIA).await, OperatorChange::Done);
    let answer = provider.answer(&portal, &visit, token).await;
    assert_eq!(answer.status, 403);
    assert!(answer.text.contains("Your operator was removed here."), "{answer:?}");
    assert!(operators(&portal).await.is_empty());
}

#[tokio::test]
async fn an_operator_of_the_provider_has_no_password_and_gets_none() {
    let provider = Provider::start().await;
    let portal = provider.portal().await;
    let manager = session(&provider.sign_in(&portal, json!({ "groups": "admins" })).await);
    let path = format!("/api/v1/operators/{OLIVIA}/one-time-link");
    let answer = portal.post(&path, json!({})).await;
    assert!(answer.text.contains("signs in with the identity provider and has no password here"));
    answer.problem("not-found");
    let listed = portal.get("/api/v1/operators").await.json();
    assert_eq!(listed["items"][0]["second_factor"], "identity provider");
    let page = portal.request(Method::GET, "/ui/permissions").header("cookie", &manager);
    let page = portal.send(page).await;
    assert!(page.text.contains("Remove olivia@example.org"), "{page:?}");
    assert!(!page.text.contains("New one-time link for olivia@example.org"), "{page:?}");
}

#[tokio::test]
async fn the_sign_out_leads_on_to_the_provider_with_the_token_of_this_session() {
    let provider = Provider::start().await;
    let portal = provider.portal().await;
    let visit = Visit::begin(&portal).await;
    let claims = provider.claims(&portal, &visit, &json!({ "groups": "desk" }));
    let token = provider.key().sign(&claims);
    let session = session(&provider.answer(&portal, &visit, token.clone()).await);
    let request = portal.request(Method::POST, "/sign-out").header("origin", &portal.url);
    let answer = portal.send(request.header("cookie", &session)).await;
    let refresh = answer.headers["refresh"].to_str().unwrap();
    let to = url::Url::parse(refresh.strip_prefix("0; url=").unwrap()).unwrap();
    assert!(to.as_str().starts_with(&format!("{}/bye?", provider.url)), "{to}");
    let asked: Vec<_> = to.query_pairs().map(|(_, value)| value.into_owned()).collect();
    assert!(asked.contains(&token) && asked.contains(&format!("{}/", portal.app.public_url)));
    assert!(!is_signed_in(&portal, &session).await);
}
