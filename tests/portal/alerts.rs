//! What admins are told about, and how often.

use crate::harness::{Database, Portal, eventually, minutes};
use crate::program::{Serve, result_of};
use chrono::TimeDelta;
use restricted_users::model::alert::{Alert, AlertChange, AlertPolicy, AlertPolicyId, AlertStatus};
use restricted_users::model::operator::Actor;
use restricted_users::store::AlertQuery;
use serde_json::{Value, json};
use uuid::Uuid;

const ALICE: &str = "alice@example.org";

impl Portal {
    /// Every alert, oldest first.
    async fn alerts(&self) -> Vec<Alert> {
        let query = AlertQuery { limit: 1_000, ..AlertQuery::default() };
        let mut alerts = self.app.store.alerts(&query).await.unwrap().items;
        alerts.reverse();
        alerts
    }

    pub async fn alerts_of(&self, policy: AlertPolicyId) -> Vec<Alert> {
        self.alerts().await.into_iter().filter(|alert| alert.policy == policy).collect()
    }

    async fn change_alert(&self, id: Uuid, change: AlertChange) -> Alert {
        let now = self.clock.now();
        let changed = self.app.store.change_alert(id, change, &Actor::command_line(), now).await;
        changed.unwrap().unwrap()
    }

    async fn switch_off(&self, id: AlertPolicyId) {
        let policy = AlertPolicy { enabled: false, ..AlertPolicy::default_of(id) };
        let (actor, now) = (Actor::command_line(), self.clock.now());
        self.app.store.change_alert_policy(&policy, &actor, now).await.unwrap();
    }

    async fn default_policy(&self, changes: Value) {
        let mut policy = self.get("/api/v1/outbound-spam-policies/default").await.ok();
        policy.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        self.put("/api/v1/outbound-spam-policies/default", policy).await.ok();
    }

    async fn sends_spam_messages(&self, login: &str, count: usize) {
        for _ in 0..count {
            self.sends_spam(login).await;
        }
    }

    async fn sends_to_many(&self, login: &str, count: usize) {
        let recipients: Vec<_> = (0..count).map(|one| format!("r{one}@remote.example")).collect();
        let body = json!({ "sender": login, "recipients": recipients });
        self.post("/api/v1/outbound-messages", body).await.ok();
    }

    /// What the audit log says of alerts, oldest first.
    async fn audited_alerts(&self) -> Vec<String> {
        let records = crate::audit_chain::checked(&self.app.store).await;
        let actions = records.iter().map(|record| record["action"].as_str().unwrap().to_owned());
        actions.filter(|action| action.starts_with("Alert")).collect()
    }
}

#[tokio::test]
async fn a_restriction_raises_one_alert_and_its_repeats_are_added_to_it() {
    let portal = Portal::start().await;
    portal.sends_spam_messages(ALICE, 5).await;
    let id = portal.user(ALICE).await["id"].as_str().unwrap().to_owned();
    let [alert] = &portal.alerts_of(AlertPolicyId::UserRestricted).await[..] else { panic!() };
    assert_eq!(alert.address.as_deref(), Some(ALICE));
    assert_eq!(alert.restriction_id.unwrap().to_string(), id);
    assert_eq!((alert.status, alert.activities), (AlertStatus::New, 1));
    assert!(alert.reason.starts_with("OutboundSpamLast24Hours=5;"), "{alert:?}");

    portal.unblock(&id).await;
    portal.sends_spam_messages(ALICE, 1).await;
    assert_eq!(portal.user(&id).await["state"], "restricted");
    let [alert] = &portal.alerts_of(AlertPolicyId::UserRestricted).await[..] else { panic!() };
    assert_eq!((alert.status, alert.activities), (AlertStatus::New, 2));
}

#[tokio::test]
async fn somebody_restricted_by_hand_raises_an_alert_and_an_import_none() {
    let portal = Portal::start().await;
    portal.restricted(ALICE).await;
    let file = portal.database.folder.path().join("import.csv");
    std::fs::write(&file, "SenderAddress\ncarol@example.org\n").unwrap();
    let database = std::sync::Arc::clone(&portal.database);
    // The service works on, so that it holds nobody up.
    let import = move || result_of(&database, &["import", file.to_str().unwrap()]);
    let imported = tokio::task::spawn_blocking(import).await.unwrap();
    assert!(imported.starts_with("1 imported"), "{imported:?}");
    let about: Vec<_> = portal.alerts().await.into_iter().map(|alert| alert.address).collect();
    assert_eq!(about, [Some(ALICE.to_owned())]);
    assert_eq!(portal.audited_alerts().await, ["AlertTriggered"]);
}

