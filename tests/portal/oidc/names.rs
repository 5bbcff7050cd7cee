//! What operators are called, so that nobody becomes somebody else and everybody can be told apart.

use super::operators::{OLIVIA, is_signed_in, operators, remove, session};
use super::provider::Provider;
use crate::harness::minutes;
use restricted_users::model::address::Address;
use restricted_users::model::operator::{Actor, RoleGroup};
use restricted_users::secret::SecretHash;
use restricted_users::store::{LinkFor, OperatorChange};
use serde_json::json;

#[tokio::test]
async fn an_operator_is_known_by_the_subject_whatever_its_address() {
    let provider = Provider::start().await;
    let portal = provider.portal().await;
    provider.sign_in(&portal, json!({ "groups": "desk" })).await;
    let married = json!({ "groups": "desk", "email": "olivia.jones@example.org" });
    provider.sign_in(&portal, married).await;
    let told = portal.audited("olivia.jones@example.org").await;
    assert_eq!(told, ["OperatorRenamed", "SignedIn"]);
    assert_eq!(operators(&portal).await.len(), 1);

    let other = json!({ "groups": "admins", "sub": "2", "email": "olivia.jones@example.org" });
    provider.sign_in(&portal, other).await;
    let name = format!("olivia.jones@example.org (2 at {})", provider.url);
    let expected = [
        ("olivia.jones@example.org".to_owned(), RoleGroup::SecurityReader),
        (name, RoleGroup::OrganizationManagement),
    ];
    assert_eq!(operators(&portal).await, expected);
}

#[tokio::test]
async fn a_local_operator_of_the_same_address_is_somebody_else_and_keeps_it() {
    let provider = Provider::start().await;
    let portal = provider.portal().await;
    let vouched = session(&provider.sign_in(&portal, json!({ "groups": "desk" })).await);
    let (store, now) = (&portal.app.store, portal.clock.now());
    let (actor, secret) = (Actor::command_line(), SecretHash::of("link"));
    let link = (&secret, now + minutes(60));
    let olivia = Address::stored(OLIVIA);
    let role = RoleGroup::OrganizationManagement;
    assert!(store.add_operator(&olivia, role, link, &actor, now).await.unwrap());
    let name = format!("{OLIVIA} (olivia at {})", provider.url);
    let expected = [(OLIVIA.to_owned(), role), (name.clone(), RoleGroup::SecurityReader)];
    assert_eq!(operators(&portal).await, expected);
    assert_eq!(portal.audited(&name).await, ["OperatorRenamed"]);
    assert_eq!(store.link(&secret, now).await.unwrap(), Some(LinkFor::Operator(olivia)));

    assert!(is_signed_in(&portal, &vouched).await);
    provider.sign_in(&portal, json!({ "groups": "admins" })).await;
    assert_eq!(operators(&portal).await, [(OLIVIA.to_owned(), role), (name.clone(), role)]);
    // In charge when the provider is away is the local one alone.
    assert_eq!(remove(&portal, OLIVIA).await, OperatorChange::LastManager);
    assert_eq!(remove(&portal, &name).await, OperatorChange::Done);
}

#[tokio::test]
async fn a_subject_with_the_address_of_a_local_operator_does_not_become_it() {
    let provider = Provider::start().await;
    let portal = provider.portal().await;
    let local = portal.session(RoleGroup::OrganizationManagement).await;
    let before = operators(&portal).await;
    let address = before[0].0.clone();

    let same = json!({ "groups": "desk", "email": address });
    let vouched = session(&provider.sign_in(&portal, same).await);

    let name = format!("{address} (olivia at {})", provider.url);
    let expected = [before[0].clone(), (name.clone(), RoleGroup::SecurityReader)];
    assert_eq!(operators(&portal).await, expected);
    assert_eq!(portal.audited(&name).await, ["OperatorAdded", "SignedIn"]);
    assert!(is_signed_in(&portal, &local).await);
    let managed = portal.request(reqwest::Method::GET, "/ui/permissions").header("cookie", vouched);
    portal.send(managed).await.problem("forbidden");
}

#[tokio::test]
async fn however_many_the_provider_puts_in_charge_the_last_with_a_password_stays_in_charge() {
    let provider = Provider::start().await;
    let portal = provider.portal().await;
    portal.session(RoleGroup::OrganizationManagement).await;
    let local = operators(&portal).await[0].0.clone();
    provider.sign_in(&portal, json!({ "groups": "admins" })).await;
    let peter = json!({ "groups": "admins", "sub": "peter", "email": "peter@example.org" });
    provider.sign_in(&portal, peter).await;

    let path = format!("/api/v1/operators/{local}");
    portal.delete(&path).await.problem("last-operator");
    portal.patch(&path, json!({ "role_group": "global_reader" })).await.problem("last-operator");
    assert_eq!(remove(&portal, OLIVIA).await, OperatorChange::Done);
    assert_eq!(remove(&portal, "peter@example.org").await, OperatorChange::Done);
    assert_eq!(operators(&portal).await, [(local, RoleGroup::OrganizationManagement)]);
}

#[tokio::test]
async fn a_longer_name_can_be_removed_and_added_again_too() {
    let provider = Provider::start().await;
    let portal = provider.portal().await;
    let nameless = json!({ "groups": "desk", "email": null });
    provider.sign_in(&portal, nameless.clone()).await;
    let name = format!("(olivia at {})", provider.url);
    assert_eq!(operators(&portal).await, [(name.clone(), RoleGroup::SecurityReader)]);
    let encoded: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
    let path = format!("/api/v1/operators/{}", encoded.replace('+', "%20"));
    assert_eq!(portal.delete(&path).await.status, 204);
    assert!(operators(&portal).await.is_empty());

    let add = |name: &str| json!({ "address": name, "role_group": "global_reader" });
    portal
        .post("/api/v1/operators", add("nobody@example.org (2 at http://x)"))
        .await
        .problem("invalid");
    assert_eq!(portal.post("/api/v1/operators", add(&name)).await.status, 201);
    assert_eq!(provider.sign_in(&portal, nameless).await.status, 303);
    assert_eq!(operators(&portal).await, [(name, RoleGroup::SecurityReader)]);
}
