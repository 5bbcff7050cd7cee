//! What the service's own log tells of restricted users.

use crate::harness::Database;
use crate::program::{Serve, result_of};
use reqwest::{Client, Method};
use serde_json::{Value, json};

const ALICE: &str = "alice@example.org";
const DAVE: &str = "dave@example.org";

/// A service, and a script that is known by the name of its token.
struct Shift {
    serve: Serve,
    token: String,
    _database: Database,
}

impl Shift {
    async fn begin(delay: &str) -> Self {
        let database = Database::create().await;
        let create = ["token", "create", "--name", "olivia", "--role", "organization-management"];
        let token = result_of(&database, &create).trim().to_owned();
        Self { serve: Serve::start(&database, delay), token, _database: database }
    }

    async fn does(&self, method: Method, path: &str, body: Value) {
        let request = Client::new().request(method, format!("{}/api/v1/{path}", self.serve.url));
        let answer = request.bearer_auth(&self.token).json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {answer:?}");
    }

    async fn restricts_alice(&self) {
        let body = json!({ "address": ALICE, "reason": "reported by phone" });
        self.does(Method::POST, "restricted-users", body).await;
    }

    async fn unblocks_alice(&self) {
        let path = format!("restricted-users/{ALICE}/unblock");
        self.does(Method::POST, &path, json!({})).await;
    }

    async fn takes_spam(&self, sender: &str, messages: usize) {
        let spam =
            json!({ "sender": sender, "recipients": ["bob@remote.example"], "verdict": "spam" });
        self.does(Method::POST, "outbound-messages", json!(vec![spam; messages])).await;
    }
}

#[tokio::test]
async fn the_log_tells_the_life_of_a_restriction_with_the_address_who_and_why() {
    let mut shift = Shift::begin("30m").await;
    shift.restricts_alice().await;
    let line = shift.serve.tells("restricted", ALICE);
    assert_eq!((&line["by"], &line["sentence"]), (&json!("olivia"), &json!("reported by phone")));

    shift.unblocks_alice().await;
    let line = shift.serve.tells("unblock requested", ALICE);
    assert_eq!(line["by"], "olivia");
    assert!(line["sentence"].as_str().unwrap().starts_with("Mail flows again from "), "{line}");

    shift.does(Method::DELETE, &format!("restricted-users/{ALICE}/unblock"), json!({})).await;
    assert_eq!(shift.serve.tells("unblock cancelled", ALICE)["by"], "olivia");

    shift.unblocks_alice().await;
    shift.takes_spam(ALICE, 1).await;
    let line = shift.serve.tells("relapsed", ALICE);
    assert_eq!(line["sentence"], "New spam was sent while the unblock was pending.");

    shift.takes_spam(DAVE, 5).await;
    let line = shift.serve.tells("restricted", DAVE);
    assert_eq!(line["sentence"], "5 of 5 messages were spam (100 %)");
}

#[tokio::test]
async fn without_a_delay_the_log_tells_the_request_and_the_release() {
    let mut shift = Shift::begin("0s").await;
    shift.restricts_alice().await;
    shift.unblocks_alice().await;
    shift.serve.tells("unblock requested", ALICE);
    shift.serve.tells("released", ALICE);
}
