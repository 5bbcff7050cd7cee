//! Who is blocked, and how a script lets somebody back in.

use super::{GET, REMOVE, TENANT, blocked, input, invoke, thrown};
use crate::harness::{BAD_OUTBOUND_SENDER, DUNNO, Portal, minutes};
use reqwest::Method;
use restricted_users::blocked_senders;
use restricted_users::model::organization::Organization;
use serde_json::{Value, json};

#[tokio::test]
async fn a_script_lists_who_is_blocked_and_lets_one_of_them_back_in() {
    let portal = Portal::start().await;
    portal.restricted("alice@example.org").await;
    portal.restricted("bob@example.org").await;
    let answer = invoke(&portal, GET, json!({})).await;
    assert_eq!(answer.headers["odata-version"], "4.0");
    let root = format!("{}{TENANT}", portal.app.public_url);
    assert_eq!(
        answer.ok(),
        json!({
            "@odata.context": format!("{root}/$metadata#Collection(Exchange.GenericHashTable)"),
            "@adminapi.warnings": [],
            "value": [
                {
                    "SenderAddress": "alice@example.org",
                    "Reason": "sent spam",
                    "CreatedDatetime": "2026-11-23T10:00:00Z",
                    "ChangedDatetime": "2026-11-23T10:00:00Z",
                    "TemporaryBlock": false,
                },
                {
                    "SenderAddress": "bob@example.org",
                    "Reason": "sent spam",
                    "CreatedDatetime": "2026-11-23T10:00:00Z",
                    "ChangedDatetime": "2026-11-23T10:00:00Z",
                    "TemporaryBlock": false,
                },
            ],
        })
    );

    let removal = json!({ "SenderAddress": "Alice@Example.org", "Reason": "new password" });
    let answer = invoke(&portal, REMOVE, removal).await.ok();
    assert_eq!(answer["value"], json!([]));
    assert_eq!(
        answer["@adminapi.warnings"],
        json!([
            "alice@example.org stays listed until the unblock takes effect at 2026-11-23T10:30:00Z."
        ])
    );
    // As there, the entry stays until mail flows again.
    assert_eq!(blocked(&portal).await, ["alice@example.org", "bob@example.org"]);
    let asked = portal.policy_answer("alice@example.org", "bob@remote.example").await;
    assert_eq!(asked, BAD_OUTBOUND_SENDER);
    assert_eq!(portal.user("alice@example.org").await["unblock"]["comment"], "new password");

    portal.pass(minutes(30)).await;
    assert_eq!(blocked(&portal).await, ["bob@example.org"]);
    assert_eq!(portal.policy_answer("alice@example.org", "bob@remote.example").await, DUNNO);
    let audited = portal.audited("alice@example.org").await;
    assert_eq!(audited, ["Listed", "UnblockRequested", "Delisted"]);
}

#[tokio::test]
async fn one_sender_is_looked_up_by_its_address_and_nobody_is_no_error() {
    let portal = Portal::start().await;
    portal.restricted("alice@example.org").await;
    portal.restricted("bob@example.org").await;
    for (address, expected) in [
        ("alice@example.org", vec!["alice@example.org"]),
        (" ALICE@example.org ", vec!["alice@example.org"]),
        ("alice", vec!["alice@example.org"]),
        ("carol@example.org", vec![]),
    ] {
        let answer = invoke(&portal, GET, json!({ "senderADDRESS": address })).await.ok();
        assert_eq!(crate::harness::texts(&answer["value"], "SenderAddress"), expected, "{address}");
        assert_eq!(answer["@odata.nextLink"], Value::Null);
    }
}

#[tokio::test]
async fn a_call_without_parameters_may_leave_them_out_or_say_null() {
    let portal = Portal::start().await;
    portal.restricted("alice@example.org").await;
    for call in [
        json!({ "CmdletName": GET }),
        json!({ "CmdletName": GET, "Parameters": null }),
        json!({ "CmdletName": GET, "Parameters": { "@odata.type": "#Exchange.GenericHashTable" } }),
    ] {
        let path = format!("{TENANT}/InvokeCommand");
        let answer = portal.post(&path, json!({ "CmdletInput": call })).await.ok();
        assert_eq!(answer["value"][0]["SenderAddress"], "alice@example.org", "{call}");
    }
}

