//! The five commonest jobs as `docs/api.md` tells scripts to do them: its own lines are run. Its
//! PowerShell cannot be; it is seen to make the same requests.

use crate::documentation::{Admin, Language, block, section};
use serde_json::{Map, Value};
use std::collections::HashSet;

const PAGE: &str = include_str!("../../docs/api.md");
const INTRODUCTION: &str = "## The five commonest jobs";

const LIST: &str = "### List who is restricted";
const FIND_OUT: &str = "### Find out why somebody is restricted";
const UNBLOCK: &str = "### Unblock somebody";
const RESTRICT: &str = "### Restrict somebody";
const FOLLOW: &str = "### Follow what happens";

/// The lines for a job, behind those that every script begins with.
fn script(job: &str, language: Language) -> String {
    let lines = |heading| block(section(PAGE, heading), language.name());
    format!("{}{}", lines(INTRODUCTION), lines(job))
}

impl Admin {
    /// What a job printed, after it went well.
    fn does(&self, job: &str, language: Language) -> String {
        self.result(language, &script(job, language))
    }

    /// What a job says where it fails.
    fn cannot(&self, job: &str, language: Language) -> String {
        let output = self.run(language, &script(job, language));
        assert!(!output.status.success(), "{output:?}");
        assert_eq!(output.stdout, b"", "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }
}

#[tokio::test]
async fn everybody_who_is_restricted_is_listed_however_many_pages_there_are() {
    for language in Language::ALL {
        let admin = Admin::new().await;
        assert_eq!(admin.does(LIST, language), "");
        let addresses: HashSet<_> = (0..450).map(|it| format!("user{it}@example.org")).collect();
        admin.import(addresses.clone());
        let listed = admin.does(LIST, language);
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
    for language in Language::ALL {
        let admin = Admin::new().await;
        admin.sends_spam("alice@example.org", "Cheap\u{1b}[2J pills");
        let told = admin.does(FIND_OUT, language);
        for word in ["outbound_spam", "OutboundSpamLast24Hours=5;", "restricted", "system"] {
            assert!(told.contains(word), "{word}: {told}");
        }
        assert_eq!(told.matches("\tCheap [2J pills\t192.0.2.7\n").count(), 5, "{told}");
        assert!(!told.contains('\u{1b}'), "{told}");
    }
}

#[tokio::test]
async fn somebody_is_unblocked_and_the_script_tells_from_when_on() {
    for language in Language::ALL {
        let admin = Admin::new().await;
        let told = admin.cannot(UNBLOCK, language);
        assert!(told.contains("/problems/not-found"), "{told}");
        admin.restrict("alice@example.org");
        let told = admin.does(UNBLOCK, language);
        let user = admin.user("alice@example.org");
        assert_eq!(user["state"], "unblocking");
        assert_eq!(user["unblock"]["takes_effect_at"], told.trim());
        assert_eq!(user["unblock"]["comment"], "New password, second factor is on");
        assert_eq!(user["unblock"]["requested_by"], "my-script");
    }
}

#[tokio::test]
async fn somebody_is_restricted_by_hand_once() {
    for language in Language::ALL {
        let admin = Admin::new().await;
        let told = admin.does(RESTRICT, language);
        let user = admin.user("mallory@example.org");
        assert_eq!((&user["id"], &user["state"]), (&told.trim().into(), &"restricted".into()));
        assert_eq!(user["reason"], "Phishing, reported by phone");
        let told = admin.cannot(RESTRICT, language);
        assert!(told.contains("/problems/already-restricted"), "{told}");
    }
}

#[tokio::test]
async fn what_happened_since_the_last_run_is_told_once() {
    for language in Language::ALL {
        let admin = Admin::new().await;
        admin.restrict("before@example.org");
        assert_eq!(admin.does(FOLLOW, language), "", "the first run");
        assert_eq!(admin.does(FOLLOW, language), "");
        admin.restrict("alice@example.org");
        admin.api(&["POST", "/api/v1/restricted-users/alice@example.org/unblock"]);
        let told = admin.does(FOLLOW, language);
        let told: Vec<_> = told.lines().map(|line| line.split_once('\t').unwrap().1).collect();
        assert_eq!(told, ["restricted\talice@example.org", "unblock_requested\talice@example.org"]);
        assert_eq!(admin.does(FOLLOW, language), "");
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
            ["bash", "python", "powershell"].map(|language| block(section(PAGE, job), language));
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
