//! An identity provider that misbehaves as a test wants, which none that can be installed does.

use crate::harness::{Answer, Portal, minutes};
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use openidconnect::core::{
    CoreEdDsaPrivateSigningKey, CoreHmacKey, CoreJsonWebKey, CoreJwsSigningAlgorithm as Algorithm,
};
use openidconnect::{JsonWebKeyId, PrivateSigningKey};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub const CLIENT: &str = "restricted-users";
pub const SECRET: &str = "what the provider gave us";

/// A provider on a port of its own.
pub struct Provider {
    pub url: String,
    script: Arc<Mutex<Script>>,
    serving: JoinHandle<()>,
}

/// What the provider answers.
#[derive(Default)]
struct Script {
    url: String,
    key: Option<Key>,
    id_token: String,
    user_info: Value,
    mood: Mood,
    descriptions: usize,
}

/// How the provider describes itself.
#[derive(Default, Clone, Copy)]
pub enum Mood {
    /// As it should.
    #[default]
    Sane,
    /// With a mebibyte too much.
    Verbose,
    /// At another address.
    Elsewhere,
    /// As somebody else.
    Impostor,
}

/// A key and its name.
#[derive(Clone)]
pub struct Key {
    id: String,
    seed: [u8; 32],
}

impl Key {
    pub fn new(id: &str) -> Self {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).unwrap();
        Self { id: id.into(), seed }
    }

    /// The same name, another key.
    pub fn forged(&self) -> Self {
        Self::new(&self.id)
    }

    fn private(&self) -> CoreEdDsaPrivateSigningKey {
        // An Ed25519 key in PKCS #8 is these bytes and its seed (RFC 8410).
        let head = hex::decode("302e020100300506032b657004220420").unwrap();
        let der = BASE64_STANDARD.encode([head, self.seed.to_vec()].concat());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n");
        let id = JsonWebKeyId::new(self.id.clone());
        CoreEdDsaPrivateSigningKey::from_ed25519_pem(&pem, Some(id)).unwrap()
    }

    pub fn public(&self) -> CoreJsonWebKey {
        self.private().as_verification_key()
    }

    /// The key that everybody may know, as bytes.
    pub fn public_bytes(&self) -> Vec<u8> {
        let key = serde_json::to_value(self.public()).unwrap();
        BASE64_URL_SAFE_NO_PAD.decode(key["x"].as_str().unwrap()).unwrap()
    }

    pub fn sign(&self, claims: &Value) -> String {
        self.sign_with(&json!({}), claims)
    }

    /// With more in the header.
    pub fn sign_with(&self, more: &Value, claims: &Value) -> String {
        let mut header = json!({ "alg": "EdDSA", "kid": self.id });
        header.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let signed = unsigned(&header, claims);
        let signature = self.private().sign(&Algorithm::EdDsa, signed.as_bytes()).unwrap();
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }
}

