//! Creating and revoking API tokens, each in a dialog over the page.

use super::super::html;
use crate::model::operator::RoleGroup;
use crate::store::{KnownToken, TokenRecord};
use crate::web::Shared;
use crate::web::access::Caller;
use crate::web::api::tokens::{NewToken, revoke_one};
use crate::web::error::Problem;
use crate::web::extract::Form;
use crate::web::named::Called;
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Html;
use chrono::TimeDelta;
use secrecy::ExposeSecret;
use serde::Deserialize;

/// The most days that the form offers; the API takes any time.
const MOST_DAYS: i64 = 3_650;

#[derive(Template)]
#[template(path = "permissions/create_token.html")]
struct CreateToken {
    role_groups: [RoleGroup; 6],
}

/// The token, shown this once.
#[derive(Template)]
#[template(path = "permissions/token.html")]
struct NewSecret<'a> {
    token: TokenRecord,
    secret: &'a str,
    public_url: &'a str,
    is_mail_server: bool,
}

#[derive(Template)]
#[template(path = "permissions/revoke_token.html")]
struct RevokeToken {
    token: KnownToken,
}

#[derive(Template)]
#[template(path = "permissions/done.html")]
struct Done {
    done: String,
}

pub(crate) async fn empty() -> Html<String> {
    html(&CreateToken { role_groups: RoleGroup::ALL })
}

#[derive(Debug, Deserialize)]
pub(crate) struct Fields {
    #[serde(default)]
    name: String,
    role_group: RoleGroup,
    /// After how many days it expires; never where there is nothing.
    days: Option<i64>,
}

pub(crate) async fn create(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    Form(fields): Form<Fields>,
) -> Result<Html<String>, Problem> {
    let (token, secret) = fields.token(&app)?.create(&app, &caller).await?;
    Ok(html(&NewSecret {
        is_mail_server: token.role_group == RoleGroup::MailServer,
        token,
        secret: secret.expose_secret(),
        public_url: &app.public_url,
    }))
}

impl Fields {
    fn token(self, app: &Shared) -> Result<NewToken, Problem> {
        let expires_at = match self.days {
            Some(days) if (1..=MOST_DAYS).contains(&days) => {
                Some(app.clock.now() + TimeDelta::days(days))
            }
            Some(_) => return Err(Problem::invalid("days", "it takes 1 to 3650")),
            None => None,
        };
        Ok(NewToken { name: self.name, role_group: self.role_group, expires_at })
    }
}

pub(crate) async fn revocation(
    State(app): State<Shared>,
    Called(name): Called,
) -> Result<Html<String>, Problem> {
    let tokens = app.store.known_tokens().await?;
    let token = tokens.into_iter().find(|token| token.name == name);
    Ok(html(&RevokeToken { token: token.ok_or(Problem::NoSuchToken)? }))
}

pub(crate) async fn revoke(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    Called(name): Called,
) -> Result<Html<String>, Problem> {
    revoke_one(&app, &caller, &name).await?;
    Ok(html(&Done { done: format!("{name} is revoked.") }))
}
