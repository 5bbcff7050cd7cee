//! How many recipients a sender may have.

use crate::ACCEPTED;
use crate::ALICE;
use crate::BOB;
use crate::CAROL;
use crate::REFUSED;
use crate::rig::Rig;
use chrono::{DateTime, Days, NaiveTime, Utc};
use serde_json::json;

/// Outside the organisation.
const DAN: &str = "dan@remote.example";

#[tokio::test]
async fn a_message_to_one_recipient_too_many_flows_and_restricts_its_sender() {
    let rig = Rig::over_tcp().await;
    let many: Vec<_> = (0..501).map(|number| format!("r{number}@remote.example")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let replies = rig.send(ALICE, &many[..500]);
    assert_eq!(replies.to(many[499]), ACCEPTED);
    assert_eq!(rig.service.restriction(ALICE).await, None);

    // The answer to the message comes when it is counted.
    assert_eq!(rig.send(ALICE, &many[500..]).to(many[500]), ACCEPTED);
    let user = rig.service.restriction(ALICE).await.unwrap();
    assert_eq!(user["cause"], "sending_limit");
    let reason = user["reason"].as_str().unwrap();
    assert!(reason.starts_with("EmailSendingLimitExceeded;"), "{reason}");
    assert!(reason.contains("ExternalRecipientCountToday=501;"), "{reason}");
    assert!(reason.contains("ExceedingLimitType=External;"), "{reason}");

    let replies = rig.send(ALICE, &[BOB, CAROL]);
    assert_eq!((replies.to(BOB), replies.to(CAROL)), (REFUSED, ACCEPTED));
    rig.outside().receives(ALICE, many[500]).await;
    rig.inside().receives(ALICE, CAROL).await;
}

#[tokio::test]
async fn a_policy_may_block_until_midnight() {
    let rig = Rig::over_tcp().await;
    let policy = json!({
        "recipient_limit_external_per_hour": 1,
        "action_when_threshold_reached": "block_user_for_today",
    });
    rig.service.set_default_policy(&policy).await;
    rig.send(ALICE, &[BOB, DAN, CAROL]);

    let user = rig.service.restriction(ALICE).await.unwrap();
    let time = |field: &str| user[field].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    let next_day = time("restricted_at").date_naive() + Days::new(1);
    assert_eq!(user["temporary"], true);
    assert_eq!(time("ends_at"), next_day.and_time(NaiveTime::MIN).and_utc());
    assert_eq!(rig.send(ALICE, &[BOB]).to(BOB), REFUSED);
}

#[tokio::test]
async fn a_policy_counts_inside_outside_and_all_recipients_apart() {
    let rig = Rig::over_tcp().await;
    let policy = json!({
        "recipient_limit_external_per_hour": 1,
        "recipient_limit_internal_per_hour": 2,
        "recipient_limit_per_day": 2,
    });
    rig.service.set_default_policy(&policy).await;
    for (sender, recipients, kind) in [
        ("erin@example.org", [BOB, DAN].as_slice(), "External"),
        ("frank@example.org", &[ALICE, CAROL, "erin@example.org"], "Internal"),
        ("grace@example.org", &[BOB, ALICE, CAROL], "Daily"),
    ] {
        rig.send(sender, recipients);
        let reason = rig.service.restriction(sender).await.unwrap()["reason"].to_string();
        assert!(reason.contains(&format!("ExceedingLimitType={kind};")), "{reason}");
    }
    rig.send("heidi@example.org", &[BOB, CAROL]);
    assert_eq!(rig.service.restriction("heidi@example.org").await, None);
}

#[tokio::test]
async fn a_policy_that_alerts_or_only_shows_restricts_nobody() {
    let rig = Rig::over_tcp().await;
    for mildness in [json!({ "action_when_threshold_reached": "alert" }), json!({ "shadow": true })]
    {
        let mut policy = json!({ "recipient_limit_external_per_hour": 1 });
        policy.as_object_mut().unwrap().extend(mildness.as_object().unwrap().clone());
        rig.service.set_default_policy(&policy).await;
        assert_eq!(rig.send(ALICE, &[BOB, DAN]).to(DAN), ACCEPTED);
        assert_eq!(rig.service.restriction(ALICE).await, None);
    }
    assert_eq!(rig.send(ALICE, &[BOB]).to(BOB), ACCEPTED);
}