/// A token whose signature is made with a secret and not with a private key.
pub fn signed_with_secret(secret: &[u8], claims: &Value) -> String {
    let signed = unsigned(&json!({ "alg": "HS256" }), claims);
    let key = CoreHmacKey::new(secret.to_vec());
    let signature = key.sign(&Algorithm::HmacSha256, signed.as_bytes()).unwrap();
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

pub fn without_signature(claims: &Value) -> String {
    format!("{}.", unsigned(&json!({ "alg": "none" }), claims))
}

fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

impl Provider {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let script = Script { url: url.clone(), key: Some(Key::new("1")), ..Script::default() };
        let script = Arc::new(Mutex::new(script));
        let serving = serve(listener, Arc::clone(&script));
        Self { url, script, serving }
    }

    /// No answer any more, as after a crash.
    pub async fn stop(&self) {
        self.serving.abort();
        while !self.serving.is_finished() {
            tokio::task::yield_now().await;
        }
    }

    /// There again, at the same address.
    pub async fn start_again(&mut self) {
        let listener = TcpListener::bind(self.url.trim_start_matches("http://")).await.unwrap();
        self.serving = serve(listener, Arc::clone(&self.script));
    }

    /// A portal that trusts this provider.
    pub async fn portal(&self) -> Portal {
        Portal::with(&self.settings()).await
    }

    pub fn settings(&self) -> [(&str, &str); 5] {
        [
            ("oidc_issuer", &self.url),
            ("oidc_client_id", CLIENT),
            ("oidc_client_secret", SECRET),
            ("oidc_role_claim", "groups"),
            ("oidc_role_map", "admins=Organization Management,desk=Security Reader"),
        ]
    }

    pub fn key(&self) -> Key {
        self.script.lock().unwrap().key.clone().unwrap()
    }

    /// From now on another key signs, and the one before is forgotten.
    pub fn rotate_keys(&self) {
        self.script.lock().unwrap().key = Some(Key::new("2"));
    }

    pub fn tell_who_asks(&self, user_info: Value) {
        self.script.lock().unwrap().user_info = user_info;
    }

    pub fn become_(&self, mood: Mood) {
        self.script.lock().unwrap().mood = mood;
    }

    /// How often it was asked who it is.
    pub fn descriptions(&self) -> usize {
        self.script.lock().unwrap().descriptions
    }

    /// What a good ID token claims.
    pub fn claims(&self, portal: &Portal, visit: &Visit, more: &Value) -> Value {
        let mut claims = self.claims_of(portal.clock.now(), &visit.nonce);
        for (name, value) in more.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    }

    /// The same, for who has neither.
    pub fn claims_of(&self, now: DateTime<Utc>, nonce: &str) -> Value {
        json!({
            "iss": self.url,
            "aud": CLIENT,
            "sub": "olivia",
            "email": "olivia@example.org",
            "iat": now.timestamp(),
            "exp": (now + minutes(5)).timestamp(),
            "nonce": nonce,
        })
    }

    /// The whole round trip of somebody with these claims.
    pub async fn sign_in(&self, portal: &Portal, claims: Value) -> Answer {
        let visit = Visit::begin(portal).await;
        let token = self.key().sign(&self.claims(portal, &visit, &claims));
        self.answer(portal, &visit, token).await
    }

    /// Whatever the code, this is the ID token for it.
    pub fn hand_out(&self, id_token: String) {
        self.script.lock().unwrap().id_token = id_token;
    }

    /// The browser comes back from `visit`, and the provider has this ID token for its code.
    pub async fn answer(&self, portal: &Portal, visit: &Visit, id_token: String) -> Answer {
        self.hand_out(id_token);
        visit.come_back(portal, &visit.answer()).await
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A browser that is at the provider.
pub struct Visit {
    pub cookie: String,
    pub state: String,
    pub nonce: String,
    pub asked: HashMap<String, String>,
}

impl Visit {
    pub async fn begin(portal: &Portal) -> Self {
        let answer = portal.send(portal.request(Method::GET, "/sign-in/oidc")).await;
        assert_eq!(answer.status, 303, "{answer:?}");
        let to = url::Url::parse(answer.headers["location"].to_str().unwrap()).unwrap();
        let asked: HashMap<_, _> = to.query_pairs().into_owned().collect();
        let cookie = answer.headers["set-cookie"].to_str().unwrap();
        assert!(cookie.contains("HttpOnly; SameSite=Lax"), "{cookie}");
        Self {
            cookie: cookie.split(';').next().unwrap().to_owned(),
            state: asked["state"].clone(),
            nonce: asked["nonce"].clone(),
            asked,
        }
    }

    /// What the provider sends the browser back with. Its code is the challenge, so that the
    /// provider needs no memory to check the verifier.
    pub fn answer(&self) -> Vec<(&str, &str)> {
        vec![("state", &self.state), ("code", &self.asked["code_challenge"])]
    }

    pub async fn come_back(&self, portal: &Portal, answer: &[(&str, &str)]) -> Answer {
        let query =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(answer).finish();
        let request = portal.request(Method::GET, &format!("/sign-in/oidc/callback?{query}"));
        portal.send(request.header("cookie", &self.cookie)).await
    }
}

type Shared = Arc<Mutex<Script>>;

#[expect(clippy::disallowed_methods, reason = "these are the provider's routes, none of ours")]
fn serve(listener: TcpListener, script: Shared) -> JoinHandle<()> {
    let router = axum::Router::new()
        .route("/.well-known/openid-configuration", get(description))
        .route("/keys", get(keys))
        .route("/token", post(token))
        .route("/me", get(user_info))
        .with_state(script);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() })
}

async fn description(State(script): State<Shared>) -> Response {
    let mut script = script.lock().unwrap();
    script.descriptions += 1;
    let url = &script.url;
    let issuer = match script.mood {
        Mood::Impostor => "https://login.example.com",
        Mood::Elsewhere => return Redirect::to("/elsewhere").into_response(),
        Mood::Sane | Mood::Verbose => url,
    };
    let padding = if matches!(script.mood, Mood::Verbose) { 1024 * 1024 } else { 0 };
    axum::Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "userinfo_endpoint": format!("{url}/me"),
        "jwks_uri": format!("{url}/keys"),
        "end_session_endpoint": format!("{url}/bye"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA"],
        "scopes_supported": ["openid", "email", "profile", "groups"],
        "padding": " ".repeat(padding),
    }))
    .into_response()
}

async fn keys(State(script): State<Shared>) -> impl IntoResponse {
    let key = script.lock().unwrap().key.clone().unwrap();
    axum::Json(json!({ "keys": [key.public()] }))
}

async fn token(
    State(script): State<Shared>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let encoded: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    let client = BASE64_STANDARD.encode(format!("{CLIENT}:{encoded}"));
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&form["code_verifier"]));
    if headers[header::AUTHORIZATION] != format!("Basic {client}") || form["code"] != challenge {
        let error = axum::Json(json!({ "error": "invalid_grant" }));
        return (StatusCode::BAD_REQUEST, error).into_response();
    }
    let id_token = script.lock().unwrap().id_token.clone();
    let tokens = json!({ "access_token": "x", "token_type": "Bearer", "id_token": id_token });
    axum::Json(tokens).into_response()
}

async fn user_info(State(script): State<Shared>, headers: HeaderMap) -> impl IntoResponse {
    assert_eq!(headers[header::AUTHORIZATION], "Bearer x");
    axum::Json(script.lock().unwrap().user_info.clone())
}