#[tokio::test]
async fn warning_level_raises_an_alert_which_the_restriction_takes_over_and_its_end_resolves() {
    let portal = Portal::start().await;
    portal.sends_spam_messages(ALICE, 3).await;
    let [warning] = &portal.alerts().await[..] else { panic!() };
    assert_eq!(warning.policy, AlertPolicyId::SuspiciousSending);
    assert_eq!((warning.restriction_id, warning.activities), (None, 1));

    portal.sends_spam_messages(ALICE, 2).await;
    let alerts = portal.alerts().await;
    assert_eq!(alerts.len(), 2);
    assert!(alerts.iter().all(|alert| alert.restriction_id.is_some()));

    portal.unblock(ALICE).await;
    portal.pass(minutes(30)).await;
    for alert in portal.alerts().await {
        assert_eq!(alert.status, AlertStatus::Resolved);
        assert_eq!(alert.comments[0].text, "Resolved by itself: the user was released.");
        assert_eq!(alert.comments[0].by, "system");
    }
    let audited = portal.audited_alerts().await;
    assert_eq!(audited, ["AlertTriggered", "AlertTriggered", "AlertUpdated", "AlertUpdated"]);
}

#[tokio::test]
async fn a_warning_of_a_minute_before_midnight_ends_with_the_restriction_too() {
    let portal = Portal::start().await;
    portal.clock.advance(minutes(14 * 60 - 1));
    portal.sends_spam_messages(ALICE, 3).await;
    portal.clock.advance(minutes(2));
    portal.sends_spam_messages(ALICE, 2).await;
    portal.unblock(ALICE).await;
    portal.pass(minutes(30)).await;
    let alerts = portal.alerts().await;
    // Yesterday's warning, today's, and the restriction.
    assert_eq!(alerts.len(), 3);
    assert!(alerts.iter().all(|alert| alert.status == AlertStatus::Resolved), "{alerts:?}");
}

#[tokio::test]
async fn a_warning_ends_with_the_restriction_of_whoever_is_restricted_by_hand_too() {
    let portal = Portal::start().await;
    portal.sends_spam_messages(ALICE, 3).await;
    portal.restricted(ALICE).await;
    assert!(portal.alerts().await.iter().all(|alert| alert.restriction_id.is_some()));
    portal.unblock(ALICE).await;
    portal.pass(minutes(30)).await;
    let alerts = portal.alerts().await;
    assert_eq!(alerts.len(), 2);
    assert!(alerts.iter().all(|alert| alert.status == AlertStatus::Resolved), "{alerts:?}");
}

#[tokio::test]
async fn a_limit_whose_action_is_to_alert_raises_an_alert_a_day_and_restricts_nobody() {
    let portal = Portal::start().await;
    portal.default_policy(json!({ "action_when_threshold_reached": "alert" })).await;
    portal.sends_to_many(ALICE, 501).await;
    portal.sends_to_many(ALICE, 1).await;
    let [alert] = &portal.alerts().await[..] else { panic!() };
    assert_eq!(alert.policy, AlertPolicyId::SendingLimit);
    assert_eq!((alert.address.as_deref(), alert.activities), (Some(ALICE), 1));
    assert_eq!(portal.get(&format!("/api/v1/restricted-users/{ALICE}")).await.status, 404);

    portal.pass(minutes(61)).await;
    portal.sends_to_many(ALICE, 500).await;
    let [alert] = &portal.alerts().await[..] else { panic!() };
    assert_eq!(alert.activities, 2, "the daily limit is another line, and the same alert");
    portal.pass(TimeDelta::hours(24)).await;
    portal.sends_to_many(ALICE, 501).await;
    assert_eq!(portal.alerts().await.len(), 2);
}

#[tokio::test]
async fn a_policy_that_only_watches_alerts_nobody() {
    let portal = Portal::start().await;
    portal.default_policy(json!({ "shadow": true })).await;
    portal.sends_spam_messages(ALICE, 6).await;
    assert!(portal.alerts().await.is_empty());
}

#[tokio::test]
async fn an_alert_policy_that_is_off_raises_nothing() {
    let portal = Portal::start().await;
    portal.switch_off(AlertPolicyId::UserRestricted).await;
    portal.restricted(ALICE).await;
    assert!(portal.alerts().await.is_empty());
    assert_eq!(portal.audited_alerts().await, ["AlertPolicyChanged"]);
}

