//! Mail servers that do not do as they should, and what becomes of the mail.

use crate::harness::{BAD_OUTBOUND_SENDER, Database, Portal, eventually, minutes};
use crate::program::{Serve, result_of};
use crate::relay::{Manner, Relay, settings};
use chrono::{DateTime, Utc};
use restricted_users::config::Config;
use restricted_users::courier::mail::{Limits, Mailer};
use restricted_users::courier::{deliver_due, gather_due};
use restricted_users::model::alert::{AlertPolicyId, Notice, Severity};
use restricted_users::model::clock::Clock;
use restricted_users::store::{AlertQuery, Channel, Claimed, Delivery};
use serde_json::json;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use uuid::Uuid;

const ALICE: &str = "alice@example.org";

impl Portal {
    /// How many notices tell of alerts.
    async fn notices(&self) -> usize {
        let query = AlertQuery { limit: 10, ..AlertQuery::default() };
        let alerts = self.app.store.alerts(&query).await.unwrap().items;
        alerts.iter().filter_map(|alert| alert.notice_id).collect::<HashSet<_>>().len()
    }

    /// The only mail about alice, as far as it has come.
    async fn mail(&self) -> Option<Delivery> {
        let query = AlertQuery { limit: 10, ..AlertQuery::default() };
        let alerts = self.app.store.alerts(&query).await.unwrap().items;
        let notice =
            alerts.iter().find(|alert| alert.address.as_deref() == Some(ALICE))?.notice_id?;
        let deliveries = self.app.store.deliveries(notice).await.unwrap();
        let mut mails = deliveries.into_iter().filter(|one| one.channel == Channel::Mail);
        let mail = mails.next();
        assert!(mails.next().is_none());
        mail
    }

    /// Waits until the portal says of the mail why it is not there yet.
    async fn says_of_the_mail(&self, problem: &str) {
        eventually(problem, async || {
            self.mail().await.is_some_and(|mail| {
                mail.problem.is_some_and(|said| {
                    assert!(said.contains(problem), "{said}");
                    true
                })
            })
        })
        .await;
    }

    /// Time goes by until the mail is tried again and arrives; and nothing more comes.
    async fn mail_arrives_once(&self, relay: &Relay) {
        self.clock.advance(minutes(20));
        eventually("the mail arrives", async || {
            self.app.courier.ring();
            self.mail().await.unwrap().delivered_at.is_some()
        })
        .await;
        self.clock.advance(minutes(60));
        gather_due(&self.app).await.unwrap();
        deliver_due(&self.app, Channel::Mail).await.unwrap();
        let [mail] = &relay.taken()[..] else { panic!("{:?}", relay.taken()) };
        let id = format!("Message-ID: <{}@example.org>\r\n", self.mail().await.unwrap().id);
        assert!(mail.contains(&id), "{mail}");
    }
}

async fn once_mended_the_mail_arrives_once(manner: Manner, problem: &str) {
    let relay = Relay::that(manner).await;
    let portal = Portal::with(&settings(&relay.url())).await;
    portal.restricted(ALICE).await;
    portal.says_of_the_mail(problem).await;
    assert!(relay.taken().is_empty());
    relay.is_mended();
    portal.mail_arrives_once(&relay).await;
}

#[tokio::test]
async fn a_relay_that_refuses_connections_gets_the_mail_when_it_is_back() {
    let port = Relay::that(Manner::Takes).await.goes_down().await;
    let portal = Portal::with(&settings(&format!("smtp://127.0.0.1:{port}"))).await;
    portal.restricted(ALICE).await;
    portal.says_of_the_mail("cannot be reached").await;
    assert_eq!(portal.get("/readyz").await.status, 200);
    let metrics = portal.get("/metrics").await.text;
    for metric in [
        "restricted_users_alert_deliveries_waiting{channel=\"mail\"} ",
        "restricted_users_alert_oldest_delivery_seconds{channel=\"mail\"} ",
        "restricted_users_alert_delivery_failures_total{channel=\"mail\"} ",
        "restricted_users_alert_delivery_failures_total{channel=\"webhook\"} ",
    ] {
        assert!(metrics.contains(metric), "{metric} is missing in\n{metrics}");
    }
    let relay = Relay::at(port, Manner::Takes).await;
    portal.mail_arrives_once(&relay).await;
}

