//! The program, and what operators and scripts do with it.

use crate::harness::{Database, eventually};
use crate::program::{Serve, result_of};
use chrono::{DateTime, Utc};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
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
    pub database: Database,
    token: String,
    /// Keeps the cookie of the operator who is signed in, and no connection, for the program may be
    /// killed.
    http: Client,
}

impl Service {
    /// Starts it with settings of its own, by their names in capitals.
    pub async fn start(ip: Ipv4Addr, settings: &[(&'static str, &str)]) -> Self {
        Self::start_on(Database::create().await, ip, settings)
    }

    /// The same on a database that the story does something to.
    pub fn start_on(database: Database, ip: Ipv4Addr, settings: &[(&'static str, &str)]) -> Self {
        let listen = [("LISTEN", format!("{ip}:{WEB}")), ("POLICY_LISTEN", policy_port(ip))];
        let delay = ("PROPAGATION_DELAY", "3s".to_owned());
        let settings = settings.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let settings: Vec<_> = listen.into_iter().chain([delay]).chain(settings).collect();
        let process = Serve::with(&database, &settings);
        let create = ["token", "create", "--name", "story", "--role", "organization-management"];
        let token = result_of(&database, &create).trim().to_owned();
        let http = Client::builder().cookie_store(true).pool_max_idle_per_host(0).build().unwrap();
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

    /// Changes the policy that everybody is under who has no other; what is left out is as usual.
    pub async fn set_default_policy(&self, policy: &Value) {
        let path = format!("{}/api/v1/outbound-spam-policies/default", self.url);
        self.ok(self.http.put(path).bearer_auth(&self.token).json(policy)).await;
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

    /// The user's active restriction, else the latest; none of somebody who never had one.
    pub async fn restriction(&self, address: &str) -> Option<Value> {
        let response = self.get(&format!("/api/v1/restricted-users/{address}")).await;
        (response.status() != StatusCode::NOT_FOUND).then_some(response.json().await.unwrap())
    }

    /// Waits until somebody is restricted, and answers the restriction.
    pub async fn restricts(&self, address: &str) -> Value {
        eventually("the sender is restricted", async || {
            self.restriction(address).await.is_some_and(|user| user["state"] == "restricted")
        })
        .await;
        self.restriction(address).await.unwrap()
    }

    /// What the service knows of the messages of a sender, newest first.
    pub async fn messages(&self, sender: &str) -> Vec<Value> {
        let response = self.get(&format!("/api/v1/messages?sender={sender}")).await;
        let list: Value = response.json().await.unwrap();
        list["items"].as_array().unwrap().clone()
    }

    /// Waits until as many messages of a sender have this verdict.
    pub async fn has_verdicts(&self, sender: &str, verdict: Value, count: usize) {
        eventually("the verdicts are there", async || {
            let messages = self.messages(sender).await;
            messages.iter().filter(|message| message["verdict"] == verdict).count() == count
        })
        .await;
    }

    /// The list in the portal.
    pub async fn list_page(&self) -> String {
        self.page("/ui/restrictedusers").await
    }

    /// The user's page in the portal.
    pub async fn page_of(&self, address: &str) -> String {
        self.page(&format!("/ui/restrictedusers/{address}")).await
    }

    async fn page(&self, path: &str) -> String {
        let page = self.http.get(format!("{}{path}", self.url));
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

    async fn get(&self, path: &str) -> Response {
        let request = self.http.get(format!("{}{path}", self.url)).bearer_auth(&self.token);
        request.send().await.unwrap()
    }

    fn post(&self, path: &str) -> RequestBuilder {
        self.http.post(format!("{}{path}", self.url)).bearer_auth(&self.token)
    }

    async fn ok(&self, request: RequestBuilder) -> Response {
        let response = request.send().await.unwrap();
        assert!(response.status().is_success(), "{response:?}");
        response
    }
}

/// Where it answers mail servers, unless the story says otherwise.
pub fn policy_port(ip: Ipv4Addr) -> String {
    format!("{ip}:{POLICY_PORT}")
}
