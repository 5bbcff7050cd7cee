//! Every message counts once, whoever tells of it and how often.

use crate::harness::{DUNNO, Portal, minutes};
use serde_json::json;

const ALICE: &str = "alice@example.org";
const BOB: &str = "bob@remote.example";
const CAROL: &str = "carol@example.org";

#[tokio::test]
async fn a_message_counts_with_the_recipients_that_postfix_asked_about() {
    let portal = Portal::start().await;
    portal.sends("Alice", &[BOB, CAROL, "dan@remote.example"]).await;

    let sending = portal.sending(ALICE).await;
    assert_eq!((sending.messages_in_day, sending.spam_in_day), (1, 0));
    assert_eq!((sending.outside_in_hour, sending.inside_in_hour), (2, 1));
    let message = &portal.messages(ALICE).await[0];
    assert_eq!(message["recipients"], json!([BOB, CAROL, "dan@remote.example"]));
    assert_eq!(message["outside_recipients"], 2);
    assert_eq!(message["client_address"], "192.0.2.7");
}

#[tokio::test]
async fn mail_server_filter_and_script_tell_of_one_message() {
    let portal = Portal::start().await;
    portal.sends_as(ALICE, "4F2B1C0A1", &[BOB, CAROL]).await;
    portal.rspamd(ALICE, "4F2B1C0A1", "no action").await;
    let told = json!({ "sender": "alice", "recipients": [BOB], "queue_id": "4F2B1C0A1" });
    let answer = portal.post("/api/v1/outbound-messages", told).await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.json(), json!({ "accepted": 0, "duplicates": 1 }));

    let sending = portal.sending(ALICE).await;
    assert_eq!((sending.messages_in_day, sending.recipients_in_day()), (1, 2));
    let messages = portal.messages(ALICE).await;
    assert_eq!(messages.len(), 1);
    assert_eq!(
        (&messages[0]["verdict"], &messages[0]["subject"]),
        (&json!("clean"), &json!("Cheap pills"))
    );
    assert_eq!(messages[0]["outside_recipients"], 1);
}

#[tokio::test]
async fn the_recipients_of_end_of_message_win_when_the_filter_was_first() {
    let portal = Portal::start().await;
    portal.rspamd(ALICE, "4F2B1C0A1", "add header").await;
    assert_eq!(portal.sending(ALICE).await.outside_in_hour, 1);
    portal.sends_as(ALICE, "4F2B1C0A1", &[BOB, "dan@remote.example", CAROL]).await;

    let sending = portal.sending(ALICE).await;
    assert_eq!((sending.messages_in_day, sending.spam_in_day), (1, 1));
    assert_eq!((sending.outside_in_hour, sending.inside_in_hour), (2, 1));
}

#[tokio::test]
async fn one_queue_id_of_two_senders_or_a_week_apart_is_two_messages() {
    let portal = Portal::start().await;
    portal.sends_as(ALICE, "4F2B1C0A1", &[BOB]).await;
    portal.sends_as(CAROL, "4F2B1C0A1", &[BOB]).await;
    portal.pass(minutes(7 * 24 * 60)).await;
    portal.sends_as(ALICE, "4F2B1C0A1", &[BOB]).await;
    assert_eq!(portal.messages(ALICE).await.len(), 2);
    assert_eq!(portal.messages(CAROL).await.len(), 1);
}

#[tokio::test]
async fn an_hour_counts_to_the_minute_and_so_does_a_day() {
    let portal = Portal::start().await;
    portal.sends(ALICE, &[BOB]).await;
    portal.pass(minutes(59)).await;
    assert_eq!(portal.sending(ALICE).await.outside_in_hour, 1);
    portal.pass(minutes(1)).await;
    let sending = portal.sending(ALICE).await;
    assert_eq!((sending.outside_in_hour, sending.outside_in_day), (0, 1));
    portal.pass(minutes(23 * 60 - 1)).await;
    assert_eq!(portal.sending(ALICE).await.messages_in_day, 1);
    portal.pass(minutes(1)).await;
    assert_eq!(portal.sending(ALICE).await.messages_in_day, 0);
}

#[tokio::test]
async fn recipients_that_postfix_refused_afterwards_do_not_count() {
    let portal = Portal::start().await;
    for recipient in [BOB, "nobody@remote.example", CAROL] {
        assert_eq!(portal.rcpt(ALICE, "75c.1", recipient).await, DUNNO);
    }
    portal.end_of_message(ALICE, "75c.1", 2).await;
    let sending = portal.sending(ALICE).await;
    assert_eq!((sending.outside_in_hour, sending.inside_in_hour), (2, 0));
}

#[tokio::test]
async fn a_message_whose_recipients_nobody_asked_about_counts_towards_the_day_alone() {
    let portal = Portal::start().await;
    portal.end_of_message(ALICE, "75c.1", 7).await;
    let sending = portal.sending(ALICE).await;
    assert_eq!((sending.outside_in_hour, sending.inside_in_hour), (0, 0));
    assert_eq!((sending.messages_in_day, sending.recipients_in_day()), (1, 7));
}

#[tokio::test]
async fn mail_without_a_login_counts_for_nobody() {
    let portal = Portal::start().await;
    portal.sends("", &[BOB]).await;
    let messages = portal.get("/api/v1/messages").await.ok();
    assert_eq!(messages["items"], json!([]));
}

#[tokio::test]
async fn replicas_count_together() {
    let portal = Portal::start().await;
    let replica = portal.replica().await;
    portal.sends(ALICE, &[BOB]).await;
    replica.sends(ALICE, &[BOB]).await;
    let ten = async |portal: &Portal| {
        for _ in 0..10 {
            portal.sends(ALICE, &[BOB]).await;
        }
    };
    tokio::join!(ten(&portal), ten(&replica));
    assert_eq!(portal.sending(ALICE).await.outside_in_hour, 22);
}
