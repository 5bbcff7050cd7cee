//! `/api/v1/tokens`: what scripts and mail servers sign in with.

use super::restricted_users::json;
use crate::model::operator::RoleGroup;
use crate::secret::{SecretHash, random_secret};
use crate::store::{KnownToken, TokenRecord};
use crate::token::{self, TokenName};
use crate::web::Shared;
use crate::web::access::Caller;
use crate::web::error::Problem;
use crate::web::extract::Json;
use crate::web::named::Called;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a script or a mail server signs in with.
#[derive(Serialize, ToSchema)]
struct Token {
    /// Its name, which no other token has.
    name: String,
    /// What it may do.
    role_group: RoleGroup,
    /// Since when.
    created_at: DateTime<Utc>,
    /// Until when; null for ever.
    expires_at: Option<DateTime<Utc>>,
    /// When it was used last, to the minute.
    last_used_at: Option<DateTime<Utc>>,
    /// The IP address that it was used from last.
    last_used_from: Option<String>,
}

/// The tokens.
#[derive(Serialize, ToSchema)]
struct Tokens {
    /// All of them.
    items: Vec<Token>,
    /// Null: they fit into one answer.
    next_cursor: Option<String>,
}

/// List tokens
#[utoipa::path(
    get,
    path = "/api/v1/tokens",
    operation_id = "listTokens",
    tag = "Tokens",
    responses((status = 200, description = "All of them.", body = Tokens)),
)]
pub(crate) async fn list(State(app): State<Shared>) -> Result<Response, Problem> {
    let items = app.store.known_tokens().await?.into_iter().map(Into::into).collect();
    Ok(json(&Tokens { items, next_cursor: None }))
}

impl From<KnownToken> for Token {
    fn from(token: KnownToken) -> Self {
        let KnownToken { name, role_group, created_at, expires_at, .. } = token;
        let (last_used_at, last_used_from) = (token.last_used_at, token.last_used_from);
        Self { name, role_group, created_at, expires_at, last_used_at, last_used_from }
    }
}

/// A token that is asked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewToken {
    /// Its name, 1 to 100 printable characters, which no other token has.
    #[schema(min_length = 1)]
    pub(crate) name: String,
    /// What it may do.
    pub(crate) role_group: RoleGroup,
    /// Until when it is good, at most 3,650 days; for ever where it is left out.
    pub(crate) expires_at: Option<DateTime<Utc>>,
}

/// A token that was created.
#[derive(Serialize, ToSchema)]
#[schema(as = CreatedToken)]
struct WithSecret<'a> {
    /// Its name.
    name: String,
    /// What it may do.
    role_group: RoleGroup,
    /// Since when.
    created_at: DateTime<Utc>,
    /// Until when; null for ever.
    expires_at: Option<DateTime<Utc>>,
    /// The token itself, shown this once.
    token: &'a str,
}

/// Create a token
#[utoipa::path(
    post,
    path = "/api/v1/tokens",
    operation_id = "createToken",
    tag = "Tokens",
    responses((status = 201, description = "The token, shown this once.", body = WithSecret)),
)]
pub(crate) async fn create(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    Json(new): Json<NewToken>,
) -> Result<Response, Problem> {
    let (TokenRecord { name, role_group, created_at, expires_at }, secret) =
        new.create(&app, &caller).await?;
    let token = secret.expose_secret();
    let shown = WithSecret { name, role_group, created_at, expires_at, token };
    Ok((StatusCode::CREATED, json(&shown)).into_response())
}

impl NewToken {
    /// Does as asked, for script and page alike.
    pub(crate) async fn create(
        self,
        app: &Shared,
        caller: &Caller,
    ) -> Result<(TokenRecord, SecretString), Problem> {
        let created_at = app.clock.now();
        let name: TokenName = self
            .name
            .parse()
            .map_err(|why: token::BadTokenName| Problem::invalid("name", why.to_string()))?;
        let expires_at = self.expires_at.map(|at| within_reason(at, created_at)).transpose()?;
        let name = name.to_string();
        let token = TokenRecord { name, role_group: self.role_group, created_at, expires_at };
        let secret = random_secret();
        let hash = SecretHash::of(secret.expose_secret());
        if app.store.add_token(&token, &hash, &caller.actor).await? {
            Ok((token, secret))
        } else {
            Err(Problem::TokenExists)
        }
    }
}

fn within_reason(at: DateTime<Utc>, now: DateTime<Utc>) -> Result<DateTime<Utc>, Problem> {
    if at > now && at <= now + token::LONGEST {
        return Ok(at);
    }
    let detail = format!("it is no time within the next {} days", token::LONGEST.num_days());
    Err(Problem::invalid("expires_at", detail))
}

/// Revoke a token
#[utoipa::path(
    delete,
    path = "/api/v1/tokens/{name}",
    operation_id = "revokeToken",
    tag = "Tokens",
    params(Called),
    responses((status = 204, description = "It is good for nothing any more.")),
)]
pub(crate) async fn revoke(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    Called(name): Called,
) -> Result<StatusCode, Problem> {
    revoke_one(&app, &caller, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Revokes a token, for script and page alike.
pub(crate) async fn revoke_one(app: &Shared, caller: &Caller, name: &str) -> Result<(), Problem> {
    if app.store.revoke_token(name, &caller.actor, app.clock.now()).await? {
        app.token_memory.revoked(name);
        Ok(())
    } else {
        Err(Problem::NoSuchToken)
    }
}
