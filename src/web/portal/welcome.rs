//! Setting a password through a one-time link.

use super::arrival::Arrival;
use super::html;
use crate::model::address::Address;
use crate::password;
use crate::secret::{PasswordHash, SecretHash};
use crate::store::LinkFor;
use crate::turns::Who;
use crate::web::Shared;
use crate::web::api::operators::whole_address;
use crate::web::client_address::ClientAddress;
use crate::web::error::Problem;
use crate::web::extract::Form;
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{Html, IntoResponse, Response};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use uuid::Uuid;

#[derive(Template)]
#[template(path = "welcome.html")]
struct Welcome {
    organization: String,
    secret: String,
    address: Option<String>,
}

#[derive(Template)]
#[template(path = "welcome_done.html")]
struct Done;

#[derive(Debug, Deserialize)]
pub(crate) struct Link {
    #[serde(default)]
    secret: SecretString,
}

/// Looking at a link uses nothing up.
pub(crate) async fn page(
    State(app): State<Shared>,
    Form(link): Form<Link>,
) -> Result<Html<String>, Problem> {
    let secret = link.secret.expose_secret();
    let link_for = app.store.link(&SecretHash::of(secret), app.clock.now()).await?;
    let address = match link_for.ok_or(Problem::LinkUsedUp)? {
        LinkFor::Operator(address) => Some(address.to_string()),
        LinkFor::FirstOperator => None,
    };
    let organization = app.organization().name.clone();
    Ok(html(&Welcome { organization, secret: secret.into(), address }))
}

#[derive(Debug, Deserialize)]
pub(crate) struct NewPassword {
    #[serde(default)]
    secret: SecretString,
    #[serde(default)]
    address: String,
    #[serde(default)]
    password: SecretString,
}

pub(crate) async fn set_password(
    State(app): State<Shared>,
    Extension(from): Extension<ClientAddress>,
    headers: HeaderMap,
    Form(new): Form<NewPassword>,
) -> Result<Response, Problem> {
    let (operator, address) = new.set(&app, from).await?;
    let arrival = Arrival { app: &app, from, headers: &headers };
    let cookies = arrival.after_password(operator, address.to_string(), "one-time link").await?;
    Ok((cookies, html(&Done)).into_response())
}

impl NewPassword {
    async fn set(self, app: &Shared, from: ClientAddress) -> Result<(Uuid, Address), Problem> {
        let (secret, now) = (SecretHash::of(self.secret.expose_secret()), app.clock.now());
        let link_for = app.store.link(&secret, now).await?.ok_or(Problem::LinkUsedUp)?;
        let from = Some(from.0);
        let (address, set) = match link_for {
            LinkFor::Operator(address) => {
                let hash = hash(app, self.password, &address).await?;
                (address, app.store.set_password(&secret, &hash, from, now).await?)
            }
            LinkFor::FirstOperator => {
                let address = whole_address(app, &self.address)?;
                let hash = hash(app, self.password, &address).await?;
                let set = app.store.set_up_first_operator(&secret, &address, &hash, from, now);
                let set = set.await?;
                (address, set)
            }
        };
        set.map(|operator| (operator, address)).ok_or(Problem::LinkUsedUp)
    }
}

/// The hash of a new password, where it is good.
pub(crate) async fn hash(
    app: &Shared,
    password: SecretString,
    account: &Address,
) -> Result<PasswordHash, Problem> {
    let place = app.turns.queue(Who::Known)?;
    let organization = &app.organization().name;
    let hashed = password::hash_new(password, account.as_str(), organization, place).await;
    hashed.map_err(|weakness| Problem::invalid("password", weakness.to_string()))
}
