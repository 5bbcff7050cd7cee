//! The own sessions: where somebody is signed in, and ending that.

use super::one_time_codes::Password;
use super::passkeys::id;
use super::{confirm, own};
use crate::store::WhichSessions;
use crate::web::Shared;
use crate::web::access::Caller;
use crate::web::error::Problem;
use crate::web::extract::Form;
use crate::web::portal::html;
use askama::Template;
use axum::Extension;
use axum::extract::{RawPathParams, State};
use axum::response::Html;
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Where somebody is signed in.
pub(crate) struct Sessions {
    /// Whether there is a password here to ask for.
    pub(super) is_local: bool,
    pub(super) items: Vec<Session>,
}

/// A session in the list.
pub(crate) struct Session {
    pub(super) id: Uuid,
    pub(super) is_this: bool,
    pub(super) created_at: DateTime<Utc>,
    pub(super) last_seen_at: DateTime<Utc>,
    pub(super) browser: String,
    pub(super) client_address: Option<String>,
}

#[derive(Template)]
#[template(path = "account/changed_sessions.html")]
struct Changed {
    sessions: Sessions,
    done: &'static str,
}

pub(super) async fn list(app: &Shared, caller: &Caller) -> Result<Sessions, Problem> {
    let this = own(caller)?;
    let sessions = app.store.own_sessions(this.operator_id, app.clock.now()).await?;
    let items = sessions.into_iter().map(|session| Session {
        id: session.id,
        is_this: session.id == this.id,
        created_at: session.created_at,
        last_seen_at: session.last_seen_at,
        browser: session.browser.unwrap_or_else(|| "Unknown browser".into()),
        client_address: session.client_address,
    });
    Ok(Sessions { is_local: this.is_local, items: items.collect() })
}

pub(crate) async fn end(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    params: RawPathParams,
    Form(fields): Form<Password>,
) -> Result<Html<String>, Problem> {
    let which = WhichSessions::One(id(&params)?);
    ended(&app, &caller, fields, which, "The session has ended.").await
}

pub(crate) async fn end_others(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    Form(fields): Form<Password>,
) -> Result<Html<String>, Problem> {
    let which = WhichSessions::AllBut(own(&caller)?.id);
    ended(&app, &caller, fields, which, "All other sessions have ended.").await
}

async fn ended(
    app: &Shared,
    caller: &Caller,
    fields: Password,
    which: WhichSessions,
    done: &'static str,
) -> Result<Html<String>, Problem> {
    let (session, now) = (own(caller)?, app.clock.now());
    // Who comes from an identity provider has no password here to give again.
    if session.is_local {
        confirm(app, caller, fields.password).await?;
    }
    let operator = session.operator_id;
    app.store.revoke_sessions(operator, which, &caller.actor, now).await?;
    Ok(html(&Changed { sessions: list(app, caller).await?, done }))
}
