//! The commands that work over the API: Exchange's cmdlets on the command line, and `api`.

use crate::harness::Database;
use crate::program::{Serve, command, result_of, run};
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

/// A running server on a database of its own, and somebody with a token for it.
struct Shell {
    database: Database,
    serve: Serve,
    token: String,
}

impl Shell {
    async fn start(delay: &str) -> Self {
        Self::with_role(delay, "security-administrator").await
    }

    async fn with_role(delay: &str, role: &str) -> Self {
        let database = Database::create().await;
        let serve = Serve::start(&database, delay);
        let token = result_of(&database, &["token", "create", "--name", "t", "--role", role]);
        Self { database, serve, token: token.trim().into() }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(&self.database, arguments);
        command
            .env("RESTRICTED_USERS_URL", &self.serve.url)
            .env("RESTRICTED_USERS_TOKEN", &self.token)
            // None of these commands opens a database.
            .env("RESTRICTED_USERS_DATABASE_URL", "none");
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn result(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        assert_eq!(output.stderr, b"", "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn restrict(&self, address: &str, reason: &str) {
        let body = serde_json::json!({ "address": address, "reason": reason }).to_string();
        self.result(&["api", "POST", "/api/v1/restricted-users", &body]);
    }

    fn import(&self, rows: &str) {
        let file = self.database.folder.path().join("import.csv");
        std::fs::write(&file, format!("SenderAddress,Reason,CreatedDatetime\n{rows}")).unwrap();
        result_of(&self.database, &["import", file.to_str().unwrap()]);
    }
}

/// The one sentence of a command that failed.
fn refusal(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(output.stdout, b"", "{output:?}");
    let error = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(error.lines().count(), 1, "{error}");
    error
}

const GET: &str = "get-blocked-sender-address";
const REMOVE: &str = "remove-blocked-sender-address";

#[tokio::test]
async fn every_page_is_listed_and_the_file_is_imported_elsewhere_as_it_was() {
    let shell = Shell::start("30m").await;
    let mut rows = String::new();
    for number in 0..450 {
        let (minute, second) = (number / 60, number % 60);
        let reason = format!("\"\"\"spam\"\", no. {number}\r\nand more\"");
        let at = format!("2025-11-20T09:{minute:02}:{second:02}Z");
        writeln!(rows, "user{number}@example.org,{reason},{at}").unwrap();
    }
    shell.import(&rows);
    for format in ["csv", "json"] {
        let listed = shell.result(&[GET, "--format", format]);
        assert_eq!(listed, result_of(&shell.database, &["export", "--format", format]));

        let elsewhere = Database::create().await;
        let file = elsewhere.folder.path().join("listed");
        std::fs::write(&file, &listed).unwrap();
        let imported = result_of(&elsewhere, &["import", file.to_str().unwrap()]);
        assert_eq!(imported, "450 imported, 0 skipped, 0 bad\n");
        assert_eq!(result_of(&elsewhere, &["export", "--format", format]), listed);
    }
    assert_eq!(shell.result(&[GET]).lines().count(), 450);
}

#[tokio::test]
async fn a_pipe_gets_a_line_for_each_sender_and_nothing_where_nobody_is_restricted() {
    let shell = Shell::start("30m").await;
    assert_eq!(shell.result(&[GET]), "");
    assert_eq!(shell.result(&[GET, "--format", "json"]), "[]\n");
    let head = shell.result(&[GET, "--format", "csv"]);
    assert_eq!(head.lines().count(), 1, "{head}");

    shell.restrict("alice@example.org", "sent\tspam\u{1b}[2J");
    shell.import("bob@example.org,,2025-11-20T09:14:03Z\n");
    let lines = shell.result(&[GET]);
    let lines: Vec<_> = lines.lines().map(|line| line.split('\t').collect::<Vec<_>>()).collect();
    assert_eq!(lines[0], ["bob@example.org", "2025-11-20T09:14:03Z", "False", ""]);
    assert_eq!(lines[1][0], "alice@example.org");
    assert_eq!(lines[1][3], "sent\\tspam\\u{1b}[2J");
    let alice = shell.result(&[GET, "--sender-address", "Alice", "--format", "json"]);
    let alice: serde_json::Value = serde_json::from_str(&alice).unwrap();
    assert_eq!(alice[0]["Reason"], "sent\tspam\u{1b}[2J");
    assert_eq!(alice.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_token_that_leaves_this_machine_in_the_clear_is_told_of_on_stderr() {
    let shell = Shell::start("30m").await;
    shell.restrict("alice@example.org", "sent spam");
    // Linux takes this for its own address, and a program for none of loopback.
    let elsewhere = shell.serve.url.replace("127.0.0.1", "0.0.0.0");
    for arguments in [&[GET][..], &["api", "GET", "/api/v1/restricted-users"]] {
        let output = shell.command(arguments).env("RESTRICTED_USERS_URL", &elsewhere).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(output.stdout.windows(5).any(|text| text == b"alice"), "{output:?}");
        let told = String::from_utf8(output.stderr).unwrap();
        let warning = format!("the token goes to {elsewhere}/ in the clear");
        assert!(told.contains(&warning) && !told.contains(&shell.token), "{told}");
    }
}

#[tokio::test]
async fn a_terminal_gets_a_table_that_fits() {
    let shell = Shell::start("30m").await;
    shell.restrict("alice@example.org", &"spam ".repeat(50));
    // A terminal of the test's own.
    let program = env!("CARGO_BIN_EXE_restricted-users");
    let output = Command::new("script")
        .args(["-qec", &format!("stty rows 24 cols 70; {program} {GET}"), "/dev/null"])
        .env("RESTRICTED_USERS_URL", &shell.serve.url)
        .env("RESTRICTED_USERS_TOKEN", &shell.token)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let seen = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = seen.lines().collect();
    assert!(lines[0].starts_with("SENDER ADDRESS     CREATED"), "{seen}");
    assert!(lines[1].starts_with("alice@example.org  20"), "{seen}");
    assert!(lines[1].ends_with('…'), "{seen}");
    assert_eq!(lines[1].chars().count(), 70, "{seen}");
}

#[tokio::test]
async fn a_sender_who_is_removed_stays_listed_until_it_takes_effect() {
    let shell = Shell::start("30m").await;
    shell.restrict("alice@example.org", "sent spam");
    let remove = [REMOVE, "--sender-address", "Alice@Example.org", "--reason", "new password"];
    let told = shell.result(&remove);
    let (address, at) = told.trim_end().split_once('\t').unwrap();
    assert_eq!(address, "alice@example.org");
    let path = "/api/v1/restricted-users/alice@example.org";
    let user: serde_json::Value =
        serde_json::from_str(&shell.result(&["api", "get", path])).unwrap();
    assert_eq!(user["unblock"]["comment"], "new password");
    let takes_effect_at = user["unblock"]["takes_effect_at"].as_str().unwrap();
    assert_eq!(at.trim_end_matches('Z'), &takes_effect_at[..19]);
    assert!(shell.result(&[GET]).starts_with("alice@example.org\t"));
    // Asked for again, nothing moves.
    assert_eq!(shell.result(&remove), told);
}

#[tokio::test]
async fn who_is_not_restricted_is_told_so_with_status_1() {
    let shell = Shell::start("0s").await;
    shell.restrict("alice@example.org", "sent spam");
    shell.result(&[REMOVE, "--sender-address", "alice@example.org"]);
    assert_eq!(shell.result(&[GET]), "");
    for cmdlet in [GET, REMOVE] {
        for address in ["alice@example.org", "never@example.org", "../users", "a b?c#d/e@x.example"]
        {
            let output = shell.run(&[cmdlet, "--sender-address", address]);
            let told = format!("restricted-users: {address} is not restricted\n");
            assert_eq!(refusal(&output), told, "{cmdlet}");
        }
    }
    for nobody in ["", ".", ".."] {
        assert_eq!(shell.run(&[GET, "--sender-address", nobody]).status.code(), Some(2));
    }
    assert_eq!(shell.run(&[REMOVE]).status.code(), Some(2));
    assert_eq!(shell.run(&[GET, "--format", "xml"]).status.code(), Some(2));
}

#[tokio::test]
async fn without_a_good_token_or_a_server_one_sentence_says_what_to_do() {
    let shell = Shell::with_role("30m", "security-reader").await;
    let with = |key: &str, value: &str, arguments: &[&str]| {
        refusal(&shell.command(arguments).env(key, value).output().unwrap())
    };
    let no_token = with("RESTRICTED_USERS_TOKEN", " ", &[GET]);
    assert!(no_token.contains("RESTRICTED_USERS_TOKEN is not set"), "{no_token}");
    let wrong = with("RESTRICTED_USERS_TOKEN", "hunter2", &[GET]);
    assert!(wrong.contains("does not know the token"), "{wrong}");
    assert!(!wrong.contains("hunter2"));
    let nobody = with("RESTRICTED_USERS_URL", "http://127.0.0.1:1", &[GET]);
    assert!(nobody.contains("http://127.0.0.1:1 cannot be reached"), "{nobody}");
    for bad in ["restricted.example.org", "ftp://example.org", "http://u:p@example.org/x"] {
        let bad = with("RESTRICTED_USERS_URL", bad, &[GET]);
        assert!(bad.contains("it takes scheme, host and port"), "{bad}");
    }
    let forbidden = refusal(&shell.run(&[REMOVE, "--sender-address", "alice@example.org"]));
    assert!(forbidden.contains("Your role group may not restrict or unblock"), "{forbidden}");
    assert_eq!(shell.result(&[GET]), "");
}

#[tokio::test]
async fn any_request_is_sent_and_its_answer_printed_as_it_came() {
    let shell = Shell::start("30m").await;
    let mut api = shell.command(&["api", "POST", "/api/v1/restricted-users", "-"]);
    let mut api = api.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let body = br#"{"address":"alice@example.org","reason":"sent spam"}"#;
    api.stdin.take().unwrap().write_all(body).unwrap();
    let answer = api.wait_with_output().unwrap();
    assert!(answer.status.success());
    assert!(answer.stdout.ends_with(b"}\n"));

    let list = shell.result(&["api", "GET", "/api/v1/restricted-users?search=alice&limit=1"]);
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list["items"][0]["address"], "alice@example.org");
    shell.result(&["api", "POST", "/api/v1/restricted-users/alice@example.org/unblock"]);
    shell.result(&["api", "delete", "/api/v1/restricted-users/alice@example.org/unblock"]);

    let bad = refusal(&shell.run(&["api", "GET", "/api/v1/restricted-users?limit=0"]));
    assert!(bad.contains("limit: it is 0, but it takes 1 to 200"), "{bad}");
    let no_path = refusal(&shell.run(&["api", "GET", "api/v1/restricted-users"]));
    assert!(no_path.contains("it begins with a slash"), "{no_path}");
    assert_eq!(shell.run(&["api", "FETCH", "/api/v1/audit"]).status.code(), Some(2));
}

#[tokio::test]
async fn who_has_read_enough_of_a_list_is_told_nothing() {
    let shell = Shell::start("30m").await;
    // More than any buffer holds.
    let rows = (0..500).map(|it| format!("user{it}@example.org,{},\n", "spam ".repeat(100)));
    shell.import(&rows.collect::<String>());
    for format in ["table", "csv", "json"] {
        let mut get = shell.command(&[GET, "--format", format]);
        let mut get = get.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(get.stdout.take());
        assert_eq!(String::from_utf8(get.wait_with_output().unwrap().stderr).unwrap(), "");
    }
}

#[tokio::test]
async fn a_shell_completes_the_commands() {
    let database = Database::create().await;
    for shell in ["bash", "zsh", "fish", "powershell", "PowerShell"] {
        let script = result_of(&database, &["completions", shell]);
        for word in [GET, REMOVE, "sender-address", "completions"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    assert_eq!(run(&database, &["completions", "csh"]).status.code(), Some(2));

    let complete = r#"eval "$(cat)"; COMP_WORDS=(restricted-users get-b); COMP_CWORD=1
        complete=$(complete -p restricted-users); complete=${complete#* -F }
        ${complete% *} restricted-users get-b restricted-users; echo "${COMPREPLY[@]}""#;
    let mut bash = Command::new("bash");
    let mut bash =
        bash.args(["-c", complete]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let script = result_of(&database, &["completions", "bash"]);
    bash.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let completed = bash.wait_with_output().unwrap().stdout;
    assert_eq!(String::from_utf8(completed).unwrap(), format!("{GET}\n"));
}
