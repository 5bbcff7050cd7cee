//! How long every list, filter and search takes where ten million restrictions have ended and a million
//! have not, beside the same at a hundredth of that. `SCALE=10000000` says how many have ended; without
//! it there are few, so that a run takes seconds. One client; somebody writes meanwhile.

mod ground;

use ground::seed::seed;
use ground::visitor::Visitor;
use ground::{Database, Figures, Writer, is_measuring, ms, so_many, verdict};
use restricted_users::model::clock::Clock;
use std::collections::BTreeMap;
use std::time::Duration;

const FEW: usize = 100_000;
const LONGEST: Duration = Duration::from_millis(50);
const TIMES_OF_A_HUNDREDTH: f64 = 2.0;
/// Below this nobody notices how many times as long it is.
const AT_ONCE: Duration = Duration::from_millis(10);
/// Requests of each kind.
const REQUESTS: usize = 100;

/// What is asked for, below `/api/v1/`, or of the portal.
const KINDS: [&str; 60] = [
    "restricted-users?",
    "restricted-users?sort=restricted_at",
    "restricted-users?sort=address",
    "restricted-users?sort=-address",
    "restricted-users?state=restricted",
    "restricted-users?state=restricted&cause=manual",
    "restricted-users?state=restricted&search=@example.org",
    "restricted-users?state=unblocking",
    "restricted-users?state=unblocking&sort=restricted_at",
    "restricted-users?state=unblocking&cause=imported",
    "restricted-users?state=unblocking&search=@branch7",
    "restricted-users?state=released",
    "restricted-users?state=released&sort=restricted_at",
    "restricted-users?state=released&sort=address",
    "restricted-users?state=released&sort=-address&limit=200",
    "restricted-users?state=all",
    "restricted-users?state=all&sort=restricted_at",
    "restricted-users?state=all&sort=address",
    "restricted-users?cause=imported",
    "restricted-users?cause=manual&sort=restricted_at",
    "restricted-users?cause=sending_limit&sort=address",
    "restricted-users?state=released&cause=sending_limit",
    "restricted-users?state=released&cause=manual&sort=address",
    "restricted-users?state=released&cause=imported",
    "restricted-users?state=all&cause=manual",
    "restricted-users?search=a",
    "restricted-users?search=abc",
    "restricted-users?state=released&search=a&sort=-address",
    "restricted-users?state=released&search=abc.",
    "restricted-users?state=released&search=nobody.",
    "restricted-users?state=released&search=a&cause=manual",
    "restricted-users?state=all&search=a&cause=imported",
    "restricted-users?search=@example.org",
    "restricted-users?search=@nowhere",
    "restricted-users?state=released&search=@nowhere",
    "restricted-users?state=released&search=@example.org&sort=-address",
    "restricted-users?state=released&search=@branch",
    "restricted-users?state=released&search=@branch7&limit=200",
    "restricted-users?state=released&search=@branch77.",
    "restricted-users?state=released&search=@a",
    "restricted-users?state=released&search=@",
    "restricted-users?state=released&search=@a&cause=imported",
    "restricted-users?state=released&search=@example.org&cause=manual",
    "restricted-users?state=all&search=@branch&cause=manual",
    "messages?",
    "messages?sender=user7@example.org",
    "messages?recipient=r7@remote.example",
    "messages?recipient=nobody@remote.example",
    "messages?queue_id=q77",
    "messages?verdict=spam",
    "messages?verdict=clean&until=2026-10-20T00:00:00Z",
    "audit?",
    "audit?action=OperatorAdded",
    "audit?action=Listed&actor=operator3@example.org",
    "audit?actor=operator3@example.org&until=2026-03-01T00:00:00Z",
    "audit?since=2026-03-01T00:00:00Z&until=2026-03-02T00:00:00Z",
    "audit?until=2025-12-01T00:00:00Z&action=Delisted",
    "audit?address=nobody@example.org",
    "alerts?status=new&policy=release-failed",
    "alerts?policy=user-restricted",
];

const PAGES: [&str; 10] = [
    "/ui/restrictedusers",
    "/ui/auditlog",
    "/ui/auditlog/rows?address=abc",
    "/ui/auditlog/rows?address=nobody",
    "/ui/auditlog/rows?address=a&action=Delisted",
    "/ui/auditlog/rows?actor=operator1",
    "/ui/auditlog/rows?actor=nobody",
    "/ui/messagetrace",
    "/ui/alerts",
    "/ui/outboundspam",
];

#[tokio::main]
#[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
async fn main() {
    let many = std::env::var("SCALE").map(|count| count.parse().expect("SCALE is a number"));
    let many = many.unwrap_or(so_many(FEW));
    for database in Database::all().await {
        let few = measure(&database, many / 100).await;
        let database = database.emptied().await;
        let many_took = measure(&database, many).await;
        println!(
            "{}: {many} released, {} active, beside a hundredth of that",
            database.name,
            many / 10
        );
        for (kind, figures) in &many_took {
            let (longest, typical) = (figures.percentile(99), figures.percentile(50));
            let times = typical.as_secs_f64() / few[kind].percentile(50).as_secs_f64();
            let holds = longest <= LONGEST && (times <= TIMES_OF_A_HUNDREDTH || typical <= AT_ONCE);
            println!("  {kind:74} {figures}, {times:.2} times {}", verdict(holds));
        }
        let worst = many_took.values().map(|figures| figures.percentile(99)).max();
        println!(
            "  the slowest: p99 {} (asked for: ≤ {})",
            ms(worst.unwrap_or_default()),
            ms(LONGEST)
        );
    }
}

#[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
async fn measure(database: &Database, released: usize) -> BTreeMap<&'static str, Figures> {
    seed(database, released).await;
    println!("{}: seeded {released} released", database.name);
    // Soon after the newest of what is seeded, so that nothing of it is old.
    let clock = Clock::stopped("2026-11-02T00:00:00Z".parse().expect("it is a time"));
    let service = database.service(clock).await;
    let visitor = Visitor::to(&service).await;
    let writer = Writer::in_service(&service.app, "beside");
    let mut seen: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    let turns = if is_measuring() { REQUESTS } else { 1 };
    // The kinds take turns, so that a moment in which the machine is busy is no kind's own.
    for turn in 0..=turns {
        for kind in KINDS {
            let took = visitor.time_get(&format!("/api/v1/{kind}")).await;
            seen.entry(kind).or_default().push(took);
        }
        for page in PAGES {
            seen.entry(page).or_default().push(visitor.time_page(page).await);
        }
        // The first turn brings into memory what all others find there.
        if turn == 0 {
            seen.clear();
        }
    }
    writer.tell("meanwhile");
    service.stop().await;
    seen.into_iter().map(|(kind, times)| (kind, Figures::of(times))).collect()
}