#[tokio::test]
async fn properties_are_selected_whatever_their_case() {
    let portal = Portal::start().await;
    portal.restricted("alice@example.org").await;
    let select = async |query: &str| {
        let path = format!("{TENANT}/InvokeCommand?{query}");
        portal.post(&path, input(GET, &json!({}))).await.ok()["value"][0].clone()
    };
    let selected = select("$select=Reason,senderaddress,Nothing").await;
    assert_eq!(selected, json!({ "SenderAddress": "alice@example.org", "Reason": "sent spam" }));
    assert_eq!(select("$select=*").await.as_object().unwrap().len(), 5);
    assert_eq!(select("").await.as_object().unwrap().len(), 5);
}

#[tokio::test]
async fn a_day_block_is_temporary_and_its_reason_is_in_exchanges_grammar() {
    let portal = Portal::start().await;
    let limit = json!({
        "RecipientLimitExternalPerHour": 1, "ActionWhenThresholdReached": "BlockUserForToday",
    });
    invoke(&portal, super::SET_POLICY, limit).await.ok();
    portal.sends("alice@example.org", &["b@remote.example", "c@remote.example"]).await;
    let answer = invoke(&portal, GET, json!({ "SenderAddress": "alice@example.org" })).await.ok();
    let entry = &answer["value"][0];
    assert_eq!(entry["TemporaryBlock"], true);
    let reason = entry["Reason"].as_str().unwrap();
    assert!(reason.starts_with("EmailSendingLimitExceeded;"), "{reason}");
    assert!(reason.contains(";ExceedingLimitType=External;"), "{reason}");
    // It ends at midnight, and an unblock takes effect before.
    invoke(&portal, REMOVE, json!({ "SenderAddress": "alice@example.org" })).await.ok();
    portal.pass(minutes(30)).await;
    assert!(blocked(&portal).await.is_empty());
}

#[tokio::test]
async fn what_the_cmdlet_shows_is_what_import_reads() {
    let portal = Portal::start().await;
    portal.restricted("alice@example.org").await;
    let shown = invoke(&portal, GET, json!({})).await.ok()["value"].to_string();
    let organization = Organization::default();
    let rows: Vec<_> = blocked_senders::read(shown.as_bytes(), &organization).collect();
    let row = &rows[0].as_ref().unwrap().sender;
    assert_eq!(row.sender_address.as_str(), "alice@example.org");
    assert_eq!(row.created, Some(portal.clock.now()));
    assert_eq!(row.reason.as_ref().unwrap().as_str(), "sent spam");
}

#[tokio::test]
async fn removing_again_changes_nothing_and_says_so() {
    let portal = Portal::start().await;
    portal.restricted("alice@example.org").await;
    let remove = || invoke(&portal, REMOVE, json!({ "SenderAddress": "alice@example.org" }));
    remove().await.ok();
    portal.pass(minutes(10)).await;
    let warnings = remove().await.ok()["@adminapi.warnings"].to_string();
    assert!(warnings.contains("was unblocked already, by Organization Management"), "{warnings}");
    assert!(warnings.contains("10:30:00Z"), "the first one's time stands: {warnings}");
    portal.pass(minutes(20)).await;
    let why = thrown(&remove().await, 404, "ManagementObjectNotFoundException");
    assert_eq!(why, "alice@example.org is not blocked.");
}

#[tokio::test]
async fn without_a_delay_removing_releases_at_once_and_warns_of_nothing() {
    let portal = Portal::with(&[("propagation_delay", "0s")]).await;
    portal.restricted("alice@example.org").await;
    let removal = json!({ "SenderAddress": "alice@example.org" });
    let answer = invoke(&portal, REMOVE, removal).await.ok();
    assert_eq!(answer["@adminapi.warnings"], json!([]));
    assert!(blocked(&portal).await.is_empty());
    assert_eq!(portal.policy_answer("alice@example.org", "bob@remote.example").await, DUNNO);
}

#[tokio::test]
async fn the_limit_of_unblocks_is_the_portals() {
    use restricted_users::model::operator::RoleGroup::SecurityAdministrator;
    let portal = Portal::with(&[("propagation_delay", "0s"), ("unblock_limit", "1")]).await;
    let token = portal.token(SecurityAdministrator).await;
    let remove = async || {
        portal.restricted("alice@example.org").await;
        let removal = input(REMOVE, &json!({ "SenderAddress": "alice@example.org" }));
        let request = portal.request(Method::POST, &format!("{TENANT}/InvokeCommand"));
        portal.send(request.bearer_auth(&token).json(&removal)).await
    };
    remove().await.ok();
    let why = thrown(&remove().await, 400, "InvalidOperationException");
    assert!(why.contains("unblocked too often"), "{why}");
    assert_eq!(blocked(&portal).await, ["alice@example.org"]);
    invoke(&portal, REMOVE, json!({ "SenderAddress": "alice@example.org" })).await.ok();
    assert!(blocked(&portal).await.is_empty());
}
