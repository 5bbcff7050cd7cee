//! What the benches stand on: fresh databases, exports to fill them with, and figures to print.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a bench prints what it measured")]
#![allow(dead_code, reason = "each bench takes what it needs")]

pub mod mail_server;
pub mod mail_sink;
pub mod nests;
pub mod program;
pub mod seed;
pub mod visitor;

use restricted_users::app::App;
use restricted_users::config::Config;
use restricted_users::model::address::Address;
use restricted_users::model::clock::Clock;
use restricted_users::model::operator::Actor;
use restricted_users::service::Service;
use restricted_users::store::Store;
use sqlx::{Connection, Executor, PgConnection, SqliteConnection};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use url::Url;

/// How long any other write may wait while much is released or imported.
pub const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// How long a writer rests between two writes: it shall see how long one waits, and not itself be
/// the load.
const BETWEEN_WRITES: Duration = Duration::from_millis(50);

/// Whether to measure; `cargo test --benches` runs this too, to see that it works.
pub fn is_measuring() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

/// So many when measuring, a hundredth to see that it works.
pub fn so_many(count: usize) -> usize {
    if is_measuring() { count } else { count / 100 }
}

/// A database of its own for each thing measured.
pub struct Database {
    pub name: &'static str,
    pub folder: TempDir,
    url: String,
}

impl Database {
    /// An empty one of each kind there is; says so where there is no Postgres.
    pub async fn all() -> Vec<Self> {
        let postgres = Self::postgres().await;
        if postgres.is_none() {
            println!("NOT MEASURED on Postgres: TEST_DATABASE_URL=postgres://… is not set.");
        }
        [Some(Self::sqlite()), postgres].into_iter().flatten().collect()
    }

    /// Another empty one of the same kind, in place of this one.
    pub async fn emptied(self) -> Self {
        if self.name == "SQLite" {
            return Self::sqlite();
        }
        Self::postgres().await.expect("there was one before")
    }

    /// An empty one in a file.
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("the disk has room for a folder");
        let url = format!("sqlite:{}", folder.path().join("bench.db").display());
        Self { name: "SQLite", folder, url }
    }

    async fn postgres() -> Option<Self> {
        let server = std::env::var("TEST_DATABASE_URL").ok()?;
        let mut connection =
            PgConnection::connect(&server).await.expect("TEST_DATABASE_URL leads to a Postgres");
        for statement in [
            "DROP DATABASE IF EXISTS restricted_users_bench WITH (FORCE)",
            "CREATE DATABASE restricted_users_bench",
        ] {
            sqlx::raw_sql(statement).execute(&mut connection).await.expect("it may create some");
        }
        let mut url = Url::parse(&server).expect("it was good enough to connect");
        url.set_path("/restricted_users_bench");
        let folder = tempfile::tempdir().expect("the disk has room for a folder");
        Some(Self { name: "Postgres", folder, url: url.into() })
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The settings of a service on this database, at ports of its own.
    pub fn config(&self) -> Config {
        self.config_with(&[])
    }

    /// The same with more settings.
    pub fn config_with(&self, more: &[(&str, &str)]) -> Config {
        let settings = [
            ("RESTRICTED_USERS_DATABASE_URL", self.url.as_str()),
            ("RESTRICTED_USERS_ORGANIZATION_DOMAINS", "example.org"),
            ("RESTRICTED_USERS_LISTEN", "127.0.0.1:0"),
            ("RESTRICTED_USERS_POLICY_LISTEN", "127.0.0.1:0"),
        ];
        let settings = settings.iter().chain(more).copied();
        Config::from_variables(settings).expect("these settings are good")
    }

    /// A service on this database, in this process.
    pub async fn service(&self, clock: Clock) -> Service {
        Service::start(self.config(), clock).await.expect("it starts")
    }

    /// The store, as another process would open it.
    pub async fn store(&self) -> Store {
        Store::open(&self.config().database_url).await.expect("it opens")
    }

    /// The real command, with this database in its settings.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_restricted-users"));
        command
            .current_dir(self.folder.path())
            .env("RESTRICTED_USERS_DATABASE_URL", &self.url)
            .env("RESTRICTED_USERS_ORGANIZATION_DOMAINS", "example.org");
        command
    }

    /// Postgres takes no connections any more; on SQLite somebody else writes and does not end.
    pub async fn take_away(&self) -> Option<SqliteConnection> {
        if self.name == "SQLite" {
            let mut other = SqliteConnection::connect(&self.url).await.expect("it opens");
            other.execute("BEGIN IMMEDIATE").await.expect("nobody else writes for long");
            return Some(other);
        }
        for statement in [
            "ALTER DATABASE restricted_users_bench ALLOW_CONNECTIONS false",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
              WHERE datname = 'restricted_users_bench'",
        ] {
            sqlx::raw_sql(statement).execute(&mut server().await).await.expect("it may do that");
        }
        None
    }

    /// Ends an absence.
    pub async fn bring_back(&self, absence: Option<SqliteConnection>) {
        if let Some(mut other) = absence {
            other.execute("ROLLBACK").await.expect("it is its transaction");
        } else {
            let statement = "ALTER DATABASE restricted_users_bench ALLOW_CONNECTIONS true";
            sqlx::raw_sql(statement).execute(&mut server().await).await.expect("it may do that");
        }
    }

    /// How many messages are counted.
    pub async fn counted(&self) -> i64 {
        const COUNTED: &str = "SELECT CAST(COALESCE(SUM(messages), 0) AS BIGINT) FROM sending";
        if self.name == "SQLite" {
            let mut connection = SqliteConnection::connect(&self.url).await.expect("it opens");
            sqlx::query_scalar(COUNTED).fetch_one(&mut connection).await.expect("it answers")
        } else {
            let mut connection = PgConnection::connect(&self.url).await.expect("it opens");
            sqlx::query_scalar(COUNTED).fetch_one(&mut connection).await.expect("it answers")
        }
    }

    /// Imports `count` restricted users with the real command; answers how long that took.
    pub fn import(&self, count: usize) -> Duration {
        let file = export(self.folder.path(), count);
        let start = Instant::now();
        let status = self.command().arg("import").arg(file).status().expect("the command runs");
        assert!(status.success(), "the import failed");
        start.elapsed()
    }
}

