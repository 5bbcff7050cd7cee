//! A service on a database of its own, with a clock that stands still, and the words of the stories.

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::{Method, StatusCode};
use restricted_users::app::App;
use restricted_users::bookkeeper;
use restricted_users::config::Config;
use restricted_users::follower;
use restricted_users::mail_port::listen::ListenAddress;
use restricted_users::model::clock::Clock;
use restricted_users::model::operator::{Actor, RoleGroup};
use restricted_users::secret::{SecretHash, random_secret};
use restricted_users::service::Service;
use restricted_users::store::{NewSession, TokenRecord};
use restricted_users::unblocker;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sqlx::{Connection, Executor, PgConnection, SqliteConnection};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub const BAD_OUTBOUND_SENDER: &str = "action=550 5.1.8 Access denied, bad outbound sender";
pub const DUNNO: &str = "action=DUNNO";

/// An event that takes longer than this does not come.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often to look whether it has come; looking without a pause would keep it from coming.
const LOOK_EVERY: Duration = Duration::from_millis(5);

pub fn minutes(minutes: i64) -> TimeDelta {
    TimeDelta::minutes(minutes)
}

/// A database of a test's own, gone with it.
pub struct Database {
    pub url: String,
    /// A folder of the test's own.
    pub folder: TempDir,
    admin: Option<String>,
    name: String,
    is_away: AtomicBool,
}

impl Database {
    pub async fn create() -> Self {
        let folder = TempDir::new().unwrap();
        let name = format!("test_{}", uuid::Uuid::now_v7().simple());
        let Ok(admin) = std::env::var("TEST_DATABASE_URL") else {
            let url = format!("sqlite:{}", folder.path().join("restricted-users.db").display());
            return Self { url, folder, admin: None, name, is_away: AtomicBool::default() };
        };
        execute(&admin, format!("CREATE DATABASE {name}")).await;
        let mut url = url::Url::parse(&admin).unwrap();
        url.set_path(&name);
        let is_away = AtomicBool::default();
        Self { url: url.into(), folder, admin: Some(admin), name, is_away }
    }

    pub fn is_postgres(&self) -> bool {
        self.admin.is_some()
    }

