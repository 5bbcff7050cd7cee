//! The five commonest jobs as `docs/api.md` tells scripts to do them: its own lines are run, against
//! the real program. Its PowerShell cannot be; it is seen to make the same requests.

use crate::harness::Database;
use crate::program::{Serve, command, result_of};
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use std::path::Path;
use std::process::{Command, Output};

const PAGE: &str = include_str!("../../docs/api.md");
/// Where the page reaches the service.
const URL: &str = "http://localhost:8080";
const INTRODUCTION: &str = "## The five commonest jobs";

const LIST: &str = "### List who is restricted";
const FIND_OUT: &str = "### Find out why somebody is restricted";
const UNBLOCK: &str = "### Unblock somebody";
const RESTRICT: &str = "### Restrict somebody";
const FOLLOW: &str = "### Follow what happens";

/// Languages that can be run here, and how each takes a script.
const BASH: [&str; 2] = ["bash", "bash"];
const PYTHON: [&str; 2] = ["python", "python3"];

/// What the page says under a heading, down to the next one.
fn section(heading: &str) -> &'static str {
    let (_, behind) = PAGE.split_once(&format!("\n{heading}\n")).expect(heading);
    behind.split("\n##").next().unwrap()
}

/// The one block of a language.
fn block(section: &'static str, language: &str) -> &'static str {
    let blocks: Vec<_> = section.split(&format!("```{language}\n")).skip(1).collect();
    assert_eq!(blocks.len(), 1, "{language}: {section}");
    blocks[0].split("```").next().unwrap()
}

/// An admin who has done what the page asks for first.
struct Admin {
    database: Database,
    /// Held, because it ends when dropped.
    _serve: Serve,
    variables: [(&'static str, String); 2],
}

impl Admin {
    async fn new() -> Self {
        let database = Database::create().await;
        let serve = Serve::start(&database, "30m");
        let lines = block(section(INTRODUCTION), "sh");
        assert!(lines.contains(URL), "{lines}");
        let lines = lines.replace(URL, &serve.url);
        let tell = "printenv RESTRICTED_USERS_URL RESTRICTED_USERS_TOKEN";
        let program = Path::new(env!("CARGO_BIN_EXE_restricted-users")).parent().unwrap();
        let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{lines}{tell}")]).env("PATH", path);
        shell.env("RESTRICTED_USERS_DATABASE_URL", &database.url);
        let told = text(&shell.output().unwrap());
        let told: Vec<_> = told.lines().map(str::to_owned).collect();
        let [url, token] = <[String; 2]>::try_from(told).unwrap();
        let variables = [("RESTRICTED_USERS_URL", url), ("RESTRICTED_USERS_TOKEN", token)];
        Self { database, _serve: serve, variables }
    }

    /// Runs a job in a language.
    fn run(&self, job: &str, [language, program]: [&str; 2]) -> Output {
        let introduction = block(section(INTRODUCTION), language);
        let script = format!("{introduction}{}", block(section(job), language));
        let mut command = Command::new(program);
        command.args(["-c", &script]).envs(self.variables.clone()).env("NO_PROXY", "*");
        command.current_dir(self.database.folder.path()).output().unwrap()
    }

    /// What a job printed, after it went well.
    fn result(&self, job: &str, language: [&str; 2]) -> String {
        text(&self.run(job, language))
    }

    /// What a job says where it fails.
    fn refusal(&self, job: &str, language: [&str; 2]) -> String {
        let output = self.run(job, language);
        assert!(!output.status.success(), "{output:?}");
        assert_eq!(output.stdout, b"", "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    fn api(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<_> = ["api"].iter().chain(arguments).copied().collect();
        let mut api = command(&self.database, &arguments);
        let answer = text(&api.envs(self.variables.clone()).output().unwrap());
        serde_json::from_str(&answer).unwrap()
    }

    fn restrict(&self, address: &str) -> Value {
        let body = json!({ "address": address, "reason": "sent spam" }).to_string();
        self.api(&["POST", "/api/v1/restricted-users", &body])
    }

    fn user(&self, address: &str) -> Value {
        self.api(&["GET", &format!("/api/v1/restricted-users/{address}")])
    }

    /// A mail server tells of spam, enough to restrict its sender.
    fn sends_spam(&self, sender: &str, subject: &str) {
        let create = ["token", "create", "--name", "mx", "--role", "mail-server"];
        let token = result_of(&self.database, &create);
        let message = json!({
            "sender": sender, "recipients": ["bob@remote.example"], "verdict": "spam",
            "subject": subject, "client_address": "192.0.2.7",
        });
        let body = json!(vec![message; 5]).to_string();
        let mut api = command(&self.database, &["api", "POST", "/api/v1/outbound-messages", &body]);
        api.envs(self.variables.clone()).env("RESTRICTED_USERS_TOKEN", token.trim());
        text(&api.output().unwrap());
    }
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stderr, b"", "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test]
async fn everybody_who_is_restricted_is_listed_however_many_pages_there_are() {
    for language in [BASH, PYTHON] {
        let admin = Admin::new().await;
        assert_eq!(admin.result(LIST, language), "");
        let addresses: HashSet<_> = (0..450).map(|it| format!("user{it}@example.org")).collect();
        let file = admin.database.folder.path().join("import.csv");
        let rows: Vec<_> = addresses.iter().map(|address| format!("{address},spam")).collect();
        std::fs::write(&file, format!("SenderAddress,Reason\n{}\n", rows.join("\n"))).unwrap();
        result_of(&admin.database, &["import", file.to_str().unwrap()]);
        let listed = admin.result(LIST, language);
        assert_eq!(listed.lines().count(), 450);
        let columns = listed.lines().map(|line| line.split('\t').collect::<Vec<_>>());
        let listed: HashSet<_> = columns
            .map(|columns| {
                assert_eq!((columns[1], columns[3], columns.len()), ("restricted", "spam", 4));
                columns[0].to_owned()
            })
            .collect();
        assert_eq!(listed, addresses);
    }
}

#[tokio::test]
async fn why_somebody_is_restricted_is_told_and_no_subject_moves_the_cursor() {
    for language in [BASH, PYTHON] {
        let admin = Admin::new().await;
        admin.sends_spam("alice@example.org", "Cheap\u{1b}[2J pills");
        let told = admin.result(FIND_OUT, language);
        for word in ["outbound_spam", "OutboundSpamLast24Hours=5;", "restricted", "system"] {
            assert!(told.contains(word), "{word}: {told}");
        }
        assert_eq!(told.matches("\tCheap [2J pills\t192.0.2.7\n").count(), 5, "{told}");
        assert!(!told.contains('\u{1b}'), "{told}");
    }
}

#[tokio::test]
async fn somebody_is_unblocked_and_the_script_tells_from_when_on() {
    for language in [BASH, PYTHON] {
        let admin = Admin::new().await;
        let told = admin.refusal(UNBLOCK, language);
        assert!(told.contains("/problems/not-found"), "{told}");
        admin.restrict("alice@example.org");
        let told = admin.result(UNBLOCK, language);
        let user = admin.user("alice@example.org");
        assert_eq!(user["state"], "unblocking");
        assert_eq!(user["unblock"]["takes_effect_at"], told.trim());
        assert_eq!(user["unblock"]["comment"], "New password, second factor is on");
        assert_eq!(user["unblock"]["requested_by"], "my-script");
    }
}

#[tokio::test]
async fn somebody_is_restricted_by_hand_once() {
    for language in [BASH, PYTHON] {
        let admin = Admin::new().await;
        let told = admin.result(RESTRICT, language);
        let user = admin.user("mallory@example.org");
        assert_eq!((&user["id"], &user["state"]), (&told.trim().into(), &"restricted".into()));
        assert_eq!(user["reason"], "Phishing, reported by phone");
        let told = admin.refusal(RESTRICT, language);
        assert!(told.contains("/problems/already-restricted"), "{told}");
    }
}

#[tokio::test]
async fn what_happened_since_the_last_run_is_told_once() {
    for language in [BASH, PYTHON] {
        let admin = Admin::new().await;
        admin.restrict("before@example.org");
        assert_eq!(admin.result(FOLLOW, language), "", "the first run");
        assert_eq!(admin.result(FOLLOW, language), "");
        admin.restrict("alice@example.org");
        admin.api(&["POST", "/api/v1/restricted-users/alice@example.org/unblock"]);
        let told = admin.result(FOLLOW, language);
        let told: Vec<_> = told.lines().map(|line| line.split_once('\t').unwrap().1).collect();
        assert_eq!(told, ["restricted\talice@example.org", "unblock_requested\talice@example.org"]);
        assert_eq!(admin.result(FOLLOW, language), "");
    }
}

/// The requests that a script makes, each as method and path, variables by their names.
fn requests(script: &str) -> Vec<String> {
    // Of `api` and `Invoke-Api`.
    let calls = script.match_indices("pi").filter_map(|(at, word)| {
        let call = script[at + word.len()..].trim_start_matches(['(', '"', ' ']);
        let method = ["GET", "POST"].into_iter().find(|method| call.starts_with(method))?;
        let path = call[call.find('/')?..].split(['"', '\'', ' ', ')', '\n']).next()?;
        Some(format!("{method} {}", path.replace(['{', '}', '$'], "")))
    });
    calls.collect()
}

/// The body that a script sends, where it sends one.
fn body(script: &str) -> Option<&str> {
    script[script.find("{\"")?..].split_inclusive('}').next()
}

#[test]
fn the_powershell_of_each_job_makes_the_requests_that_were_run() {
    let jobs: Vec<_> = PAGE.lines().filter(|line| line.starts_with("### ")).collect();
    assert_eq!(jobs, [LIST, FIND_OUT, UNBLOCK, RESTRICT, FOLLOW]);
    for job in jobs {
        let [bash, python, powershell] =
            ["bash", "python", "powershell"].map(|language| block(section(job), language));
        assert!(!requests(bash).is_empty(), "{bash}");
        assert_eq!(requests(bash), requests(python));
        assert_eq!(requests(bash), requests(powershell));
        assert_eq!(body(bash), body(python));
        let fields: Map<String, Value> =
            body(bash).map_or_else(Map::new, |body| serde_json::from_str(body).unwrap());
        assert_eq!(fields.is_empty(), !requests(bash)[0].starts_with("POST"), "{job}");
        for (field, value) in fields {
            let line = format!("{field} = '{}'", value.as_str().unwrap());
            assert!(powershell.contains(&line), "{line}: {powershell}");
        }
    }
}