#[tokio::test]
async fn a_relay_that_answers_4xx_gets_the_mail_when_it_does_not() {
    let manner = Manner::Answers("451 4.3.0 \u{1b}[31mtry later");
    once_mended_the_mail_arrives_once(manner, "it said 451: 4.3.0  [31mtry later").await;
}

#[tokio::test]
async fn a_relay_that_answers_5xx_gets_the_mail_when_it_does_not() {
    let manner = Manner::Answers("554 5.7.1 access denied");
    once_mended_the_mail_arrives_once(manner, "it said 554: 5.7.1 access denied").await;
}

#[tokio::test]
async fn a_relay_that_closes_in_the_middle_gets_the_mail_when_it_does_not() {
    once_mended_the_mail_arrives_once(Manner::ClosesAfterData, "closed the connection").await;
}

#[tokio::test]
async fn a_relay_that_greets_with_garbage_gets_the_mail_when_it_does_not() {
    let manner = Manner::Greets("HTTP/1.1 400 Bad Request\r\n\r\n");
    once_mended_the_mail_arrives_once(manner, "its answer is not SMTP").await;
}

#[tokio::test]
async fn a_relay_whose_greeting_does_not_end_gets_the_mail_when_it_does() {
    once_mended_the_mail_arrives_once(Manner::GreetsWithoutEnd, "it says too much").await;
}

