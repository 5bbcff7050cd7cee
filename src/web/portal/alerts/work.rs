//! Working on an alert.

use super::super::badge::new_alerts;
use super::super::html;
use super::detail::{Detail, detail};
use super::row::Row;
use crate::model::alert::{Alert, AlertStatus};
use crate::web::Shared;
use crate::web::access::Caller;
use crate::web::api::alerts::Work;
use crate::web::error::Problem;
use crate::web::extract::Form;
use crate::web::named::AlertNamed;
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Html;
use serde::Deserialize;

/// What the fly-out sends: a button, and what was typed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pressed {
    act: Act,
    comment: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Act {
    Take,
    Comment,
    Resolve,
    Reopen,
}

/// What the list has to change, and the alert as it is now where there is more to do.
#[derive(Template)]
#[template(path = "alerts/worked.html")]
struct Worked {
    row: Row,
    new_alerts: Option<String>,
    done: &'static str,
    detail: Option<Detail>,
}

pub(crate) async fn work(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    AlertNamed(id): AlertNamed,
    Form(pressed): Form<Pressed>,
) -> Result<Html<String>, Problem> {
    let act = pressed.act;
    let alert: Alert = pressed.work(&caller)?.on(&app, &caller, id).await?;
    let detail =
        if act == Act::Resolve { None } else { Some(detail(&app, &caller, alert.clone()).await?) };
    Ok(html(&Worked {
        detail,
        row: alert.into(),
        new_alerts: new_alerts(&app).await?,
        done: act.done(),
    }))
}

impl Pressed {
    /// A comment goes along with whatever was pressed.
    fn work(self, caller: &Caller) -> Result<Work, Problem> {
        let (status, assigned_to) = match self.act {
            Act::Take => (Some(AlertStatus::InProgress), Some(Some(caller.actor.name.clone()))),
            Act::Comment if self.comment.is_none() => {
                return Err(Problem::invalid("comment", "Write what the others should know."));
            }
            Act::Comment => (None, None),
            Act::Resolve => (Some(AlertStatus::Resolved), None),
            Act::Reopen => (Some(AlertStatus::New), Some(None)),
        };
        Ok(Work { status, assigned_to, comment: self.comment })
    }
}

impl Act {
    fn done(self) -> &'static str {
        match self {
            Self::Take => "The alert is yours.",
            Self::Comment => "Your comment is kept.",
            Self::Resolve => "The alert is resolved.",
            Self::Reopen => "The alert is new again.",
        }
    }
}
