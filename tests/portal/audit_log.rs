//! The audit log: nobody changes it, and who does all the same is found out.

use crate::harness::{Database, Portal};
use crate::program::{Serve, at_another_time, result_of, run};

/// Statements that each of the two databases must refuse.
fn attempts(database: &Database) -> Vec<&'static str> {
    let mut attempts = vec![
        "UPDATE audit SET actor = 'somebody else' WHERE number = 1",
        "UPDATE audit SET hash = 'x'",
        "DELETE FROM audit WHERE number = 1",
        "DELETE FROM audit",
    ];
    if database.is_postgres() {
        attempts.push("TRUNCATE audit");
    } else {
        attempts.push("INSERT OR REPLACE INTO audit SELECT number, at, 'x', address, action, record, hash FROM audit");
        attempts.push("UPDATE OR REPLACE audit SET number = 2 WHERE number = 1");
    }
    attempts
}

fn two_records(database: &Database) {
    for name in ["olivia@example.org", "oscar@example.org"] {
        result_of(database, &["operator", "add", name, "--role", "global-reader"]);
    }
}

#[tokio::test]
async fn the_database_refuses_to_change_or_delete_a_record() {
    let database = Database::create().await;
    two_records(&database);
    let before = result_of(&database, &["audit", "verify"]);
    for attempt in attempts(&database) {
        let error = database.try_execute(attempt).await.expect_err(attempt);
        assert!(error.contains("append-only"), "{attempt}: {error}");
    }
    assert_eq!(result_of(&database, &["audit", "verify"]), before);
    assert!(before.starts_with("2:"), "{before}");
}

/// As somebody could who owns the database.
async fn break_the_seal(database: &Database) {
    let seal = if database.is_postgres() {
        "DROP TRIGGER audit_refuses_change ON audit"
    } else {
        "DROP TRIGGER audit_refuses_update; DROP TRIGGER audit_refuses_delete"
    };
    database.try_execute(seal).await.unwrap();
}

#[tokio::test]
async fn verify_finds_a_record_that_was_changed_or_left_out() {
    for (change, complaint) in [
        (
            "UPDATE audit SET record = replace(record, 'olivia', 'oscar') WHERE number = 1",
            "record 1",
        ),
        ("DELETE FROM audit WHERE number = 1", "record 1 is missing"),
    ] {
        let database = Database::create().await;
        two_records(&database);
        break_the_seal(&database).await;
        database.try_execute(change).await.unwrap();
        let output = run(&database, &["audit", "verify"]);
        assert_eq!(output.status.code(), Some(1));
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(error.contains(complaint), "{error}");
    }
}

#[tokio::test]
async fn verify_finds_a_record_that_is_filed_under_something_else_than_it_tells() {
    let mut changes = vec![
        "UPDATE audit SET actor = 'innocent@example.org' WHERE number = 2",
        "UPDATE audit SET address = 'victim@example.org' WHERE number = 2",
        "UPDATE audit SET address = NULL WHERE number = 2",
        "UPDATE audit SET action = 'Listed' WHERE number = 2",
        "UPDATE audit SET at = '2020-01-01T00:00:00+00:00' WHERE number = 2",
    ];
    if !Database::create().await.is_postgres() {
        // Times that read the same, and that no search for the record's time finds.
        changes.push("UPDATE audit SET at = unixepoch(at) WHERE number = 2");
        changes.push("UPDATE audit SET at = replace(at, 'T', ' ') WHERE number = 2");
        changes.push("UPDATE audit SET at = 'never' WHERE number = 2");
        changes.push("UPDATE audit SET actor = CAST(actor AS BLOB) WHERE number = 2");
    }
    for change in changes {
        let database = Database::create().await;
        two_records(&database);
        let known = result_of(&database, &["audit", "verify"]);
        break_the_seal(&database).await;
        database.try_execute(change).await.unwrap();
        for verify in [&["audit", "verify"][..], &["audit", "verify", "--since", known.trim()]] {
            let output = run(&database, verify);
            assert_eq!(output.status.code(), Some(1), "{change}");
            let error = String::from_utf8_lossy(&output.stderr);
            assert!(error.contains("record 2 is filed under another"), "{change}: {error}");
        }
    }
}