    /// Postgres takes no connections any more; on SQLite somebody else writes and does not end.
    pub async fn take_away(&self) -> Absence {
        self.is_away.store(true, Ordering::Relaxed);
        if let Some(admin) = &self.admin {
            execute(admin, format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", self.name)).await;
            self.end_connections(admin).await;
            return Absence(None);
        }
        let mut other = SqliteConnection::connect(&self.url).await.unwrap();
        other.execute("BEGIN IMMEDIATE").await.unwrap();
        Absence(Some(other))
    }

    pub async fn bring_back(&self, absence: Absence) {
        self.is_away.store(false, Ordering::Relaxed);
        match (&self.admin, absence.0) {
            (Some(admin), _) => {
                execute(admin, format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", self.name))
                    .await;
            }
            (None, Some(mut other)) => {
                other.execute("ROLLBACK").await.unwrap();
            }
            (None, None) => unreachable!("a SQLite database is taken away by a connection"),
        }
    }
}

impl Database {
    /// Runs a statement past the service, as whoever owns the database could.
    pub async fn try_execute(&self, statement: &'static str) -> Result<(), String> {
        let done = if self.is_postgres() {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            sqlx::raw_sql(statement).execute(&mut connection).await.map(drop)
        } else {
            let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
            sqlx::raw_sql(statement).execute(&mut connection).await.map(drop)
        };
        done.map_err(|error| error.to_string())
    }
}

impl Database {
    /// The same with a statement that is made up.
    pub async fn execute(&self, statement: String) {
        let statement = sqlx::AssertSqlSafe(statement);
        if self.is_postgres() {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            connection.execute(statement).await.unwrap();
        } else {
            let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
            connection.execute(statement).await.unwrap();
        }
    }

    /// Postgres takes nothing that is written, or takes it again. A session that began meanwhile stays
    /// as it is.
    pub async fn set_read_only(&self, read_only: bool) {
        let (admin, name) = (self.admin.as_ref().unwrap(), &self.name);
        let value = if read_only { "on" } else { "off" };
        let set = format!("ALTER DATABASE {name} SET default_transaction_read_only = {value}");
        execute(admin, set).await;
        if read_only {
            self.end_connections(admin).await;
        }
    }

    async fn end_connections(&self, admin: &str) {
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ";
        execute(admin, format!("{end}'{}'", self.name)).await;
    }

    /// A copy as it is now, to go back to.
    pub async fn back_up(&self) -> String {
        let copy = format!("{}_copy", self.name);
        if let Some(admin) = &self.admin {
            let absence = self.take_away().await;
            execute(admin, format!("CREATE DATABASE {copy} TEMPLATE {}", self.name)).await;
            self.bring_back(absence).await;
        } else {
            sqlite_backup(self.file().into(), self.folder.path().join(&copy)).await;
        }
        copy
    }

    /// Goes back to a copy under whoever is connected.
    pub async fn restore(&self, copy: String) {
        if let Some(admin) = &self.admin {
            let absence = self.take_away().await;
            execute(admin, format!("DROP DATABASE {}", self.name)).await;
            execute(admin, format!("ALTER DATABASE {copy} RENAME TO {}", self.name)).await;
            self.bring_back(absence).await;
        } else {
            sqlite_backup(self.folder.path().join(copy), self.file().into()).await;
        }
    }

    /// SQLite's file.
    pub fn file(&self) -> &Path {
        Path::new(self.url.strip_prefix("sqlite:").unwrap())
    }
}

/// As `sqlite3 FROM '.backup TO'` does, also when somebody has it open: the service, which ends the
/// transaction that this waits for, goes on meanwhile.
async fn sqlite_backup(from: PathBuf, to: PathBuf) {
    const BACK_UP: &str =
        "import sqlite3, sys; f, t = map(sqlite3.connect, sys.argv[1:]); f.backup(t)";
    let python = move || Command::new("python3").args(["-c", BACK_UP]).args([from, to]).status();
    assert!(tokio::task::spawn_blocking(python).await.unwrap().unwrap().success());
}

/// For as long as this is held the database is away.
pub struct Absence(Option<SqliteConnection>);

async fn execute(url: &str, statement: String) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    connection.execute(sqlx::AssertSqlSafe(statement)).await.unwrap();
}

/// A service that the test talks to.
pub struct Portal {
    pub database: Arc<Database>,
    pub app: Arc<App>,
    pub clock: Clock,
    pub url: String,
    policy: String,
    socketmap: Option<String>,
    token: String,
    settings: Vec<(String, String)>,
    http: reqwest::Client,
    service: Service,
}

/// An answer of the API.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The body of an answer that went well.
    pub fn ok(&self) -> Value {
        assert!(self.status.is_success(), "{self:?}");
        self.json()
    }

    /// Checks that this is the problem document `slug` and answers its detail.
    pub fn problem(&self, slug: &str) -> String {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        let document = self.json();
        assert_eq!(document["type"], format!("/problems/{slug}"), "{self:?}");
        assert_eq!(document["status"], self.status.as_u16(), "{self:?}");
        document["detail"].as_str().unwrap().to_owned()
    }

    /// Checks that the body was refused because of `field`.
    pub fn invalid(&self, field: &str) {
        self.problem("invalid");
        assert_eq!(self.json()["errors"][0]["field"], field, "{self:?}");
    }
}

