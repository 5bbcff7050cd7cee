//! Ten thousand accounts are restricted within a minute, while mail servers go on asking: how long
//! the policy port takes, how many mails each admin gets, and when everything is told.

mod ground;

use ground::mail_server::{Asker, Question};
use ground::mail_sink::{Mailboxes, mail_sink};
use ground::{Database, Figures, is_measuring, ms, so_many, verdict};
use restricted_users::app::App;
use restricted_users::model::address::Address;
use restricted_users::model::clock::Clock;
use restricted_users::model::{Recipients, Report, Source, Verdict};
use restricted_users::service::Service;
use restricted_users::store::AlertQuery;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

const RESTRICTED: usize = 10_000;
/// Spam messages that restrict an account.
const SPAM: usize = 5;
const ADMINS: usize = 3;
/// Mails of one policy that an admin gets on a day.
const DAILY_LIMIT: usize = 100;
const ASKERS: u64 = 16;
const PAUSE: Duration = Duration::from_millis(5);
const LONGEST: Duration = Duration::from_millis(5);
/// Alerts gathered in the last minute follow when it is over.
const TOLD_WITHIN: Duration = Duration::from_mins(3);

#[tokio::main]
#[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
async fn main() {
    let accounts = so_many(RESTRICTED);
    for database in Database::all().await {
        let (smtp_url, mailboxes) = mail_sink().await;
        let admins: Vec<_> = (0..ADMINS).map(|one| format!("admin{one}@example.org")).collect();
        let config = database.config_with(&[
            ("RESTRICTED_USERS_SMTP_URL", &smtp_url),
            ("RESTRICTED_USERS_ALERT_FROM", "restricted-users@example.org"),
            ("RESTRICTED_USERS_ALERT_RECIPIENTS", &admins.join(",")),
        ]);
        let service = Service::start(config, Clock::default()).await.expect("it starts");
        println!("{}: {accounts} accounts restricted within a minute", database.name);
        let over = Arc::new(AtomicBool::new(false));
        let mut askers = JoinSet::new();
        for number in 0..ASKERS {
            let asker = Asker::connect(&service.policy[0].to_string()).await;
            askers.spawn(ask(asker, number, Arc::clone(&over)));
        }
        let began = Instant::now();
        restrict(&service.app, accounts).await;
        println!("  restricted after {:.1} s", began.elapsed().as_secs_f64());
        over.store(true, Ordering::Relaxed);
        let times = Figures::of(askers.join_all().await.concat());
        println!(
            "  RCPT: {times}, longest {} (asked for: p99 ≤ {}) {}",
            ms(times.longest()),
            ms(LONGEST),
            verdict(times.percentile(99) <= LONGEST)
        );
        tell_alerts(&service.app, accounts, &mailboxes, began).await;
        service.stop().await;
    }
}

/// Each account sends its spam at an even pace over a minute.
async fn restrict(app: &App, accounts: usize) {
    let minute = Duration::from_secs(if is_measuring() { 60 } else { 1 });
    let between = minute / u32::try_from(accounts).expect("there are not so many");
    let mut pace = tokio::time::interval(between);
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for number in 0..accounts {
        pace.tick().await;
        let sender = Address::stored(&format!("user{number}@example.org"));
        let spam = (0..SPAM).map(|_| spam(app, &sender)).collect();
        app.meter.count_all(spam).await.expect("the database is there");
    }
}

fn spam(app: &App, sender: &Address) -> Report {
    let mut report = Report::new(Source::Api, sender.clone(), app.clock.now());
    let named = vec!["bob@remote.example".into()];
    report.recipients = Recipients { named, outside: 1, ..Recipients::default() };
    report.verdict = Some(Verdict::Spam);
    report
}

async fn ask(mut asker: Asker, number: u64, over: Arc<AtomicBool>) -> Vec<Duration> {
    let mut times = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let login = format!("user{}@example.org", times.len() * 7 % RESTRICTED);
        let transaction = number << 32 | times.len() as u64;
        let text =
            Question { state: "RCPT", login: &login, recipient: "bob@remote.example", transaction }
                .text();
        let start = Instant::now();
        asker.ask(&text).await;
        times.push(start.elapsed());
        tokio::time::sleep(PAUSE).await;
    }
    times
}

#[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
async fn tell_alerts(app: &App, accounts: usize, mailboxes: &Mailboxes, began: Instant) {
    while !everything_told(app).await && began.elapsed() < TOLD_WITHIN {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let told = began.elapsed();
    let mut query = AlertQuery { limit: 1_000, ..AlertQuery::default() };
    let (mut restricted, mut all) = (0, 0);
    loop {
        let page = app.store.alerts(&query).await.expect("the database is there");
        all += page.items.len();
        restricted += page.items.iter().filter(|alert| alert.restriction_id.is_some()).count();
        let Some(next) = page.next else { break };
        query.after = Some(next);
    }
    println!(
        "  {all} alerts in the portal, everything told {:.1} s after the first {}",
        told.as_secs_f64(),
        verdict(restricted >= accounts && told < TOLD_WITHIN)
    );
    let mailboxes = mailboxes.lock().expect("nobody panicked");
    for (admin, mails) in mailboxes.iter() {
        let first = mails.first().map_or(Duration::ZERO, |first| *first - began);
        println!(
            "  {admin}: {} mails, the first after {} {}",
            mails.len(),
            ms(first),
            verdict(mails.len() <= DAILY_LIMIT)
        );
    }
}

async fn everything_told(app: &App) -> bool {
    let queues = app.store.delivery_queues().await.expect("the database is there");
    let next = app.store.next_notice().await.expect("the database is there");
    queues.is_empty() && next.is_none()
}
