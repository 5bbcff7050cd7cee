//! Evidence is kept as long as the setting says, and no longer.

use crate::harness::{Portal, minutes};
use restricted_users::retention;
use uuid::Uuid;

const DAY: i64 = 24 * 60;

#[tokio::test]
async fn evidence_older_than_the_setting_is_deleted_and_newer_stays() {
    let portal = Portal::with(&[("message_retention", "2d")]).await;
    let restriction: Uuid = portal.restricted("alice@example.org").await.parse().unwrap();
    let began = portal.clock.now();
    for _ in 0..7 {
        for _ in 0..100 {
            portal.sends("alice@example.org", &["carol@example.org"]).await;
        }
        portal.policy_answer("alice@example.org", "bob@remote.example").await;
        portal.write_refusals().await;
        portal.pass(minutes(DAY / 2)).await;
    }
    retention::delete_all_old(&portal.app).await.unwrap();

    let messages = portal.get("/api/v1/messages?limit=200").await.ok();
    let since = portal.clock.now() - minutes(2 * DAY);
    let all = messages["items"].as_array().unwrap();
    assert_eq!((all.len(), messages["next_cursor"].is_string()), (200, true));
    assert!(
        all.iter().all(|one| one["at"]
            .as_str()
            .unwrap()
            .parse::<chrono::DateTime<chrono::Utc>>()
            .unwrap()
            >= since)
    );
    let older = format!("/api/v1/messages?until={}", since.format("%Y-%m-%dT%H:%M:%SZ"));
    assert_eq!(portal.get(&older).await.ok()["items"].as_array().unwrap().len(), 0);
    let refused = portal.app.store.refusals(&[restriction], began).await.unwrap();
    assert_eq!(refused[&restriction], 4);
}