#[tokio::test]
async fn a_relay_that_hangs_holds_up_neither_a_webhook_nor_a_restriction() {
    let relay = Relay::that(Manner::HangsAfterData).await;
    let webhook = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", webhook.local_addr().unwrap());
    let smtp = relay.url();
    let portal = Portal::with(
        &[
            &settings(&smtp)[..],
            &[
                ("alert_webhooks", url.as_str()),
                ("alert_webhook_secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
                ("alert_webhook_private", "true"),
            ],
        ]
        .concat(),
    )
    .await;
    portal.restricted(ALICE).await;
    let (mut call, _) = webhook.accept().await.unwrap();
    let mut begin = [0; 10];
    call.read_exact(&mut begin).await.unwrap();
    assert_eq!(&begin, b"POST /hook");
    portal.restricted("bob@example.org").await;
    let answer = portal.policy_answer("bob@example.org", "eve@remote.example").await;
    assert_eq!(answer, BAD_OUTBOUND_SENDER);
    assert_eq!(portal.mail().await.unwrap().delivered_at, None);

    let port = relay.goes_down().await;
    portal.says_of_the_mail("the mail server did not take the mail").await;
    let relay = Relay::at(port, Manner::Takes).await;
    portal.clock.advance(minutes(20));
    eventually("both mails arrive", async || {
        portal.app.courier.ring();
        relay.taken().len() == 2
    })
    .await;
}

#[tokio::test]
async fn a_relay_that_was_down_for_an_hour_gets_a_mail_about_each_alert_of_that_hour() {
    let port = Relay::that(Manner::Takes).await.goes_down().await;
    let portal = Portal::with(&settings(&format!("smtp://127.0.0.1:{port}"))).await;
    let users: Vec<_> = (0..6).map(|number| format!("user{number}@example.org")).collect();
    for (number, user) in users.iter().enumerate() {
        portal.restricted(user).await;
        gather_due(&portal.app).await.unwrap();
        eventually("its notice is written", async || portal.notices().await == number + 1).await;
        portal.clock.advance(minutes(10));
        deliver_due(&portal.app, Channel::Mail).await.unwrap();
    }
    let relay = Relay::at(port, Manner::Takes).await;
    portal.clock.advance(minutes(20));
    eventually("every mail arrives", async || {
        portal.app.courier.ring();
        relay.taken().len() >= users.len()
    })
    .await;
    // One that has arrived and is not marked yet would be sent again when its lease is over.
    eventually("every mail is marked", async || {
        portal.app.store.delivery_queues().await.unwrap().is_empty()
    })
    .await;
    portal.clock.advance(minutes(60));
    gather_due(&portal.app).await.unwrap();
    deliver_due(&portal.app, Channel::Mail).await.unwrap();
    let mails = relay.taken();
    assert_eq!(mails.len(), users.len());
    for user in &users {
        let subject = format!("Subject: {user} is restricted");
        assert_eq!(mails.iter().filter(|mail| mail.contains(&subject)).count(), 1, "{mails:?}");
    }
}

/// How often the program is killed; 20 is asked for.
fn rounds() -> usize {
    std::env::var("KILL_ROUNDS").map_or(2, |rounds| rounds.parse().unwrap())
}

#[tokio::test]
async fn kill_9_between_sending_and_marking_makes_one_duplicate_that_is_seen_to_be_one() {
    for _ in 0..rounds() {
        let relay = Relay::that(Manner::TakesInSilence).await;
        let url = relay.url();
        let database = Arc::new(Database::create().await);
        let role = ["--role", "organization-management"];
        let token =
            result_of(&database, &[&["token", "create", "--name", "t"], &role[..]].concat());
        let upper = settings(&url).map(|(key, value)| (key.to_uppercase(), value));
        let upper = upper.each_ref().map(|(key, value)| (key.as_str(), *value));
        let serve = Serve::with(&database, &upper);
        let restrict = reqwest::Client::new()
            .post(format!("{}/api/v1/restricted-users", serve.url))
            .bearer_auth(token.trim())
            .json(&json!({ "address": ALICE, "reason": "sent spam" }));
        assert!(restrict.send().await.unwrap().status().is_success());
        eventually("the relay has the mail", async || relay.taken().len() == 1).await;
        serve.kill();

        relay.is_mended();
        let later = Clock::stopped(Clock::default().now() + minutes(4));
        let own = settings(&url).map(|(key, value)| (key.to_owned(), value.to_owned()));
        let portal = Portal::on(database, later, own.into()).await;
        eventually("it is sent again", async || relay.taken().len() == 2).await;
        eventually("it is marked", async || {
            portal.mail().await.is_some_and(|mail| mail.delivered_at.is_some())
        })
        .await;
        portal.clock.advance(minutes(60));
        deliver_due(&portal.app, Channel::Mail).await.unwrap();
        let id = format!("Message-ID: <{}@example.org>\r\n", portal.mail().await.unwrap().id);
        let mails = relay.taken();
        assert_eq!(mails.len(), 2);
        assert!(mails.iter().all(|mail| mail.contains(&id)), "{mails:?}");
    }
}

/// A mailer without patience.
async fn told_by(manner: Manner) -> (Result<(), String>, Relay) {
    let relay = Relay::that(manner).await;
    let url = relay.url();
    let variables = settings(&url)
        .map(|(key, value)| (format!("RESTRICTED_USERS_{}", key.to_uppercase()), value));
    let config = Config::from_variables(variables).unwrap();
    let short = Duration::from_millis(300);
    let limits = Limits { connect: short, greet: short, take: short, whole: short * 4 };
    let mailer = Mailer::new(config.alerts.mail.as_ref().unwrap(), &config, "http://localhost");
    let claimed = Claimed {
        id: Uuid::now_v7(),
        notice: Notice::Test {
            policy: AlertPolicyId::UserRestricted,
            severity: Severity::High,
            asked_by: "ada@example.org".into(),
        },
        target: "ops@example.org".into(),
        last_today: false,
        created_at: DateTime::<Utc>::UNIX_EPOCH,
        attempt: 1,
    };
    let sent = mailer.with_limits(limits).send(&claimed).await;
    (sent.map_err(|problem| problem.0), relay)
}

#[tokio::test]
async fn a_relay_that_hangs_is_left_within_its_limits() {
    for (manner, step) in
        [(Manner::SaysNothing, "greet"), (Manner::HangsAfterData, "take the mail")]
    {
        let (sent, relay) = told_by(manner).await;
        let problem = format!("the mail server did not {step} within 0.3 seconds");
        assert_eq!(sent, Err(problem));
        assert!(relay.taken().is_empty());
    }
}

#[tokio::test]
async fn a_mail_that_is_taken_is_taken_though_the_relay_hangs_then() {
    let (sent, relay) = told_by(Manner::HangsAtTheEnd).await;
    assert_eq!(sent, Ok(()));
    assert_eq!(relay.taken().len(), 1);
}
