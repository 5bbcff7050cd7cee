//! `replay`: who would have been restricted, by the logs of Postfix.

use crate::harness::{Database, Portal};
use crate::program::{command, result_of, run};
use chrono::{DateTime, TimeDelta, Utc};
use flate2::{Compression, write::GzEncoder};
use restricted_users::decision::Scope;
use restricted_users::model::OutboundSpamPolicy;
use restricted_users::model::address::Domain;
use restricted_users::model::organization::Organization;
use restricted_users::replay::{Replay, Times};
use serde_json::{Value, json};
use std::fs::File;
use std::io::Write;
use std::process::Output;
use std::time::{Duration, SystemTime};

const LOG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/mail-logs/submission.log");

/// A log in the database's folder, last written to at a time.
fn written(database: &Database, name: &str, log: &[u8], at: &str) -> String {
    let path = database.folder.path().join(name);
    let mut file = File::create(&path).unwrap();
    file.write_all(log).unwrap();
    let at: DateTime<Utc> = at.parse().unwrap();
    let seconds = u64::try_from(at.timestamp()).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The log of the fixtures, written in the first hour of 2026.
fn fixture(database: &Database) -> String {
    written(database, "mail.log", &std::fs::read(LOG).unwrap(), "2026-01-01T00:31:00Z")
}

fn replay(database: &Database, zone: &str, arguments: &[&str]) -> Output {
    let arguments = [&["replay"], arguments].concat();
    command(database, &arguments).env("TZ", zone).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

const LIMITS: [&str; 4] = ["--recipient-limit-external-per-hour", "3", "--spam-messages", "2"];
const FOUND: &str = "2026-01-01T00:20:00Z\talice@example.org\trestricted\t4 outside recipients in a \
    day; the limit for outside recipients was exceeded\n2026-01-01T00:30:05Z\tmallory@example.org\t\
    restricted\t2 of 2 messages were spam (100 %)\n";

#[tokio::test]
async fn a_log_says_exactly_who_would_have_been_restricted_and_when() {
    let database = Database::create().await;
    let log = fixture(&database);
    let output = replay(&database, "UTC", &[&[log.as_str()], &LIMITS[..]].concat());
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stdout), FOUND);
    assert_eq!(
        text(&output.stderr),
        "34 lines read, 5 messages of 2 senders, 1 lines not understood\n"
    );
}

#[tokio::test]
async fn with_the_default_limits_nobody_of_them_would_have_been_and_the_database_is_left_alone() {
    let database = Database::create().await;
    let output = command(&database, &["replay", &fixture(&database)])
        .env("RESTRICTED_USERS_DATABASE_URL", "sqlite:/nowhere/at/all.db")
        .output()
        .unwrap();
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), String::new()));
}

#[tokio::test]
async fn times_without_a_zone_are_those_of_the_machine_and_are_told_in_utc() {
    let database = Database::create().await;
    let log = fixture(&database);
    let output = replay(&database, "Europe/Berlin", &[&[log.as_str()], &LIMITS[..]].concat());
    assert!(text(&output.stdout).starts_with("2025-12-31T23:20:00Z\talice"), "{output:?}");
}

#[tokio::test]
async fn logs_are_read_one_after_another_packed_or_not_or_from_a_pipe() {
    let database = Database::create().await;
    let log = std::fs::read_to_string(LOG).unwrap();
    let (december, january) = log.split_at(log.find("Jan ").unwrap());
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(december.as_bytes()).unwrap();
    let older = written(&database, "1.gz", &gzip.finish().unwrap(), "2026-01-01T00:00:00Z");
    let newer = written(&database, "0", january.as_bytes(), "2026-01-01T00:31:00Z");

    let output = replay(&database, "UTC", &[&[older.as_str(), &newer], &LIMITS[..]].concat());
    assert_eq!(text(&output.stdout), FOUND);

    let arguments = [&["replay", older.as_str(), "-"], &LIMITS[..]].concat();
    let stdin = File::open(&newer).unwrap();
    let output = command(&database, &arguments).env("TZ", "UTC").stdin(stdin).output().unwrap();
    assert_eq!(text(&output.stdout), FOUND);
}

#[tokio::test]
async fn logs_in_the_wrong_order_are_told_and_make_nobody_restricted() {
    let database = Database::create().await;
    let log = std::fs::read(LOG).unwrap();
    let older = written(&database, "1", &log, "2025-01-01T00:31:00Z");
    let newer = written(&database, "0", &log, "2026-01-01T00:31:00Z");
    let arguments = [&[newer.as_str(), &older], &LIMITS[..]].concat();
    let output = replay(&database, "UTC", &arguments);
    assert_eq!(text(&output.stdout), FOUND);
    assert!(text(&output.stderr).contains("give the oldest log first"), "{output:?}");
}

#[tokio::test]
async fn a_day_block_and_an_alert_are_told_as_such_and_as_json_too() {
    let database = Database::create().await;
    let log = fixture(&database);
    for (action, what) in
        [("block-user-for-today", "restricted until midnight"), ("alert", "alert")]
    {
        let json = result_of(
            &database,
            &[
                "replay",
                &log,
                "--recipient-limit-per-day=4",
                "--action-when-threshold-reached",
                action,
                "--format",
                "json",
            ],
        );
        let found: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(found.as_array().unwrap().len(), 1, "{json}");
        assert_eq!(
            (&found[0]["sender"], &found[0]["what"]),
            (&json!("alice@example.org"), &json!(what))
        );
        assert_eq!(found[0]["why"], "5 recipients in a day; the daily limit was exceeded");
    }
}

