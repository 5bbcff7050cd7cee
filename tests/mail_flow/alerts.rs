//! A real Postfix takes the mail about a real restriction.

use crate::harness::{Database, eventually};
use crate::mail_server::SUBMISSIONS;
use crate::program::{Serve, command, result_of};
use crate::rig::Rig;
use crate::{ALICE, BOB, CAROL};
use mail_parser::MessageParser;
use serde_json::json;
use std::path::Path;
use std::time::Instant;

#[tokio::test]
async fn the_admin_has_a_mail_when_the_fifth_spam_message_restricts() {
    let rig = Rig::with_alerts_for(CAROL).await;
    for _ in 0..4 {
        rig.send_spam(ALICE, &[BOB]);
    }
    rig.service.has_verdicts(ALICE, json!("spam"), 4).await;
    // The warning at half of the rule is told first.
    rig.inside().receives("noreply@example.org", CAROL).await;
    let warned = rig.inside().messages().len();
    let fifth = Instant::now();
    rig.send_spam(ALICE, &[BOB]);
    let user = rig.service.restricts(ALICE).await;
    eventually("the mail is there", async || rig.inside().messages().len() > warned).await;
    println!("the mail was there {:?} after the fifth spam message", fifth.elapsed());

    let mails = rig.inside().messages();
    let mut mails = mails.iter().map(|mail| MessageParser::default().parse(mail).unwrap());
    let mail = mails.find(|mail| mail.subject().unwrap().contains("is restricted")).unwrap();
    assert_eq!(
        mail.subject(),
        Some("alice@example.org is restricted: 5 of 5 messages were spam (100 %)")
    );
    assert_eq!(mail.from().unwrap().first().unwrap().name(), Some("Restricted Users"));
    assert_eq!(mail.to().unwrap().first().unwrap().address(), Some(CAROL));
    assert_eq!(mail.header_raw("Auto-Submitted").unwrap().trim(), "auto-generated");
    assert!(mail.message_id().unwrap().ends_with("@example.org"));
    let page = format!("/#/restrictedusers/{}", user["id"].as_str().unwrap());
    assert!(mail.body_text(0).unwrap().contains(&page));
    assert!(mail.body_html(0).unwrap().contains(&page));
}

/// A service that trusts this authority alone, tells carol of alerts through this server, and has just
/// restricted alice.
async fn restricting_by(server: &str, authority: &Path) -> (Database, Serve) {
    let database = Database::create().await;
    let create = ["token", "create", "--name", "story", "--role", "organization-management"];
    let token = result_of(&database, &create).trim().to_owned();
    let mut serve = command(&database, &["serve"]);
    serve.env("SSL_CERT_FILE", authority);
    for (key, value) in [
        ("LISTEN", "127.0.0.1:0"),
        ("POLICY_LISTEN", "127.0.0.1:0"),
        ("SMTP_URL", server),
        ("ALERT_FROM", "noreply@example.org"),
        ("ALERT_RECIPIENTS", CAROL),
    ] {
        serve.env(format!("RESTRICTED_USERS_{key}"), value);
    }
    let serve = Serve::running(serve);
    let request = reqwest::Client::new()
        .post(format!("{}/api/v1/restricted-users", serve.url))
        .bearer_auth(token)
        .json(&json!({ "address": ALICE, "reason": "sent spam" }));
    assert!(request.send().await.unwrap().status().is_success());
    (database, serve)
}

#[tokio::test]
async fn postfix_takes_the_mail_over_tls_from_the_first_byte_of_whoever_signs_in() {
    let rig = Rig::over_tcp().await;
    let server = format!("smtps://alerts:secret@{}:{SUBMISSIONS}", rig.ip());
    let _service = restricting_by(&server, &rig.mail_server.authority()).await;
    eventually("the mail is there", async || !rig.inside().messages().is_empty()).await;
    assert!(rig.inside().messages()[0].contains("ESMTPSA"));
}

#[tokio::test]
async fn a_server_whose_certificate_nobody_knows_gets_neither_password_nor_mail() {
    let (rig, other) = (Rig::over_tcp().await, Rig::over_tcp().await);
    let server = format!("smtps://alerts:secret@{}:{SUBMISSIONS}", rig.ip());
    let (_database, mut service) = restricting_by(&server, &other.mail_server.authority()).await;
    service.logs("an alert could not be delivered", "TLS to the mail server failed");
    assert!(rig.inside().messages().is_empty());
}
