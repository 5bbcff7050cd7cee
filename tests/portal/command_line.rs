//! The command line: exit status, what goes to which stream, what bad settings are told.

use crate::harness::Database;
use crate::program::{Serve, command, result_of, run};
use std::process::Output;

fn error(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[tokio::test]
async fn a_setting_that_cannot_be_used_stops_the_start_with_one_sentence() {
    let database = Database::create().await;
    for (key, value, word) in [
        ("PROPAGATION_DELAY", "31m", "propagation_delay"),
        ("PROPAGATION_DELAY", "soon", "propagation_delay"),
        ("ORGANIZATION_DOMAINS", "exa mple", "organization_domains"),
        ("LISTEN", "here", "listen"),
        ("POLICY_LISTEN", "192.0.2.1:10040", "mail_server_networks"),
        ("DATABASE_URL", "oracle:x", "database_url"),
        ("DATABASE_URL", "sqlite:/nowhere/at/all.db", "cannot open the database"),
        ("DATABASE_URL", "postgres://u:hunter2@127.0.0.1:1/x", "cannot open the database"),
    ] {
        let key = format!("RESTRICTED_USERS_{key}");
        let output = command(&database, &["serve"]).env(key, value).output().unwrap();
        let error = error(&output);
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains(word), "{error}");
        assert_eq!(error.trim().lines().count(), 1, "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn an_unknown_key_in_the_file_stops_the_start_and_an_unknown_flag_is_status_2() {
    let database = Database::create().await;
    let file = database.folder.path().join("settings.toml");
    std::fs::write(&file, "organization_name = \"Example\"\ncolour = \"red\"\n").unwrap();
    let file = file.to_str().unwrap();
    let output = run(&database, &["operator", "list", "--config", file]);
    assert_eq!(output.status.code(), Some(1));
    assert!(error(&output).contains("colour"), "{}", error(&output));

    std::fs::write(file, "organization_name = \n").unwrap();
    let output = run(&database, &["--config", file, "operator", "list"]);
    assert!(error(&output).contains("line 1"), "{}", error(&output));

    assert_eq!(run(&database, &["serve", "--colour"]).status.code(), Some(2));
    assert_eq!(run(&database, &["no-such-command"]).status.code(), Some(2));
}

#[tokio::test]
async fn a_database_that_is_none_is_told_and_left_alone() {
    let database = Database::create().await;
    let file = database.folder.path().join("letter.txt");
    std::fs::write(&file, "Dear database, ".repeat(1_000)).unwrap();
    let url = format!("sqlite:{}", file.display());
    let output = command(&database, &["operator", "list"])
        .env("RESTRICTED_USERS_DATABASE_URL", url)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(error(&output).contains("cannot open the database"), "{}", error(&output));
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("Dear database"));
}

#[tokio::test]
async fn serve_invites_the_first_operator_on_stdout_alone_and_ends_well_on_a_signal() {
    let database = Database::create().await;
    let serve = Serve::start(&database, "30m").with_link();
    let link = serve.link.clone().unwrap();
    let (origin, secret) = link.split_once("/#/welcome/").unwrap();
    assert_eq!(origin, serve.url.replace("127.0.0.1", "localhost"));
    assert_eq!(secret.len(), 43);
    assert!(serve.terminate());

    result_of(&database, &["operator", "add", "olivia@example.org", "--role", "global-reader"]);
    let serve = Serve::start(&database, "30m");
    assert_eq!(serve.output_of_all_its_life(), "");
}

#[tokio::test]
async fn operators_are_added_listed_invited_again_and_removed() {
    let database = Database::create().await;
    let add = ["operator", "add", "Olivia@Example.org", "--role", "Security Administrator"];
    let link = result_of(&database, &add);
    assert!(link.starts_with("http://localhost:8080/#/welcome/"), "{link}");
    assert_eq!(link.lines().count(), 1);
    assert_eq!(run(&database, &add).status.code(), Some(1));

    let list = result_of(&database, &["operator", "list"]);
    assert!(list.starts_with("olivia@example.org\tSecurity Administrator\t"), "{list}");
    let json = result_of(&database, &["operator", "list", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json[0]["address"], "olivia@example.org");

    let again = result_of(&database, &["operator", "reset-password", "olivia"]);
    assert_ne!(again, link);
    result_of(&database, &["operator", "remove", "olivia@example.org"]);
    assert_eq!(result_of(&database, &["operator", "list"]), "");
    for gone in [["operator", "remove", "olivia"], ["operator", "reset-password", "olivia"]] {
        let output = run(&database, &gone);
        assert_eq!(output.status.code(), Some(1));
        assert!(error(&output).contains("olivia@example.org is no operator"), "{output:?}");
    }
    let mail_server = ["operator", "add", "mx@example.org", "--role", "mail-server"];
    assert_eq!(run(&database, &mail_server).status.code(), Some(1));
}

#[tokio::test]
async fn a_token_is_printed_once_and_its_name_is_unique() {
    let database = Database::create().await;
    let create =
        ["token", "create", "--name", "ci", "--role", "security-reader", "--expires", "90d"];
    let token = result_of(&database, &create);
    assert_eq!(token.trim().len(), 43);
    assert_eq!(run(&database, &create).status.code(), Some(1));
    let list = result_of(&database, &["token", "list"]);
    assert!(list.starts_with("ci\tSecurity Reader\t"), "{list}");
    assert!(!list.contains(token.trim()));
    result_of(&database, &["token", "revoke", "ci"]);
    assert_eq!(run(&database, &["token", "revoke", "ci"]).status.code(), Some(1));
    let bad = ["token", "create", "--name", "ci", "--role", "ci", "--expires", "90d"];
    assert_eq!(run(&database, &bad).status.code(), Some(2));
}

#[tokio::test]
async fn the_doctor_finds_damage_in_the_database_file() {
    let database = Database::create().await;
    if database.is_postgres() {
        return;
    }
    let rows: Vec<_> = (0..2_000).map(|number| format!("user{number}@example.org")).collect();
    let blocked = database.folder.path().join("blocked.csv");
    std::fs::write(&blocked, format!("SenderAddress\n{}", rows.join("\n"))).unwrap();
    result_of(&database, &["import", blocked.to_str().unwrap()]);
    let doctor = || String::from_utf8(run(&database, &["doctor"]).stdout).unwrap();
    let whole = "ok\tthe database's file is whole\t";
    assert!(doctor().contains(whole), "{}", doctor());

    let file = database.folder.path().join("restricted-users.db");
    let mut octets = std::fs::read(&file).unwrap();
    let middle = octets.len() / 2 / 4096 * 4096;
    octets[middle..middle + 4096].fill(0xff);
    std::fs::write(&file, octets).unwrap();
    let findings = doctor();
    assert!(findings.contains("problem\tthe database's file is damaged ("), "{findings}");
    assert!(findings.contains("docs/operations.md says how to restore a backup"), "{findings}");
    assert!(!findings.contains(whole), "{findings}");
}

#[tokio::test]
async fn the_doctor_says_that_no_spam_filter_reports_until_one_does() {
    const SILENCE: &str = "warning\tno spam filter has reported a verdict for the last 2 messages: \
                           only recipient limits can restrict";
    let database = Database::create().await;
    let serve = Serve::start(&database, "30m");
    let create = ["token", "create", "--name", "mx", "--role", "mail-server"];
    let token = result_of(&database, &create);
    let report = |messages: &str| {
        let mut api = command(&database, &["api", "POST", "/api/v1/outbound-messages", messages]);
        api.env("RESTRICTED_USERS_URL", &serve.url).env("RESTRICTED_USERS_TOKEN", token.trim());
        assert!(api.output().unwrap().status.success());
    };
    let doctor = || String::from_utf8(run(&database, &["doctor"]).stdout).unwrap();
    let message =
        r#"{"sender":"alice@example.org","recipients":["bob@remote.example"],"queue_id":"#;
    report(&format!(r#"[{message}"4F2B1C0A1"}},{message}"4F2B1C0A2"}}]"#));
    assert!(doctor().contains(SILENCE), "{}", doctor());
    report(&format!(r#"{message}"4F2B1C0A2","verdict":"clean"}}"#));
    assert!(!doctor().contains("no spam filter"), "{}", doctor());
}
