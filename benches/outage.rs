//! What mail servers notice of a database that is away for a minute while 64 connections send mail
//! without pause: how long their requests take, and whether everything is counted afterwards.

mod ground;

use ground::mail_server::{Asker, CONNECTIONS, Question};
use ground::{Database, Figures, Random, is_measuring, ms, verdict};
use restricted_users::model::clock::Clock;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const SENDERS: u64 = 10_000;
/// Between two messages of a connection: about 10,000 messages a second in all.
const PAUSE: Duration = Duration::from_millis(5);
const LONGEST: Duration = Duration::from_millis(10);
/// How long END-OF-MESSAGE may wait for a database that has just gone.
const NOTICED: Duration = Duration::from_secs(1);

#[tokio::main]
#[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
async fn main() {
    let away = Duration::from_secs(if is_measuring() { 60 } else { 2 });
    for database in Database::all().await {
        let service = database.service(Clock::default()).await;
        let port = service.policy[0].to_string();
        println!("{}: away for {} s under load", database.name, away.as_secs());
        let over = Arc::new(AtomicBool::new(false));
        let mut clients = JoinSet::new();
        for client in 0..CONNECTIONS {
            clients.spawn(send(Asker::connect(&port).await, client as u64, Arc::clone(&over)));
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        let (gone, absence) = (Instant::now(), database.take_away().await);
        tokio::time::sleep(away).await;
        let (kept, memory) = (service.app.meter.waiting(), memory());
        let back = Instant::now();
        database.bring_back(absence).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        over.store(true, Ordering::Relaxed);
        let requests: Vec<_> = clients.join_all().await.concat();

        let during = requests.iter().filter(|request| (gone..back).contains(&request.at));
        let times = |of: &dyn Fn(&&Request) -> bool| {
            Figures::of(during.clone().filter(|it| of(it)).map(|request| request.took).collect())
        };
        tell("RCPT, all the time", &times(&|request| !request.end));
        let noticed = gone + NOTICED;
        tell(
            "END-OF-MESSAGE, from 1 s on",
            &times(&|request| request.end && request.at >= noticed),
        );
        let sent = requests.iter().filter(|request| request.end).count();
        let start = Instant::now();
        while service.app.meter.waiting() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let settled = start.elapsed();
        let counted = database.counted().await;
        println!(
            "  {sent} messages sent, {kept} kept while it was away ({memory} MiB resident, \
             the load's own included), {counted} counted {:.1} s later {}",
            settled.as_secs_f64(),
            verdict(usize::try_from(counted) == Ok(sent))
        );
        service.stop().await;
    }
}

#[derive(Clone, Copy)]
struct Request {
    at: Instant,
    took: Duration,
    end: bool,
}

async fn send(mut asker: Asker, client: u64, over: Arc<AtomicBool>) -> Vec<Request> {
    static TRANSACTION: AtomicU64 = AtomicU64::new(1);
    let (mut random, mut requests) = (Random(0x5eed + client), Vec::new());
    while !over.load(Ordering::Relaxed) {
        let login = format!("user{}@example.org", random.below(SENDERS));
        let transaction = TRANSACTION.fetch_add(1, Ordering::Relaxed);
        for (state, end) in [("RCPT", false), ("END-OF-MESSAGE", true)] {
            let recipient = "bob@example.org";
            let text = Question { state, login: &login, recipient, transaction }.text();
            let at = Instant::now();
            asker.ask(&text).await;
            requests.push(Request { at, took: at.elapsed(), end });
        }
        tokio::time::sleep(PAUSE).await;
    }
    requests
}

#[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
fn tell(what: &str, times: &Figures) {
    println!(
        "  {what}: {times}, longest {} (asked for: p99 ≤ {}) {}",
        ms(times.longest()),
        ms(LONGEST),
        verdict(times.percentile(99) <= LONGEST)
    );
}

/// What this process has in memory, in MiB.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("this is Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS")).expect("Linux tells it");
    let digits: String = line.chars().filter(char::is_ascii_digit).collect();
    digits.parse::<u64>().expect("it is a number").div_ceil(1024)
}
