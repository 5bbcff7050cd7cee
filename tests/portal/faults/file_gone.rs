//! SQLite's file is deleted or replaced under the service.

use crate::harness::{BAD_OUTBOUND_SENDER, DUNNO, Portal, eventually};
use serde_json::json;

async fn is_away_without(portal: &Portal) {
    let body = json!({ "address": "carol@example.org", "reason": "sent spam" });
    portal.post("/api/v1/restricted-users", body).await.problem("unavailable");
    assert!(!portal.is_ready().await);
    assert_eq!(portal.tell_end_of_message("alice@example.org", "A1").await, DUNNO);
    assert_eq!(portal.app.meter.waiting(), 1, "what is acknowledged is kept");
    assert_eq!(portal.policy_answer_at_once("alice@example.org").await, BAD_OUTBOUND_SENDER);
}

#[tokio::test]
async fn a_file_that_is_deleted_counts_as_away_and_is_well_once_it_is_back() {
    let portal = Portal::start().await;
    if portal.database.is_postgres() {
        return;
    }
    portal.restricted("alice@example.org").await;
    let here = portal.database.file();
    let elsewhere = here.with_extension("elsewhere");
    std::fs::rename(here, &elsewhere).unwrap();
    is_away_without(&portal).await;

    std::fs::rename(&elsewhere, here).unwrap();
    eventually("what was kept is counted", async || portal.app.meter.waiting() == 0).await;
    eventually("it is ready again", async || portal.is_ready().await).await;
    assert_eq!(portal.messages("alice@example.org").await.len(), 1);
}

#[tokio::test]
async fn a_file_that_is_replaced_counts_as_away() {
    let portal = Portal::start().await;
    if portal.database.is_postgres() {
        return;
    }
    portal.restricted("alice@example.org").await;
    let here = portal.database.file();
    let copy = here.with_extension("copy");
    std::fs::copy(here, &copy).unwrap();
    std::fs::rename(&copy, here).unwrap();
    is_away_without(&portal).await;
}
