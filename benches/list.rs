//! How long a page of 50 takes, from the API and from the portal: any page in any order, and any
//! search, among a million restricted users and among 20,000; one client, no writers. Beside them
//! stands what a request takes that asks no database: where that is slow, the machine was busy.

mod ground;

use ground::visitor::Visitor;
use ground::{
    BRANCHES, Database, Figures, Random, SMALL_DOMAINS, is_measuring, ms, so_many, verdict,
};
use restricted_users::model::clock::Clock;
use std::collections::BTreeMap;
use std::time::Duration;

const MANY: usize = 1_000_000;
const FEW: usize = 20_000;
const ASKED_FOR: Duration = Duration::from_millis(10);
const TIMES_OF_FEW: f64 = 1.5;
/// Requests of each kind, to each of API and portal.
const REQUESTS: usize = 300;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
async fn main() {
    for database in Database::all().await {
        let few = measure(&database, so_many(FEW)).await;
        let database = database.emptied().await;
        let many = measure(&database, so_many(MANY)).await;
        let times = many.percentile(50).as_secs_f64() / few.percentile(50).as_secs_f64();
        println!(
            "{}: all pages among {}: {many} (asked for: p99 ≤ {}) {}; p50 {times:.2} times that \
             among {} (asked for: ≤ {TIMES_OF_FEW}) {}",
            database.name,
            so_many(MANY),
            ms(ASKED_FOR),
            verdict(many.percentile(99) <= ASKED_FOR),
            so_many(FEW),
            verdict(times <= TIMES_OF_FEW)
        );
    }
}

/// Prints the figures of each kind of page; answers those of all.
#[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
async fn measure(database: &Database, restricted: usize) -> Figures {
    println!("{}: pages of 50 among {restricted} restricted users", database.name);
    database.import(restricted);
    let service = database.service(Clock::default()).await;
    let visitor = Visitor::to(&service).await;
    let pages = pages(&visitor).await;
    // The kinds take turns, so that a moment in which the machine is busy is no kind's own.
    let mut seen: BTreeMap<(&str, &str), Vec<Duration>> = BTreeMap::new();
    let mut floor = Vec::new();
    for turn in 0..so_many(REQUESTS).max(3) {
        for (kind, queries) in &pages {
            let query = &queries[turn % queries.len()];
            seen.entry((kind, "API")).or_default().push(visitor.time_api(query).await);
            seen.entry((kind, "portal")).or_default().push(visitor.time_portal(query).await);
            floor.push(visitor.time_health().await);
        }
    }
    let mut all = Vec::new();
    for ((kind, whose), times) in seen {
        all.extend(&times);
        let figures = Figures::of(times);
        let holds = verdict(figures.percentile(99) <= ASKED_FOR);
        println!("  {whose:6} {kind:40} {figures} {holds}");
    }
    println!("  floor  /healthz, which asks no database         {}", Figures::of(floor));
    service.stop().await;
    Figures::of(all)
}

/// What is asked for, by kind.
async fn pages(visitor: &Visitor) -> Vec<(&'static str, Vec<String>)> {
    let mut random = Random(7);
    let mut prefixes = |letters: usize| -> Vec<String> {
        let mut prefix = || (0..letters).map(|_| random.letter()).collect::<String>();
        (0..100).map(|_| format!("search={}", prefix())).collect()
    };
    let (one, three, eight) = (prefixes(1), prefixes(3), prefixes(8));
    let small = |number: u64| {
        let number = number * 97 % SMALL_DOMAINS;
        let letter = char::from(b'a' + u8::try_from(number % 26).expect("below 26"));
        format!("search=@{letter}{number}.example")
    };
    let depth = if is_measuring() { usize::MAX } else { 5 };
    vec![
        ("first page, newest first", vec![String::new()]),
        ("first page, by address", vec!["sort=address".into()]),
        ("any page, newest first", walk(visitor, "sort=-restricted_at", depth).await),
        ("any page, by address", walk(visitor, "sort=address", depth).await),
        ("next pages, oldest first", walk(visitor, "sort=restricted_at", depth.min(500)).await),
        ("next pages, by address backwards", walk(visitor, "sort=-address", depth.min(500)).await),
        ("search, 1 letter", one),
        ("search, 3 letters", three),
        ("search, 8 letters", eight),
        ("search, 1 letter, next pages", walk(visitor, "search=m", depth.min(100)).await),
        ("@ dominant domain", vec!["search=@example.org".into()]),
        ("@ dominant domain, backwards", vec!["search=@example.org&sort=-address".into()]),
        (
            "@ dominant domain, any page",
            walk(visitor, "search=@example.org", depth.min(1_000)).await,
        ),
        ("@ small domain", (0..100).map(small).collect()),
        (
            "@ one of many domains alike",
            (0..100)
                .map(|number| format!("search=@branch{}.example.net", number * 7 % BRANCHES))
                .collect(),
        ),
        ("@ beginning of 1,000 domains", vec!["search=@branch".into()]),
        ("@ beginning of 111 domains", vec!["search=@branch7".into(), "search=@branch8".into()]),
        ("@ beginning of 11 domains", vec!["search=@branch77".into(), "search=@branch81".into()]),
        (
            "@ a letter, 385 small domains",
            ('a'..='z').map(|letter| format!("search=@{letter}")).collect(),
        ),
        ("@ alone", vec!["search=@".into()]),
    ]
}

/// Pages at every depth up to `depth` × 200 entries, found by going through them.
async fn walk(visitor: &Visitor, query: &str, depth: usize) -> Vec<String> {
    let (mut found, mut next) = (Vec::new(), query.to_owned());
    for _ in 0..depth {
        let answer = visitor.api(&format!("{next}&limit=200")).await;
        let answer: serde_json::Value = serde_json::from_slice(&answer).expect("it is JSON");
        let Some(cursor) = answer["next_cursor"].as_str() else { break };
        next = format!("{query}&cursor={cursor}");
        found.push(next.clone());
    }
    // A few of them, spread evenly.
    let step = found.len().div_ceil(REQUESTS).max(1);
    if found.is_empty() {
        vec![query.to_owned()]
    } else {
        found.into_iter().step_by(step).collect()
    }
}