impl Portal {
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// A portal with settings of its own, such as `("propagation_delay", "0s")`.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        let now = DateTime::parse_from_rfc3339("2026-11-23T10:00:00Z").unwrap().to_utc();
        let database = Arc::new(Database::create().await);
        let settings = settings.iter().map(|(key, value)| (key.to_string(), value.to_string()));
        Self::on(database, Clock::stopped(now), settings.collect()).await
    }

    /// Another service on the same database, with the same clock.
    pub async fn replica(&self) -> Self {
        Self::on(Arc::clone(&self.database), self.clock.clone(), self.settings.clone()).await
    }

    /// Another service on the same database that browsers reach at the same address.
    pub async fn replica_at(&self, public_url: &str) -> Self {
        let public_url = ("public_url".to_owned(), public_url.to_owned());
        let settings = self.settings.iter().cloned().chain([public_url]).collect();
        Self::on(Arc::clone(&self.database), self.clock.clone(), settings).await
    }

    /// One on this database, with a clock and settings of its own.
    pub async fn on(
        database: Arc<Database>,
        clock: Clock,
        settings: Vec<(String, String)>,
    ) -> Self {
        let defaults = [
            ("database_url", database.url.as_str()),
            ("listen", "127.0.0.1:0"),
            ("policy_listen", "127.0.0.1:0"),
            ("organization_name", "Example Org"),
            ("organization_domains", "example.org,example.net"),
        ];
        let defaults = defaults.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let all = defaults.into_iter().chain(settings.clone());
        let variables =
            all.map(|(key, value)| (format!("RESTRICTED_USERS_{}", key.to_uppercase()), value));
        let config = Config::from_variables(variables).unwrap();
        let service = Service::start(config, clock.clone()).await.unwrap();
        let (policy, socketmap) = (tcp(&service.policy), tcp(&service.socketmap));
        let app = Arc::clone(&service.app);
        let token = new_token(&app, RoleGroup::OrganizationManagement).await;
        Self {
            database,
            clock,
            url: format!("http://{}", service.web),
            policy: policy.unwrap(),
            socketmap,
            token,
            settings,
            http: reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
            app,
            service,
        }
    }

    /// A token of a role group.
    pub async fn token(&self, role: RoleGroup) -> String {
        new_token(&self.app, role).await
    }

    /// A request that nothing was added to yet.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        Answer {
            status: response.status(),
            headers: response.headers().clone(),
            text: response.text().await.unwrap(),
        }
    }

    /// A request of Organization Management.
    pub fn authorized(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.request(method, path).bearer_auth(&self.token)
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path).bearer_auth(&self.token)).await
    }

    /// Whether load balancers may send browsers and scripts here.
    pub async fn is_ready(&self) -> bool {
        self.send(self.request(Method::GET, "/readyz")).await.status == 200
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::POST, path).bearer_auth(&self.token).json(&body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path).bearer_auth(&self.token)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PUT, path).bearer_auth(&self.token).json(&body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PATCH, path).bearer_auth(&self.token).json(&body)).await
    }

    /// Sends a form as a page of the portal does, with the cookie of whoever is signed in.
    pub async fn form(&self, path: &str, cookie: &str, fields: &[(&str, &str)]) -> Answer {
        let body =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self.request(Method::POST, path).header("origin", &self.url);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        self.send(request.header("cookie", cookie).body(body)).await
    }

    /// Restricts a sender and answers the restriction's id.
    pub async fn restricted(&self, address: &str) -> String {
        let body = json!({ "address": address, "reason": "sent spam" });
        let user = self.post("/api/v1/restricted-users", body).await.ok();
        user["id"].as_str().unwrap().to_owned()
    }

    pub async fn unblock(&self, key: &str) -> Value {
        let path = format!("/api/v1/restricted-users/{key}/unblock");
        self.post(&path, json!({})).await.ok()
    }

    pub async fn cancel_unblock(&self, key: &str) -> Answer {
        self.delete(&format!("/api/v1/restricted-users/{key}/unblock")).await
    }

    pub async fn user(&self, key: &str) -> Value {
        self.get(&format!("/api/v1/restricted-users/{key}")).await.ok()
    }

    /// The events of a restriction's history, oldest first.
    pub async fn history(&self, key: &str) -> Vec<String> {
        let history = self.get(&format!("/api/v1/restricted-users/{key}/history")).await.ok();
        texts(&history["items"], "event")
    }

    /// The actions of the audit log about `address` but for those of its alerts, oldest first, after
    /// its chain was checked.
    pub async fn audited(&self, address: &str) -> Vec<String> {
        let records = crate::audit_chain::checked(&self.app.store).await;
        let about = records.iter().filter(|record| record["address"] == address);
        let actions = about.map(|record| record["action"].as_str().unwrap().to_owned());
        actions.filter(|action| !action.starts_with("Alert")).collect()
    }

    /// Time goes by, and everything that is due by then is done.
    pub async fn pass(&self, time: TimeDelta) {
        self.clock.advance(time);
        unblocker::release_all_due(&self.app).await.unwrap();
        follower::follow(&self.app).await.unwrap();
    }

    /// What the policy port answers when Postfix asks at RCPT.
    pub async fn policy_answer(&self, login: &str, recipient: &str) -> String {
        self.ask(&format!(
            "request=smtpd_access_policy\nprotocol_state=RCPT\nsasl_username={login}\n\
             sender=somebody@elsewhere.example\nrecipient={recipient}\n\n"
        ))
        .await
    }

    /// The answer to a request as it stands, once what it told is counted.
    pub async fn ask(&self, request: &str) -> String {
        let answer = self.ask_at_once(request).await;
        self.what_was_told_is_counted().await;
        answer
    }

    /// The answer to a request as it stands.
    pub async fn ask_at_once(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(&self.policy).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.trim_end().to_owned()
    }

    /// Where mail servers ask.
    pub fn policy_port(&self) -> &str {
        &self.policy
    }

    /// Where mail servers look up, which has `socketmap_listen` set.
    pub fn socketmap_port(&self) -> &str {
        self.socketmap.as_ref().unwrap()
    }

    /// What Postfix finds in a socketmap.
    pub async fn look_up(&self, map: &str, key: &str) -> String {
        let mut stream = TcpStream::connect(self.socketmap_port()).await.unwrap();
        let query = format!("{}:{map} {key},", map.len() + 1 + key.len());
        stream.write_all(query.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (_, answer) = answer.split_once(':').unwrap();
        answer.strip_suffix(',').unwrap().to_owned()
    }

    /// A message as Postfix asks about it: each recipient, then the message. Answers what each
    /// recipient was answered.
    pub async fn sends(&self, login: &str, recipients: &[&str]) -> Vec<String> {
        let queue_id = uuid::Uuid::now_v7().simple().to_string();
        self.sends_as(login, &queue_id, recipients).await
    }

    /// The same with a queue id.
    pub async fn sends_as(&self, login: &str, queue_id: &str, recipients: &[&str]) -> Vec<String> {
        let mut answers = Vec::new();
        for recipient in recipients {
            answers.push(self.rcpt(login, queue_id, recipient).await);
        }
        let accepted = answers.iter().filter(|answer| !answer.contains("550")).count();
        assert_eq!(self.end_of_message(login, queue_id, accepted).await, DUNNO);
        answers
    }

    /// What Postfix is answered at RCPT of a transaction.
    pub async fn rcpt(&self, login: &str, instance: &str, recipient: &str) -> String {
        self.ask(&format!(
            "request=smtpd_access_policy\nprotocol_state=RCPT\nsasl_username={login}\n\
             recipient={recipient}\ninstance={instance}\nrecipient_count=0\nqueue_id=\n\n"
        ))
        .await
    }

    /// What Postfix is answered at END-OF-MESSAGE of a transaction.
    pub async fn end_of_message(&self, login: &str, instance: &str, recipients: usize) -> String {
        let request = format!(
            "request=smtpd_access_policy\nprotocol_state=END-OF-MESSAGE\nsasl_username={login}\n\
             recipient=\ninstance={instance}\nrecipient_count={recipients}\n\
             queue_id={instance}\nclient_address=192.0.2.7\n\n"
        );
        self.ask(&request).await
    }

    /// A database that takes longer than a second counts as away, and on a busy machine it does: then
    /// what was told is counted behind its answer.
    async fn what_was_told_is_counted(&self) {
        if !self.database.is_away.load(Ordering::Relaxed) {
            eventually("it is counted", async || self.app.meter.waiting() == 0).await;
        }
    }

    /// rspamd tells of a message.
    pub async fn rspamd(&self, login: &str, queue_id: &str, action: &str) {
        let report = json!({
            "user": login, "qid": queue_id, "action": action, "score": 12.5, "ip": "192.0.2.7",
            "rcpt": ["bob@remote.example"], "subject": "Cheap pills",
            "message_id": format!("{queue_id}@example.org"),
            "symbols": [{ "name": "TEST_SPAM", "score": 10.0 }],
        });
        let answer = self.post("/api/v1/verdicts/rspamd", report).await;
        assert_eq!(answer.status, 204, "{answer:?}");
        self.what_was_told_is_counted().await;
    }

    /// A message that rspamd takes for spam, sent as Postfix tells it.
    pub async fn sends_spam(&self, login: &str) {
        let queue_id = uuid::Uuid::now_v7().simple().to_string();
        self.sends_as(login, &queue_id, &["bob@remote.example"]).await;
        self.rspamd(login, &queue_id, "add header").await;
    }

    /// The messages of a sender, newest first.
    pub async fn messages(&self, sender: &str) -> Vec<Value> {
        let list = self.get(&format!("/api/v1/messages?sender={sender}")).await.ok();
        list["items"].as_array().unwrap().clone()
    }

    /// What a sender sent lately.
    pub async fn sending(&self, sender: &str) -> restricted_users::model::Sending {
        let sender = self.app.organization().sender(sender);
        self.app.store.standing(&sender, self.clock.now()).await.unwrap().sending
    }

    /// Writes the counts of refused recipients now and not within a second.
    pub async fn write_refusals(&self) {
        bookkeeper::write_refusals(&self.app).await.unwrap();
    }
}

