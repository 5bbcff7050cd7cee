//! The weekly digest, from what happened to the mail.

use crate::harness::{Portal, eventually};
use crate::relay::{Manner, Relay, settings};
use chrono::TimeDelta;
use mail_parser::MessageParser;
use restricted_users::courier::gather_due;
use serde_json::json;

impl Portal {
    async fn spams(&self, login: &str, count: usize) {
        for _ in 0..count {
            self.sends_spam(login).await;
        }
    }

    async fn sends_to_so_many(&self, login: &str, count: usize) {
        let recipients: Vec<_> = (0..count).map(|one| format!("r{one}@remote.example")).collect();
        let body = json!({ "sender": login, "recipients": recipients });
        self.post("/api/v1/outbound-messages", body).await.ok();
    }
}

#[tokio::test]
async fn the_digest_tells_who_released_who_is_back_again_and_who_came_near() {
    let relay = Relay::that(Manner::Takes).await;
    let url = relay.url();
    let own = [("weekly_digest", "true"), ("propagation_delay", "0s")];
    let portal = Portal::with(&[&settings(&url)[..], &own].concat()).await;
    gather_due(&portal.app).await.unwrap();

    portal.spams("again@example.org", 5).await;
    portal.unblock("again@example.org").await;
    portal.clock.advance(TimeDelta::days(1));
    portal.spams("again@example.org", 5).await;
    portal.restricted("once@example.org").await;
    portal.spams("warned@example.org", 3).await;
    portal.sends_to_so_many("near@example.org", 400).await;
    portal.clock.advance(TimeDelta::days(1));
    portal.sends_to_so_many("near@example.org", 450).await;
    portal.sends_to_so_many("far@example.org", 399).await;
    portal.clock.advance(TimeDelta::days(6));
    gather_due(&portal.app).await.unwrap();

    let digest = "Weekly digest: 3 restricted, 1 released";
    let subject = format!("Subject: {digest}\r\n");
    eventually("the digest arrives", async || {
        relay.taken().iter().any(|mail| mail.contains(&subject))
    })
    .await;
    let mails = relay.taken();
    let mail = mails.iter().find(|mail| mail.contains(&subject)).unwrap();
    let mail = MessageParser::default().parse(mail.as_bytes()).unwrap();
    let text = mail.body_text(0).unwrap().replace("\r\n", "\n");
    let section = |title: &str| {
        let (_, section) = text.split_once(title).unwrap_or_else(|| panic!("{title}: {text}"));
        section.split("\n\n").next().unwrap().trim().to_owned()
    };
    assert!(section("Released by:").ends_with(": 1 release"), "{text}");
    assert_eq!(section("more than once in 30 days:"), "- again@example.org: 2 times");
    let near = "- near@example.org: 2 days\n- warned@example.org: 1 day";
    assert_eq!(section("and not restricted:"), near);
    assert!(text.contains("Restricted now: 2\n"), "{text}");
}

#[tokio::test]
async fn who_comes_near_a_limit_is_told_in_the_digest_alone() {
    let portal = Portal::start().await;
    portal.sends_to_so_many("near@example.org", 500).await;
    let alerts = portal.get("/api/v1/alerts").await.ok();
    assert_eq!(alerts["items"], json!([]));
    let session = portal.session(restricted_users::model::operator::RoleGroup::GlobalReader).await;
    for page in ["/ui/outboundspam", "/ui/outboundspam/default"] {
        let request = portal.request(reqwest::Method::GET, page).header("cookie", &session);
        let page = portal.send(request).await.text;
        assert!(page.contains("Nobody crossed a line"), "{page}");
    }
}
