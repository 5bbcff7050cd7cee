//! Somebody who asks for pages, from the API and from the portal.

use chrono::{DateTime, Utc};
use reqwest::{Client, header};
use restricted_users::model::address::Address;
use restricted_users::model::operator::{Actor, RoleGroup};
use restricted_users::secret::{SecretHash, random_secret};
use restricted_users::service::Service;
use restricted_users::store::{NewSession, Store, TokenRecord};
use secrecy::ExposeSecret;
use std::time::{Duration, Instant};

/// Somebody with a token and a session.
pub struct Visitor {
    client: Client,
    address: String,
    token: String,
    session: String,
}

impl Visitor {
    /// To a service in this process.
    pub async fn to(service: &Service) -> Self {
        let url = format!("http://{}", service.web);
        Self::at(url, &service.app.store, service.app.clock.now()).await
    }

    /// To whatever serves this store at `address`.
    pub async fn at(address: String, store: &Store, now: DateTime<Utc>) -> Self {
        let actor = Actor::command_line();
        let (token, session, link) = (random_secret(), random_secret(), random_secret());
        let hash = |secret: &secrecy::SecretString| SecretHash::of(secret.expose_secret());
        let record = TokenRecord {
            name: "bench".into(),
            role_group: RoleGroup::SecurityReader,
            created_at: now,
            expires_at: None,
        };
        store.add_token(&record, &hash(&token), &actor).await.expect("it takes a token");
        let operator = Address::stored("operator@example.org");
        let role = RoleGroup::OrganizationManagement;
        let link = (&hash(&link), now);
        store.add_operator(&operator, role, link, &actor, now).await.expect("it takes one");
        let operator = store.operators().await.expect("it answers")[0].id;
        let secret = &hash(&session);
        let new = NewSession { secret, operator, browser: None, with: "bench" };
        store.begin_session(new, &actor, now).await.expect("it begins");
        Self {
            client: Client::new(),
            address,
            token: token.expose_secret().into(),
            session: format!("session={}", session.expose_secret()),
        }
    }

    /// The cookie of the session, of Organization Management.
    pub fn session(&self) -> &str {
        &self.session
    }

    pub async fn time_api(&self, query: &str) -> Duration {
        let start = Instant::now();
        self.api(query).await;
        start.elapsed()
    }

    pub async fn api(&self, query: &str) -> Vec<u8> {
        self.get(&format!("/api/v1/restricted-users?{query}")).await
    }

    /// How long the API takes to answer.
    pub async fn time_get(&self, path: &str) -> Duration {
        let start = Instant::now();
        self.get(path).await;
        start.elapsed()
    }

    /// What the API answers.
    pub async fn get(&self, path: &str) -> Vec<u8> {
        let url = format!("{}{path}", self.address);
        body(self.client.get(url).bearer_auth(&self.token)).await
    }

    pub async fn time_portal(&self, query: &str) -> Duration {
        self.time_page(&format!("/ui/restrictedusers/rows?{query}")).await
    }

    /// How long a page of the portal, or a part of one, takes.
    pub async fn time_page(&self, path: &str) -> Duration {
        let url = format!("{}{path}", self.address);
        let start = Instant::now();
        let request = self.client.get(url).header(header::COOKIE, &self.session);
        // As a browser asks.
        body(request.header(header::ACCEPT_ENCODING, "gzip")).await;
        start.elapsed()
    }

    pub async fn time_health(&self) -> Duration {
        let start = Instant::now();
        body(self.client.get(format!("{}/healthz", self.address))).await;
        start.elapsed()
    }
}

async fn body(request: reqwest::RequestBuilder) -> Vec<u8> {
    let answer = request.send().await.expect("the server answers");
    assert!(answer.status().is_success(), "{} {}", answer.status(), answer.url());
    answer.bytes().await.expect("the whole answer").into()
}
