//! Changing the own password.

use super::sessions::{self, Sessions};
use super::{confirm, own};
use crate::model::address::Address;
use crate::web::Shared;
use crate::web::access::Caller;
use crate::web::error::Problem;
use crate::web::extract::Form;
use crate::web::portal::{html, welcome};
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Html;
use secrecy::SecretString;
use serde::Deserialize;

#[derive(Template)]
#[template(path = "account/changed_password.html")]
struct Changed {
    address: String,
    sessions: Sessions,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Passwords {
    #[serde(default)]
    old: SecretString,
    #[serde(default)]
    password: SecretString,
}

/// The new password ends every other session: whoever has the old one is out.
pub(crate) async fn change(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    Form(fields): Form<Passwords>,
) -> Result<Html<String>, Problem> {
    confirm(&app, &caller, fields.old).await.map_err(about_the_old)?;
    let session = own(&caller)?;
    let account = Address::stored(&session.address);
    let hash = welcome::hash(&app, fields.password, &account).await?;
    let (operator, now) = (session.operator_id, app.clock.now());
    app.store.change_password(operator, &hash, session.id, &caller.actor, now).await?;
    let address = session.address.clone();
    Ok(html(&Changed { address, sessions: sessions::list(&app, &caller).await? }))
}

/// In this form the field is called otherwise.
fn about_the_old(problem: Problem) -> Problem {
    match problem {
        Problem::Invalid(errors) => {
            let errors = errors.into_iter().map(|mut error| {
                error.field = "old".into();
                error
            });
            Problem::Invalid(errors.collect())
        }
        other => other,
    }
}