async fn server() -> PgConnection {
    let server = std::env::var("TEST_DATABASE_URL").expect("there was one before");
    PgConnection::connect(&server).await.expect("TEST_DATABASE_URL leads to a Postgres")
}

/// The domain of six users in ten.
pub const DOMINANT: &str = "example.org";
/// Three in ten are in one of so many domains that begin alike, `branch0.example.net` and so on.
pub const BRANCHES: u64 = 1_000;
/// The others are in one of so many domains of every letter.
pub const SMALL_DOMAINS: u64 = 10_000;

/// Writes an export of `count` users in no order, as `Export-Csv` writes it.
pub fn export(folder: &Path, count: usize) -> PathBuf {
    let path = folder.join(format!("{count}.csv"));
    let mut file = BufWriter::new(std::fs::File::create(&path).expect("the disk has room"));
    let mut random = Random(0x5eed);
    let header = r#""SenderAddress","Reason","CreatedDatetime","ChangedDatetime","TemporaryBlock""#;
    writeln!(file, "{header}").expect("the disk has room");
    for number in 0..count {
        let address = address(number, &mut random);
        let (spam, mail) = (random.below(500), 500 + random.below(2_000));
        let second = random.below(60 * 86_400);
        let at = chrono::DateTime::from_timestamp(1_760_000_000 + second.cast_signed(), 0)
            .expect("it is in this century")
            .format("%m/%d/%Y %I:%M:%S %p");
        writeln!(
            file,
            "\"{address}\",\"OutboundSpamLast24Hours={spam};OutboundMailLast24Hours={mail};\
             OutboundSpamPercent={};Last Spam Message MessagetraceId:\
             5f0c9a3e-7d21-4b6f-9a55-{number:012x}\",\"{at}\",\"{at}\",\"False\"",
            spam * 100 / mail,
        )
        .expect("the disk has room");
    }
    file.flush().expect("the disk has room");
    path
}

