//! How long a script takes to read 100,000 restricted users through `@odata.nextLink`, 1,000 a page,
//! while others are restricted and released, and how much memory the real program has meanwhile.
//! Whoever stays has to be met, and nobody twice. Beside each walk stands what a request takes that asks
//! no database: where that is slow, the machine was busy.

mod ground;

use ground::program::{Program, token};
use ground::{Database, Figures, Random, is_measuring, so_many, tell_seconds, verdict};
use reqwest::{Client, Method, RequestBuilder};
use serde::Deserialize;
use serde_json::json;
use std::collections::HashSet;
use std::time::{Duration, Instant};

const RESTRICTED: usize = 100_000;
const ASKED_FOR: Duration = Duration::from_secs(5);
/// Pages by which the program has all the memory that it needs for one.
const FIRST_PAGES: usize = 10;
/// What all pages may take beyond the first ones. An entry has some 400 bytes: a walk that kept them
/// would take four times as much.
const MORE_MIB: u64 = 10;
const RUNS: usize = 3;
/// Who may leave during a walk; it ends before so many have.
const LEAVERS: usize = 1_000;
/// Between two changes of others.
const PAUSE: Duration = Duration::from_millis(20);

#[tokio::main]
#[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
async fn main() {
    for database in Database::all().await {
        let restricted = so_many(RESTRICTED);
        println!("{}: a walk through {restricted} restricted users", database.name);
        database.import(restricted);
        let token = token(&database, "security-administrator");
        let program = Program::start(&database, &[("PROPAGATION_DELAY", "0s")]).ready().await;
        let script = Script { http: Client::new(), url: &program.url, token: &token };
        let mut stay = script.walk(&program, &Method::POST).await.seen;
        let mut random = Random(7);
        for by in [Method::POST, Method::GET].into_iter().cycle().take(2 * RUNS) {
            let leavers: HashSet<_> = (0..so_many(LEAVERS))
                .map(|_| &stay[usize::try_from(random.below(stay.len() as u64)).expect("it fits")])
                .cloned()
                .collect();
            let (walk, left) = script.walk_beside_changes(&program, &by, &leavers).await;
            let seen: HashSet<_> = walk.seen.iter().collect();
            stay.retain(|address| !left.contains(address));
            assert!(walk.seen.is_sorted_by(|one, other| one < other), "nobody twice, all in order");
            assert!(stay.iter().all(|address| seen.contains(address)), "whoever stays is met");
            tell_seconds(&format!("by {by}, {} left meanwhile", left.len()), walk.took, ASKED_FOR);
            println!("    floor: /healthz between pages {}", Figures::of(walk.floor));
            println!(
                "    at most {} MiB resident by page {FIRST_PAGES}, {} MiB by the last (asked for: \
                 ≤ {MORE_MIB} more) {}",
                walk.first_most,
                walk.most,
                verdict(walk.most <= walk.first_most + MORE_MIB)
            );
        }
    }
}

/// What came of a walk.
#[derive(Default)]
struct Walk {
    /// Everybody it met, in order.
    seen: Vec<String>,
    took: Duration,
    floor: Vec<Duration>,
    /// The most memory by the first pages, and by the last, in MiB.
    first_most: u64,
    most: u64,
}

#[derive(Deserialize)]
struct Page {
    value: Vec<Entry>,
    #[serde(rename = "@odata.nextLink")]
    next_link: Option<String>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "SenderAddress")]
    sender_address: String,
}

#[derive(Clone)]
struct Script<'a> {
    http: Client,
    url: &'a str,
    token: &'a str,
}

impl Script<'_> {
    fn invoke(&self, by: &Method, link: &str) -> RequestBuilder {
        let request = self.http.request(by.clone(), link).bearer_auth(self.token);
        let size = if is_measuring() { 1_000 } else { 10 };
        let request = request.header("Prefer", format!("odata.maxpagesize={size}"));
        let call = json!({ "CmdletName": "Get-BlockedSenderAddress", "Parameters": {} });
        if by == Method::GET { request } else { request.json(&json!({ "CmdletInput": call })) }
    }

    /// The first call is a POST; links are followed with `by`.
    async fn walk(&self, program: &Program, by: &Method) -> Walk {
        let mut walk = Walk::default();
        program.forget_the_most();
        let link = format!("{}/adminapi/beta/example.org/InvokeCommand", self.url);
        let (mut next, mut pages) = (Some(self.invoke(&Method::POST, &link)), 0);
        while let Some(request) = next {
            let start = Instant::now();
            let answer = request.send().await.expect("it answers").error_for_status();
            let page: Page = answer.expect("it is a page").json().await.expect("it is JSON");
            walk.seen.extend(page.value.into_iter().map(|entry| entry.sender_address));
            next = page.next_link.map(|link| self.invoke(by, &link));
            walk.took += start.elapsed();
            walk.floor.push(self.time_health().await);
            pages += 1;
            if pages == FIRST_PAGES {
                walk.first_most = program.memory("VmHWM");
            }
        }
        walk.most = program.memory("VmHWM");
        walk
    }

    async fn time_health(&self) -> Duration {
        let start = Instant::now();
        let answer = self.http.get(format!("{}/healthz", self.url)).send().await;
        answer.expect("it answers").bytes().await.expect("whole");
        start.elapsed()
    }

    /// A walk while `leavers` are released in no order, each for one who comes; and who of them may
    /// have left.
    async fn walk_beside_changes(
        &self,
        program: &Program,
        by: &Method,
        leavers: &HashSet<String>,
    ) -> (Walk, HashSet<String>) {
        let mut left = HashSet::new();
        let change = async {
            for leaver in leavers {
                left.insert(leaver.clone());
                self.change(&format!("/{leaver}/unblock"), json!({})).await;
                let comer = format!("comer.{leaver}");
                self.change("", json!({ "address": comer, "reason": "a bench" })).await;
                tokio::time::sleep(PAUSE).await;
            }
            std::future::pending::<()>().await;
        };
        let walk = tokio::select! {
            walk = self.walk(program, by) => walk,
            () = change => unreachable!("it ends with the walk"),
        };
        (walk, left)
    }

    async fn change(&self, path: &str, body: serde_json::Value) {
        let request = self.http.post(format!("{}/api/v1/restricted-users{path}", self.url));
        let answer = request.bearer_auth(self.token).json(&body).send().await;
        answer.expect("it answers").error_for_status().expect("it takes the change");
    }
}
