//! A real Postfix takes the mail about a real restriction.

use crate::ALICE;
use crate::BOB;
use crate::CAROL;
use crate::harness::{Database, eventually};
use crate::mail_server::{SUBMISSION, SUBMISSIONS};
use crate::program::{Serve, command, result_of};
use crate::rig::Rig;
use mail_parser::MessageParser;
use serde_json::json;
use std::path::Path;
use std::process::{Command, Stdio};

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
    rig.send_spam(ALICE, &[BOB]);
    let user = rig.service.restricts(ALICE).await;
    eventually("the mail is there", async || rig.inside().messages().len() > warned).await;

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

/// The name of the rig's mail server, for a service that is started here.
const RELAY: &str = "relay.example.org";

/// A service that trusts this authority alone, tells carol of alerts through this server, and has just
/// restricted alice. The server has a name for this service alone: it sees a hosts file of its own.
async fn restricting_by(rig: &Rig, server: &str, authority: &Path) -> (Database, Serve) {
    let database = Database::create().await;
    let create = ["token", "create", "--name", "story", "--role", "organization-management"];
    let token = result_of(&database, &create).trim().to_owned();
    let hosts = database.folder.path().join("hosts");
    std::fs::write(&hosts, format!("{} {RELAY}\n", rig.ip())).unwrap();
    let plain = command(&database, &["serve"]);
    let mut serve = Command::new("unshare");
    serve.args(["--mount", "sh", "-c", "mount --bind \"$0\" /etc/hosts && exec \"$@\""]);
    serve.arg(&hosts).arg(plain.get_program()).args(plain.get_args());
    serve.env_clear().envs(plain.get_envs().filter_map(|(key, value)| Some((key, value?))));
    serve.current_dir(database.folder.path()).stdin(Stdio::null());
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
async fn postfix_takes_the_mail_over_starttls_and_over_tls_from_whoever_signs_in() {
    for (scheme, port) in [("smtp", SUBMISSION), ("smtps", SUBMISSIONS)] {
        let rig = Rig::over_tcp().await;
        let server = format!("{scheme}://alerts:secret@{RELAY}:{port}");
        let _service = restricting_by(&rig, &server, &rig.mail_server.authority()).await;
        let arrived = async || !rig.inside().messages().is_empty();
        eventually(&format!("the mail is there by {scheme}"), arrived).await;
        assert!(rig.inside().messages()[0].contains("ESMTPSA"), "{scheme}");
    }
}

#[tokio::test]
async fn a_server_whose_certificate_nobody_knows_gets_neither_password_nor_mail() {
    let (rig, other) = (Rig::over_tcp().await, Rig::over_tcp().await);
    for (scheme, port) in [("smtp", SUBMISSION), ("smtps", SUBMISSIONS)] {
        let server = format!("{scheme}://alerts:secret@{RELAY}:{port}");
        let authority = other.mail_server.authority();
        let (_database, mut service) = restricting_by(&rig, &server, &authority).await;
        service.logs("an alert could not be delivered", "certificate");
        assert!(rig.inside().messages().is_empty(), "{scheme}");
    }
}
