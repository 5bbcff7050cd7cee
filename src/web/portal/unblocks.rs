//! The way out for several users at once, in the three steps of one.

use super::html;
use super::restricted_users::changed;
use super::rows::{self, Row};
use super::unblock::{Limit, limit, request};
use super::words::{delay, number};
use crate::decision::Scope;
use crate::model::address::Address;
use crate::model::restriction::Restriction;
use crate::web::access::Caller;
use crate::web::api::unblocks::{AT_ONCE, unblock_one};
use crate::web::error::Problem;
use crate::web::extract::{Key, Pairs};
use crate::web::{Shared, find};
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Html;
use chrono::{DateTime, Utc};
use uuid::Uuid;

#[derive(Template)]
#[template(path = "restricted_users/unblocks.html")]
struct Steps {
    organization: String,
    all_mail: bool,
    how_many: String,
    users: Vec<Selected>,
    still_trying: usize,
    help_url: Option<String>,
    delay_seconds: i64,
    delay_words: String,
    takes_effect_at: DateTime<Utc>,
}

/// A user who is about to be unblocked.
struct Selected {
    row: Row,
    limit: Option<Limit>,
}

#[derive(Template)]
#[template(path = "restricted_users/refused.html")]
struct Refused {
    how_many: String,
    users: Vec<(Address, String)>,
    done: Option<String>,
}

pub(crate) async fn steps(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    Pairs(fields): Pairs,
) -> Result<Html<String>, Problem> {
    let (restrictions, _) = selected(&app, fields).await?;
    let (now, wait) = (app.clock.now(), app.config.unblock.propagation_delay);
    let users = known(&app, &caller, &restrictions).await?;
    Ok(html(&Steps {
        organization: app.organization().name.clone(),
        all_mail: app.config.scope_in_effect() == Scope::All,
        how_many: counted(users.len()),
        still_trying: users.iter().filter(|one| one.row.refused_recent.is_some()).count(),
        users,
        help_url: app.config.help_url.as_ref().map(ToString::to_string),
        delay_seconds: wait.num_seconds(),
        delay_words: delay(wait),
        takes_effect_at: now + wait,
    }))
}

/// What a form selects, and its other fields.
async fn selected(
    app: &Shared,
    fields: Vec<(String, String)>,
) -> Result<(Vec<Restriction>, Vec<(String, String)>), Problem> {
    let (users, others): (Vec<_>, Vec<_>) =
        fields.into_iter().partition(|(name, _)| name == "user");
    if !AT_ONCE.contains(&users.len()) {
        let detail = format!("{} are selected, 1 to 1,000 are taken", counted(users.len()));
        return Err(Problem::invalid("user", detail));
    }
    let mut restrictions = Vec::with_capacity(users.len());
    for (_, id) in users {
        let id = Uuid::try_parse(&id).map_err(|_| Problem::NotFound)?;
        restrictions.push(find(app, &Key::Id(id)).await?);
    }
    Ok((restrictions, others))
}

async fn known(
    app: &Shared,
    caller: &Caller,
    restrictions: &[Restriction],
) -> Result<Vec<Selected>, Problem> {
    let mut users = Vec::with_capacity(restrictions.len());
    for row in rows::rows(app, restrictions).await? {
        let limit = limit(app, caller, &Address::stored(&row.address)).await?;
        users.push(Selected { row, limit });
    }
    Ok(users)
}

pub(crate) async fn send(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    Pairs(fields): Pairs,
) -> Result<Html<String>, Problem> {
    let (mut restrictions, others) = selected(&app, fields).await?;
    let request = request(others)?;
    let mut refused = Vec::new();
    for restriction in &mut restrictions {
        let key = Key::Id(restriction.id);
        match unblock_one(&app, &caller, &key, &request).await {
            Ok(unblocked) => *restriction = unblocked,
            Err(why @ (Problem::NotRestricted | Problem::UnblockLimit)) => {
                *restriction = find(&app, &key).await?;
                refused.push((restriction.address.clone(), why.detail()));
            }
            // The database: what was done is done, and the list follows it.
            Err(problem) => return Err(problem),
        }
    }
    answer(&app, &caller, &restrictions, refused).await
}

async fn answer(
    app: &Shared,
    caller: &Caller,
    restrictions: &[Restriction],
    refused: Vec<(Address, String)>,
) -> Result<Html<String>, Problem> {
    let done = done(app, restrictions.len() - refused.len());
    if refused.is_empty() {
        return changed(app, caller, restrictions, false, done).await;
    }
    let Html(rows) = changed(app, caller, restrictions, false, None).await?;
    let how_many = counted(restrictions.len());
    let Html(refused) = html(&Refused { how_many, users: refused, done });
    Ok(Html(rows + &refused))
}

fn done(app: &Shared, count: usize) -> Option<String> {
    let users = counted(count);
    match count {
        0 => None,
        1 if app.config.unblock.propagation_delay.is_zero() => {
            Some(format!("{users} is released. Mail flows again."))
        }
        _ if app.config.unblock.propagation_delay.is_zero() => {
            Some(format!("{users} are released. Their mail flows again."))
        }
        1 => Some(format!("The unblock of {users} is on its way.")),
        _ => Some(format!("The unblocks of {users} are on their way.")),
    }
}

fn counted(users: usize) -> String {
    let count = number(i64::try_from(users).unwrap_or(i64::MAX));
    format!("{count} {}", if users == 1 { "user" } else { "users" })
}
