//! The program, and what operators and scripts do with it.

use crate::harness::Database;
use crate::program::{Serve, result_of};
use chrono::{DateTime, Utc};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use std::net::Ipv4Addr;

/// Where it listens.
const WEB: u16 = 24_080;
const POLICY_PORT: u16 = 24_040;

/// The program on a database of its own, at addresses that it keeps when it starts again.
pub struct Service {
    pub url: String,
    settings: Vec<(&'static str, String)>,
    process: Option<Serve>,
    database: Database,
    token: String,
    /// Keeps the cookie of the operator who is signed in.
    http: Client,
}

impl Service {
    /// Starts it with settings of its own, by their names in capitals.
    pub async fn start(ip: Ipv4Addr, settings: &[(&'static str, &str)]) -> Self {
        let listen = [("LISTEN", format!("{ip}:{WEB}")), ("POLICY_LISTEN", policy_port(ip))];
        let delay = ("PROPAGATION_DELAY", "3s".to_owned());
        let settings = settings.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let settings: Vec<_> = listen.into_iter().chain([delay]).chain(settings).collect();
        let database = Database::create().await;
        let process = Serve::with(&database, &settings);
        let create = ["token", "create", "--name", "story", "--role", "organization-management"];
        let token = result_of(&database, &create).trim().to_owned();
        let http = Client::builder().cookie_store(true).build().unwrap();
        let (url, process) = (process.url.clone(), Some(process));
        Self { url, settings, process, database, token, http }
    }

    /// As `kill -9` does.
    pub fn kill(&mut self) {
        self.process.take().unwrap().kill();
    }

    /// Starts it again after it was killed.
    pub fn start_again(&mut self) {
        self.process = Some(Serve::with(&self.database, &self.settings));
    }

    /// A token for a mail server.
    pub fn mail_server_token(&self) -> String {
        let create = ["token", "create", "--name", "mail-server", "--role", "mail-server"];
        result_of(&self.database, &create).trim().to_owned()
    }

    pub async fn restrict(&self, address: &str) {
        let body = json!({ "address": address, "reason": "sent spam" });
        self.ok(self.post("/api/v1/restricted-users").json(&body)).await;
    }

    /// Unblocks a user and answers when that takes effect.
    pub async fn unblock(&self, address: &str) -> DateTime<Utc> {
        let path = format!("/api/v1/restricted-users/{address}/unblock");
        let user: Value = self.ok(self.post(&path).json(&json!({}))).await.json().await.unwrap();
        user["unblock"]["takes_effect_at"].as_str().unwrap().parse().unwrap()
    }

    /// The user's page in the portal.
    pub async fn page_of(&self, address: &str) -> String {
        let page = self.http.get(format!("{}/ui/restrictedusers/{address}", self.url));
        self.ok(page).await.text().await.unwrap()
    }

    pub async fn sign_in(&self) {
        let add = ["operator", "add", "olivia@example.org", "--role", "global-reader"];
        let link = result_of(&self.database, &add);
        let (_, secret) = link.trim().rsplit_once('/').unwrap();
        let form = format!("secret={secret}&password=a+long+walk+by+the+sea");
        let form = self.http.post(format!("{}/ui/welcome/password", self.url)).body(form);
        let kind = "application/x-www-form-urlencoded";
        self.ok(form.header("content-type", kind).header("origin", &self.url)).await;
    }

    fn post(&self, path: &str) -> RequestBuilder {
        self.http.post(format!("{}{path}", self.url)).bearer_auth(&self.token)
    }

    async fn ok(&self, request: RequestBuilder) -> reqwest::Response {
        let response = request.send().await.unwrap();
        assert!(response.status().is_success(), "{response:?}");
        response
    }
}

/// Where it answers mail servers, unless the story says otherwise.
pub fn policy_port(ip: Ipv4Addr) -> String {
    format!("{ip}:{POLICY_PORT}")
}
