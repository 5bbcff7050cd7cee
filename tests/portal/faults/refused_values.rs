//! A message whose values the database refuses.

use crate::harness::{Portal, eventually};
use reqwest::Method;

async fn refuse_poison(portal: &Portal) {
    let refuse = if portal.database.is_postgres() {
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = 'check_violation'; END $$;
         CREATE TRIGGER refuse BEFORE INSERT ON messages
             FOR EACH ROW WHEN (NEW.sender = 'poison@example.org') EXECUTE FUNCTION refuse()"
    } else {
        "CREATE TRIGGER refuse BEFORE INSERT ON messages
             WHEN NEW.sender = 'poison@example.org' BEGIN SELECT RAISE(ABORT, 'refused'); END"
    };
    portal.database.try_execute(refuse).await.unwrap();
}

#[tokio::test]
async fn what_the_database_refuses_is_dropped_only_when_it_took_another_of_the_same_round() {
    let portal = Portal::start().await;
    refuse_poison(&portal).await;
    let poison = portal.tell_end_of_message("poison@example.org", "P1").await;
    assert_eq!(poison, crate::harness::DUNNO);
    eventually("it counts as an outage", async || portal.app.meter.is_away()).await;
    let ready = portal.send(portal.request(Method::GET, "/readyz")).await;
    assert_eq!(ready.json()["checks"]["meter"], "failed");
    assert_eq!(portal.app.meter.waiting(), 1, "it may be the database, so it is kept");

    portal.tell_end_of_message("alice@example.org", "A1").await;
    eventually("nothing waits", async || portal.app.meter.waiting() == 0).await;
    assert_eq!(portal.messages("alice@example.org").await.len(), 1);
    assert_eq!(portal.messages("poison@example.org").await.len(), 0);
    eventually("it is ready again", async || portal.is_ready().await).await;
}
