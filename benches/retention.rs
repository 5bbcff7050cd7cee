//! How long END-OF-MESSAGE takes while old evidence is deleted: 400,000 messages, 500,000 lines that
//! were crossed and 2,000,000 minutes in which recipients were refused.

mod ground;

use ground::mail_server::{Question, all_connections};
use ground::seed::seed_evidence;
use ground::{Database, Figures, Random, is_measuring, ms, so_many, verdict};
use restricted_users::model::clock::Clock;
use restricted_users::retention::delete_all_old;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const MESSAGES: usize = 400_000;
const SENDERS: u64 = 100_000;
const LONGEST: Duration = Duration::from_millis(25);

#[tokio::main]
#[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
async fn main() {
    let run = Duration::from_millis(if is_measuring() { 5_000 } else { 200 });
    for database in Database::all().await {
        seed_evidence(&database, so_many(MESSAGES)).await;
        // Long before anything of it is old.
        let clock = Clock::stopped("2026-11-02T00:00:00Z".parse().expect("it is a time"));
        let service = database.service(clock.clone()).await;
        let port = service.policy[0].to_string();
        println!("{}: END-OF-MESSAGE", database.name);
        println!("  before:    {}", counted(&port, run).await);
        clock.advance(chrono::TimeDelta::days(60));
        let app = Arc::clone(&service.app);
        let deleting = tokio::spawn(async move {
            let start = Instant::now();
            delete_all_old(&app).await.expect("the database answers");
            start.elapsed()
        });
        let mut meanwhile = Vec::new();
        while !deleting.is_finished() {
            meanwhile.push(counted(&port, Duration::from_secs(1)).await);
        }
        let took = deleting.await.expect("it does not panic");
        let worst =
            meanwhile.iter().map(|figures| figures.percentile(99)).max().unwrap_or_default();
        for figures in meanwhile.iter().step_by(meanwhile.len().div_ceil(10)) {
            println!("  meanwhile: {figures}");
        }
        println!(
            "  deleted in {:.1} s; the slowest second: p99 {} (asked for: ≤ {}) {}",
            took.as_secs_f64(),
            ms(worst),
            ms(LONGEST),
            verdict(worst <= LONGEST)
        );
        service.stop().await;
    }
}

/// How long END-OF-MESSAGE took in that time.
async fn counted(address: &str, run: Duration) -> Figures {
    static TRANSACTION: AtomicU64 = AtomicU64::new(1);
    let times = all_connections(address, run, |mut asker, client, end| async move {
        let mut random = Random(0x5eed + client as u64);
        let mut times = Vec::new();
        while tokio::time::Instant::now() < end {
            let login = format!("user{}@example.org", random.below(SENDERS));
            let transaction = TRANSACTION.fetch_add(1, Ordering::Relaxed);
            let recipient = "bob@remote.example";
            let question =
                Question { state: "END-OF-MESSAGE", login: &login, recipient, transaction };
            let start = Instant::now();
            asker.ask(&question.text()).await;
            times.push(start.elapsed());
        }
        times
    })
    .await;
    Figures::of(times)
}
