//! The program and a mail server that asks it.

use crate::harness::Database;
use crate::mail_server::MailServer;
use crate::program::{Serve, result_of};
use chrono::{DateTime, Utc};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

/// Long enough to send a mail before it is over.
const DELAY: &str = "2s";

pub struct Rig {
    pub mail_server: MailServer,
    service: Option<Serve>,
    url: String,
    token: String,
    /// Keeps the cookie of the operator who is signed in.
    http: Client,
    database: Database,
}

impl Rig {
    pub async fn over_tcp() -> Self {
        let database = Database::create().await;
        let service = Serve::start(&database, DELAY);
        let mail_server = MailServer::start(&format!("inet:{}", service.policy)).await;
        Self::of(mail_server, service, database)
    }

    pub async fn over_unix_socket() -> Self {
        let database = Database::create().await;
        let mail_server = MailServer::start("unix:restricted/policy.sock").await;
        let socket = mail_server.queue().join("restricted/policy.sock");
        let listen = format!("unix:{}", socket.display());
        let settings = [("POLICY_LISTEN", listen.as_str()), ("PROPAGATION_DELAY", DELAY)];
        let service = Serve::with(&database, &settings);
        Self::of(mail_server, service, database)
    }

    fn of(mail_server: MailServer, service: Serve, database: Database) -> Self {
        let create = ["token", "create", "--name", "story", "--role", "organization-management"];
        let token = result_of(&database, &create).trim().to_owned();
        let http = Client::builder().cookie_store(true).build().unwrap();
        let url = service.url.clone();
        Self { mail_server, service: Some(service), url, token, http, database }
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

    /// As `kill -9` does.
    pub fn kill_service(&mut self) {
        self.service.take().unwrap().kill();
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
