//! The outbound spam policy as scripts of Exchange see and change it.

use super::{GET_POLICY, SET_POLICY, invoke, thrown};
use crate::harness::Portal;
use serde_json::{Value, json};

async fn policy(portal: &Portal, identity: &Value) -> Value {
    let parameters = match identity {
        Value::Null => json!({}),
        name => json!({ "Identity": name }),
    };
    invoke(portal, GET_POLICY, parameters).await.ok()["value"][0].clone()
}

#[tokio::test]
async fn without_an_identity_it_is_the_default_policy() {
    let portal = Portal::start().await;
    let expected = json!({
        "Identity": "Default",
        "Name": "Default",
        "Id": "Default",
        "Guid": "00000000-0000-0000-0000-000000000001",
        "IsDefault": true,
        "Enabled": true,
        "RecipientLimitExternalPerHour": 0,
        "RecipientLimitInternalPerHour": 0,
        "RecipientLimitPerDay": 0,
        "ActionWhenThresholdReached": "BlockUser",
    });
    let (none, word) = (Value::Null, json!("DEFAULT"));
    let id = json!("00000000-0000-0000-0000-000000000001");
    for identity in [none, word, id] {
        assert_eq!(policy(&portal, &identity).await, expected, "{identity}");
    }
}

#[tokio::test]
async fn what_is_given_is_changed_and_the_rest_stays() {
    let portal = Portal::start().await;
    let limits = json!({ "RecipientLimitPerDay": 800, "recipientlimitexternalperhour": "400" });
    let answer = invoke(&portal, SET_POLICY, limits).await.ok();
    assert_eq!(answer["@adminapi.warnings"], json!([]));
    assert_eq!(answer["value"], json!([]));
    let action = json!({ "Identity": "default", "ActionWhenThresholdReached": "alert" });
    invoke(&portal, SET_POLICY, action).await.ok();
    let after = policy(&portal, &Value::Null).await;
    assert_eq!(after["RecipientLimitPerDay"], 800);
    assert_eq!(after["RecipientLimitExternalPerHour"], 400);
    assert_eq!(after["ActionWhenThresholdReached"], "Alert");
    let api = portal.get("/api/v1/outbound-spam-policies/default").await.ok();
    assert_eq!(api["recipient_limit_per_day"], 800);
    assert_eq!(api["spam_messages"], 5);
    let audited = portal.audited("Default").await;
    assert_eq!(audited, ["OutboundSpamPolicyChanged", "OutboundSpamPolicyChanged"]);
}

#[tokio::test]
async fn a_custom_policy_is_meant_by_its_name_or_its_id() {
    let portal = Portal::start().await;
    let new = json!({ "name": "Newsletter", "from": ["news@example.org"] });
    let created = portal.post("/api/v1/outbound-spam-policies", new).await.ok();
    for (identity, limit) in [(json!("newsletter"), 7), (created["id"].clone(), 8)] {
        let change = json!({ "Identity": identity, "RecipientLimitPerDay": limit });
        invoke(&portal, SET_POLICY, change).await.ok();
        let after = policy(&portal, &json!("Newsletter")).await;
        assert_eq!(
            (&after["RecipientLimitPerDay"], &after["IsDefault"]),
            (&json!(limit), &json!(false))
        );
    }
    assert_eq!(policy(&portal, &Value::Null).await["RecipientLimitPerDay"], 0);
    for cmdlet in [GET_POLICY, SET_POLICY] {
        let answer = invoke(&portal, cmdlet, json!({ "Identity": "Nothing" })).await;
        let why = thrown(&answer, 404, "ManagementObjectNotFoundException");
        assert_eq!(why, "There is no outbound spam policy \"Nothing\".");
    }
}

#[tokio::test]
async fn a_trial_says_what_would_be_and_changes_nothing() {
    let portal = Portal::start().await;
    let trial = json!({ "RecipientLimitPerDay": 9, "WhatIf": { "IsPresent": true } });
    let answer = invoke(&portal, SET_POLICY, trial).await.ok();
    let would = answer["@adminapi.confirmationmessage"].as_str().unwrap();
    assert_eq!(would, "The policy \"Default\" would be changed.");
    assert_eq!(policy(&portal, &Value::Null).await["RecipientLimitPerDay"], 0);
    let sure = json!({ "RecipientLimitPerDay": 9, "Confirm": false });
    let answer = invoke(&portal, SET_POLICY, sure).await.ok();
    assert_eq!(answer["@adminapi.confirmationmessage"], Value::Null);
    assert_eq!(policy(&portal, &Value::Null).await["RecipientLimitPerDay"], 9);
}

#[tokio::test]
async fn settings_that_are_none_here_and_changes_that_change_nothing_are_warned_of() {
    let portal = Portal::start().await;
    let settings = json!({
        "AutoForwardingMode": "Off", "NotifyOutboundSpam": true, "RecipientLimitPerDay": 800,
    });
    let answer = invoke(&portal, SET_POLICY, settings).await.ok();
    assert_eq!(
        answer["@adminapi.warnings"],
        json!([
            "AutoForwardingMode is no setting here; nothing was set.",
            "NotifyOutboundSpam is no setting here; nothing was set.",
        ])
    );
    assert_eq!(policy(&portal, &Value::Null).await["RecipientLimitPerDay"], 800);
    let again = invoke(&portal, SET_POLICY, json!({ "RecipientLimitPerDay": 800 })).await.ok();
    let warnings = json!(["Nothing of the policy \"Default\" was changed."]);
    assert_eq!(again["@adminapi.warnings"], warnings);
}

#[tokio::test]
async fn changes_at_once_are_all_made() {
    let portal = Portal::start().await;
    let set = |name: &str| invoke(&portal, SET_POLICY, json!({ name: 11 }));
    let changes = tokio::join!(
        set("RecipientLimitPerDay"),
        set("RecipientLimitExternalPerHour"),
        set("RecipientLimitInternalPerHour")
    );
    for answer in <[_; 3]>::from(changes) {
        answer.ok();
    }
    let after = policy(&portal, &Value::Null).await;
    assert_eq!(after["RecipientLimitPerDay"], 11);
    assert_eq!(after["RecipientLimitExternalPerHour"], 11);
    assert_eq!(after["RecipientLimitInternalPerHour"], 11);
}