#[tokio::test]
async fn a_repeat_opens_a_resolved_alert_again() {
    let portal = Portal::start().await;
    portal.sends_spam_messages(ALICE, 5).await;
    let alert = portal.alerts_of(AlertPolicyId::UserRestricted).await.remove(0);
    let resolved = AlertChange { status: Some(AlertStatus::Resolved), ..AlertChange::default() };
    assert_eq!(portal.change_alert(alert.id, resolved).await.status, AlertStatus::Resolved);
    portal.unblock(ALICE).await;
    portal.sends_spam_messages(ALICE, 1).await;
    let alert = portal.alerts_of(AlertPolicyId::UserRestricted).await.remove(0);
    assert_eq!((alert.status, alert.activities), (AlertStatus::New, 2));
}

#[tokio::test]
async fn two_who_comment_at_once_both_have_their_say() {
    let portal = Portal::start().await;
    portal.restricted(ALICE).await;
    let id = portal.alerts().await[0].id;
    let say = |text: &str| AlertChange { comment: Some(text.into()), ..AlertChange::default() };
    tokio::join!(
        portal.change_alert(id, say("first\nwith a second line")),
        portal.change_alert(id, say("other")),
    );
    let mut texts: Vec<_> =
        portal.alerts().await[0].comments.iter().map(|comment| comment.text.clone()).collect();
    texts.sort();
    assert_eq!(texts, ["first\nwith a second line", "other"]);
}

#[tokio::test]
async fn a_release_that_comes_more_than_five_minutes_late_is_told() {
    let portal = Portal::start().await;
    for (login, late) in [(ALICE, 5), ("bob@example.org", 6)] {
        let id = portal.restricted(login).await;
        portal.unblock(&id).await;
        let absence = portal.database.take_away().await;
        portal.clock.advance(minutes(30 + late));
        portal.database.bring_back(absence).await;
        eventually("it is released", async || {
            // Where the unblocker was faster than the database, it waits for a clock that stands.
            portal.app.due_changed.notify_one();
            let user = portal.get(&format!("/api/v1/restricted-users/{id}")).await;
            user.status == 200 && user.json()["state"] == "released"
        })
        .await;
    }
    let [alert] = &portal.alerts_of(AlertPolicyId::ReleaseFailed).await[..] else { panic!() };
    assert_eq!(alert.address.as_deref(), Some("bob@example.org"));
    assert_eq!(alert.status, AlertStatus::New);
    assert_eq!(alert.reason, "The release was committed 6 minutes after it was due");
}

#[tokio::test]
async fn a_release_that_the_database_refuses_is_told_once_and_follows() {
    let portal = Portal::start().await;
    let id = portal.restricted(ALICE).await;
    portal.unblock(&id).await;
    let refuse = if portal.database.is_postgres() {
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'refused'; END $$;
         CREATE TRIGGER refuse BEFORE UPDATE OF released_at ON restrictions
             FOR EACH ROW EXECUTE FUNCTION refuse()"
    } else {
        "CREATE TRIGGER refuse BEFORE UPDATE OF released_at ON restrictions
             BEGIN SELECT RAISE(ABORT, 'refused'); END"
    };
    portal.database.try_execute(refuse).await.unwrap();
    portal.clock.advance(minutes(31));
    eventually("admins are told", async || {
        !portal.alerts_of(AlertPolicyId::ReleaseFailed).await.is_empty()
    })
    .await;
    portal.clock.advance(minutes(1));
    let drop = if portal.database.is_postgres() {
        "DROP TRIGGER refuse ON restrictions"
    } else {
        "DROP TRIGGER refuse"
    };
    portal.database.try_execute(drop).await.unwrap();
    portal.clock.advance(minutes(1));
    eventually("alice is released", async || portal.user(&id).await["state"] == "released").await;
    let [alert] = &portal.alerts_of(AlertPolicyId::ReleaseFailed).await[..] else { panic!() };
    assert_eq!((alert.address.as_deref(), alert.activities), (None, 1));
}

#[tokio::test]
async fn the_start_says_that_alerts_stand_in_the_portal_alone() {
    let database = Database::create().await;
    let alone = "alerts stand in the portal alone: no smtp_url, no alert_webhooks";
    Serve::start(&database, "30m").logs(alone, "");
}