/// A name of letters as people have them, made one of a kind by its number.
fn address(number: usize, random: &mut Random) -> String {
    let letters = 3 + random.below(6);
    let name: String = (0..letters).map(|_| random.letter()).collect();
    let domain = match random.below(10) {
        0..=5 => DOMINANT.into(),
        6..=8 => format!("branch{}.example.net", random.below(BRANCHES)),
        _ => {
            let small = random.below(SMALL_DOMAINS);
            let letter = char::from(b'a' + u8::try_from(small % 26).expect("below 26"));
            format!("{letter}{small}.example")
        }
    };
    format!("{name}.{number}@{domain}")
}

/// The same numbers in every run (xorshift64).
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    pub fn letter(&mut self) -> char {
        char::from(b'a' + u8::try_from(self.below(26)).expect("below 26"))
    }
}

/// Writes small changes until `stop`; answers how long each took, waiting included.
pub async fn write_until(store: &Store, name: &str, stop: &CancellationToken) -> Vec<Duration> {
    let (actor, mut waits) = (Actor::command_line(), Vec::new());
    while !stop.is_cancelled() {
        let address = Address::stored(&format!("{name}{}@writer.example", waits.len()));
        let start = Instant::now();
        let restricted = store.restrict(&address, "a bench", &actor, Clock::default().now()).await;
        waits.push(start.elapsed());
        restricted.expect("the database takes it");
        tokio::time::sleep(BETWEEN_WRITES).await;
    }
    waits
}

/// A writer that works until it is asked for its waits.
pub struct Writer {
    stop: CancellationToken,
    thread: std::thread::JoinHandle<Vec<Duration>>,
}

impl Writer {
    /// One that shares the store of a service, on threads of its own so that nothing but the
    /// database makes it wait.
    pub fn in_service(app: &Arc<App>, name: &'static str) -> Self {
        let app = Arc::clone(app);
        Self::start(async move |stop| write_until(&app.store, name, &stop).await)
    }

    /// One that opens the database as another process does.
    pub fn beside(database: &Database, name: &'static str) -> Self {
        let url = database.config().database_url;
        Self::start(async move |stop| {
            let store = Store::open(&url).await.expect("it opens");
            write_until(&store, name, &stop).await
        })
    }

    fn start<F>(write: impl FnOnce(CancellationToken) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Vec<Duration>>,
    {
        let stop = CancellationToken::new();
        let token = stop.clone();
        let thread = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("there are threads left")
                .block_on(write(token))
        });
        Self { stop, thread }
    }

    /// Stops it and prints how long its writes took.
    pub fn tell(self, whose: &str) {
        self.stop.cancel();
        let waits = self.thread.join().expect("a writer does not panic");
        // The first ones tell of connections that were opened for them.
        let which =
            (1..).zip(&waits).max_by_key(|(_, wait)| **wait).map_or(0, |(number, _)| number);
        let waits = Figures::of(waits);
        let longest = waits.longest();
        println!(
            "  writes {whose}: {} writes, {waits}, longest {} (number {which}; asked for: ≤ {}) {}",
            waits.0.len(),
            ms(longest),
            ms(LONGEST_WAIT),
            verdict(longest <= LONGEST_WAIT)
        );
    }
}

/// Times, sorted.
pub struct Figures(Vec<Duration>);

impl Figures {
    pub fn of(mut times: Vec<Duration>) -> Self {
        times.sort();
        Self(times)
    }

    /// The time that so many in a hundred stay below.
    pub fn percentile(&self, percent: usize) -> Duration {
        let last = self.0.len().saturating_sub(1);
        self.0.get((self.0.len() * percent / 100).min(last)).copied().unwrap_or_default()
    }

    pub fn longest(&self) -> Duration {
        self.0.last().copied().unwrap_or_default()
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "p50 {}, p99 {}", ms(self.percentile(50)), ms(self.percentile(99)))
    }
}

pub fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

/// How a figure compares to what is asked for; nothing is judged when nothing was measured.
pub fn verdict(holds: bool) -> &'static str {
    match (is_measuring(), holds) {
        (false, _) => "(not measured, only tried)",
        (true, true) => "ok",
        (true, false) => "MISSED",
    }
}

/// Prints seconds and what is asked for.
pub fn tell_seconds(what: &str, took: Duration, asked: Duration) {
    let (took_s, asked_s) = (took.as_secs_f64(), asked.as_secs_f64());
    println!("  {what}: {took_s:.2} s (asked for: ≤ {asked_s:.0} s) {}", verdict(took <= asked));
}