#[tokio::test]
async fn a_limit_that_cannot_be_used_is_told_with_what_it_takes() {
    let database = Database::create().await;
    for (flag, value, sentence) in [
        ("--recipient-limit-external-per-hour", "10001", "it takes 0 to 10000"),
        ("--recipient-limit-internal-per-hour", "-1", "it takes 0 to 10000"),
        ("--recipient-limit-per-day", "many", "it takes a whole number"),
        ("--spam-messages", "0", "it takes 1 to 10000"),
        ("--spam-messages-minutes", "1441", "it takes 1 to 1440"),
        ("--spam-percent", "101", "it takes 1 to 100"),
        ("--spam-percent-of-at-least", "0", "it takes 1 to 10000"),
        ("--action-when-threshold-reached", "shout", "block-user-for-today or alert"),
    ] {
        let output = run(&database, &["replay", LOG, flag, value]);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(flag) && told.contains(sentence), "{told}");
    }
    let output = run(&database, &["replay", "/nowhere.log"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("cannot read /nowhere.log"), "{output:?}");
    assert_eq!(run(&database, &["replay"]).status.code(), Some(2));
}

/// Messages of three senders over hours: the second, the sender, recipients inside and outside, and
/// whether it is spam.
fn mail() -> Vec<(i64, usize, usize, usize, bool)> {
    // The same numbers in every run.
    let mut state = 0x5eed_u64;
    let mut below = |end: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % end
    };
    let mut second = 0;
    let mut message = |_| {
        second += 1 + below(240);
        let [sender, inside, outside] = [below(3), below(4), 1 + below(6)];
        let spam = sender == 2 && below(2) == 0;
        let [sender, inside, outside] =
            [sender, inside, outside].map(|it| usize::try_from(it).unwrap());
        (i64::try_from(second).unwrap(), sender, inside, outside, spam)
    };
    (0..150).map(&mut message).collect()
}

const SENDERS: [&str; 3] = ["alice@example.org", "bob@example.org", "carol@example.org"];

fn recipients(inside: usize, outside: usize) -> Vec<String> {
    let inside = (0..inside).map(|number| format!("i{number}@example.net"));
    inside.chain((0..outside).map(|number| format!("o{number}@remote.example"))).collect()
}

#[tokio::test]
async fn a_log_and_the_service_that_saw_the_same_mail_say_the_same() {
    let portal = Portal::start().await;
    let policy = json!({ "name": "Default", "recipient_limit_external_per_hour": 48,
        "recipient_limit_per_day": 150, "spam_messages": 3, "spam_messages_minutes": 12 });
    portal.put("/api/v1/outbound-spam-policies/default", policy).await.ok();
    let (began, mut last) = (portal.clock.now(), 0);
    let mut log = String::new();
    for (number, (second, sender, inside, outside, spam)) in mail().into_iter().enumerate() {
        portal.clock.advance(TimeDelta::seconds(second - last));
        last = second;
        let (login, to) = (SENDERS[sender], recipients(inside, outside));
        let verdict = if spam { "spam" } else { "clean" };
        let told = json!({ "sender": login, "recipients": to, "verdict": verdict });
        portal.post("/api/v1/outbound-messages", told).await.ok();
        log += &lines(began + TimeDelta::seconds(second), number, login, &to, spam);
    }
    let mut served = Vec::new();
    for user in
        portal.get("/api/v1/restricted-users?state=all&sort=restricted_at").await.ok()["items"]
            .as_array()
            .unwrap()
    {
        let at: DateTime<Utc> = user["restricted_at"].as_str().unwrap().parse().unwrap();
        let why = restricted_users::model::reason::Reason::parse(user["reason"].as_str().unwrap());
        served.push((at, user["address"].as_str().unwrap().to_owned(), why.sentence()));
    }
    // One for each of the three lines.
    for line in ["were spam", "limit for outside recipients", "daily limit"] {
        assert!(served.iter().any(|(_, _, why)| why.contains(line)), "{line}: {served:?}");
    }
    assert_eq!(replayed(&log, portal.clock.now()), served);
}

fn replayed(log: &str, now: DateTime<Utc>) -> Vec<(DateTime<Utc>, String, String)> {
    let domains = ["example.org", "example.net"].map(|domain| Domain::parse(domain).unwrap());
    let organization = Organization { name: "Example Org".into(), domains: domains.into() };
    let policy = OutboundSpamPolicy {
        recipient_limit_external_per_hour: 48,
        recipient_limit_per_day: 150,
        spam_messages: 3,
        spam_messages_minutes: 12,
        ..OutboundSpamPolicy::default_policy()
    };
    let mut replay = Replay::new(organization, vec![policy], Scope::Outside);
    replay.read(log.as_bytes(), Times::new(|naive| Some(naive.and_utc()), now, now)).unwrap();
    let findings = replay.finish().findings.into_iter();
    findings.map(|it| (it.at, it.sender.to_string(), it.why.sentence())).collect()
}

/// What Postfix logs of a message.
fn lines(at: DateTime<Utc>, number: usize, login: &str, to: &[String], spam: bool) -> String {
    let (time, id) = (at.format("%Y-%m-%dT%H:%M:%S+00:00"), format!("{number:09X}"));
    let line =
        |program: &str, text: &str| format!("{time} mail postfix/{program}[1]: {id}: {text}\n");
    let client = format!("client=x[192.0.2.7], sasl_method=PLAIN, sasl_username={login}");
    let mut lines = vec![line("smtpd", &client)];
    if spam {
        lines.push(line("cleanup", "info: header X-Spam: Yes from x"));
    }
    let queued = format!("from=<x@example.org>, size=900, nrcpt={} (queue active)", to.len());
    lines.push(line("qmgr", &queued));
    let sent =
        |recipient: &String| line("smtp", &format!("to=<{recipient}>, relay=y, status=sent"));
    lines.extend(to.iter().map(sent));
    lines.concat()
}