#[tokio::test]
async fn with_a_hash_from_earlier_verify_finds_what_was_cut_off_or_written_anew() {
    let database = Database::create().await;
    two_records(&database);
    let known = result_of(&database, &["audit", "verify"]);
    let since = known.trim();
    assert_eq!(result_of(&database, &["audit", "verify", "--since", since]), known);

    break_the_seal(&database).await;
    database.try_execute("DELETE FROM audit WHERE number = 2").await.unwrap();
    // What is left is whole, only shorter.
    assert!(result_of(&database, &["audit", "verify"]).starts_with("1:"));
    let output = run(&database, &["audit", "verify", "--since", since]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("record 2 is missing"), "{output:?}");

    result_of(&database, &["operator", "add", "eve@example.org", "--role", "global-reader"]);
    let output = run(&database, &["audit", "verify", "--since", since]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("another hash"), "{output:?}");

    for bad in ["2", "2:abc", "0:00", "x:y"] {
        assert_eq!(run(&database, &["audit", "verify", "--since", bad]).status.code(), Some(2));
    }
}

#[tokio::test]
async fn the_last_hash_goes_into_the_log_at_every_start() {
    let database = Database::create().await;
    two_records(&database);
    let known = result_of(&database, &["audit", "verify"]);
    let (_, hash) = known.trim().split_once(':').unwrap();
    let mut serve = Serve::start(&database, "30m");
    serve.logs("the audit log ends here", hash);
}

#[tokio::test]
async fn the_last_hash_goes_into_the_log_at_midnight() {
    let database = Database::create().await;
    if database.is_postgres() {
        // The database's clock decides there, and nobody sets that.
        return;
    }
    let mut serve = Serve::running(at_another_time(&database, "@2031-03-01 23:59:50", "serve"));
    two_records(&database);
    let known = result_of(&database, &["audit", "verify"]);
    let (_, hash) = known.trim().split_once(':').unwrap();
    serve.line(|line| line["message"] == "the audit log ends here" && line["hash"] == hash);
}

#[tokio::test]
async fn the_log_is_read_in_pages_and_filtered() {
    let portal = Portal::start().await;
    for name in ["alice", "bob", "carol"] {
        portal.restricted(&format!("{name}@example.org")).await;
    }
    let page = portal.get("/api/v1/audit?limit=2&action=Listed").await.ok();
    assert_eq!(page["items"][0]["address"], "carol@example.org");
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest =
        portal.get(&format!("/api/v1/audit?limit=2&action=Listed&cursor={cursor}")).await.ok();
    assert_eq!(rest["items"][0]["address"], "alice@example.org");
    assert_eq!(rest["next_cursor"], serde_json::Value::Null);
    portal.get(&format!("/api/v1/audit?limit=2&cursor={cursor}")).await.invalid("cursor");
    for (query, count) in [
        ("address=Bob@example.org&action=Listed", 1),
        ("actor=nobody", 0),
        ("action=Delisted", 0),
        ("since=2026-11-23T10:00:01Z", 0),
        ("since=2026-11-23T10:00:00Z&until=2026-11-23T10:00:01Z&action=Listed", 3),
    ] {
        let page = portal.get(&format!("/api/v1/audit?{query}")).await.ok();
        assert_eq!(page["items"].as_array().unwrap().len(), count, "{query}");
    }
}

#[tokio::test]
async fn the_whole_log_is_had_as_a_file_whose_cells_no_spreadsheet_runs() {
    let portal = Portal::start().await;
    portal.restricted("=cmd|'x'!a1@example.org").await;
    for number in 0..1_100 {
        let now = portal.clock.now();
        let actor = restricted_users::model::operator::Actor::command_line();
        let tally = restricted_users::store::ImportTally::default();
        portal
            .app
            .store
            .record_import(&format!("{number}.csv"), tally, 0, &actor, now)
            .await
            .unwrap();
    }
    let token = portal.token(restricted_users::model::operator::RoleGroup::GlobalReader).await;
    let ask = |kind: &'static str, query: &'static str| {
        let path = format!("/api/v1/audit{query}");
        let request = portal.request(reqwest::Method::GET, &path).bearer_auth(&token);
        portal.send(request.header("accept", kind))
    };
    let lines = ask("application/jsonl", "").await;
    assert_eq!(lines.headers["content-type"], "application/jsonl");
    let numbers: Vec<_> = lines
        .text
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["number"].as_i64().unwrap()
        })
        .collect();
    assert_eq!(numbers, (1..=1_104).rev().collect::<Vec<_>>());

    let csv = ask("text/csv", "?action=Listed").await;
    assert_eq!(csv.text.lines().count(), 2);
    assert!(csv.text.starts_with("number,at,actor,"), "{}", csv.text);
    assert!(csv.text.contains(",'=cmd|'x'!a1@example.org,"), "{}", csv.text);
}