/// The first TCP port of these.
fn tcp(addresses: &[ListenAddress]) -> Option<String> {
    addresses.iter().find_map(|address| match address {
        ListenAddress::Tcp { .. } => Some(address.to_string()),
        ListenAddress::Unix(_) => None,
    })
}

async fn new_token(app: &App, role_group: RoleGroup) -> String {
    let secret = random_secret();
    let name = format!("{role_group} {}", uuid::Uuid::now_v7());
    // The clock may stand anywhere; a token without expiry is good at any time.
    let token =
        TokenRecord { name, role_group, created_at: DateTime::<Utc>::UNIX_EPOCH, expires_at: None };
    let hash = SecretHash::of(secret.expose_secret());
    assert!(app.store.add_token(&token, &hash, &Actor::command_line()).await.unwrap());
    secret.expose_secret().to_owned()
}

/// One field of each item.
pub fn texts(items: &Value, field: &str) -> Vec<String> {
    let items = items.as_array().unwrap();
    items.iter().map(|item| item[field].as_str().unwrap().to_owned()).collect()
}

/// Waits until `holds`, looking often; fails when it never does.
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < PATIENCE, "never happened: {what}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

impl Portal {
    /// The cookie of an operator of a role group who is signed in.
    pub async fn session(&self, role: RoleGroup) -> String {
        let (secret, now) = (random_secret(), self.clock.now());
        let hash = SecretHash::of(secret.expose_secret());
        let name = uuid::Uuid::now_v7();
        let address =
            restricted_users::model::address::Address::stored(&format!("{name}@example.org"));
        let actor = Actor::command_line();
        let link = (&SecretHash::of(&name.to_string()), now);
        let store = &self.app.store;
        assert!(store.add_operator(&address, role, link, &actor, now).await.unwrap());
        let operators = store.operators().await.unwrap();
        let operator = operators.iter().find(|one| one.address == address.as_str()).unwrap();
        let new = NewSession { secret: &hash, operator: operator.id, browser: None, with: "story" };
        store.begin_session(new, &actor, now).await.unwrap();
        format!("session={}", secret.expose_secret())
    }
}

impl Portal {
    /// Stops the service as a signal would.
    pub async fn stop(self) {
        self.service.stop().await;
    }
}
