//! The page *Audit log*: who did what to whom, with filters, further pages, and the same as a file.

mod difference;

use super::html;
use crate::model::history::{Action, AuditEntry};
use crate::model::operator::ActorKind;
use crate::store::comparable::YEARS;
use crate::store::{AuditPosition, AuditQuery, AuditRecord};
use crate::web::Shared;
use crate::web::api::audit_file::{Format, file};
use crate::web::cursor::Cursor;
use crate::web::error::Problem;
use crate::web::extract::Query;
use askama::Template;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, Utc};
use clap::ValueEnum;
use difference::{Difference, difference};
use serde::Deserialize;
use url::form_urlencoded::Serializer;

/// Records of a page.
const PAGE: usize = 50;

/// The filter as the form sends it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Parameters {
    actor: Option<String>,
    address: Option<String>,
    action: Option<String>,
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
    cursor: Option<String>,
    format: Option<FileFormat>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FileFormat {
    Csv,
    Jsonl,
}

#[derive(Template)]
#[template(path = "audit_log/page.html")]
struct Page {
    actions: Vec<(String, String)>,
    last_number: i64,
    last_hash: String,
    results: Results,
}

#[derive(Template)]
#[template(path = "audit_log/results.html")]
struct Found {
    results: Results,
}

#[derive(Template)]
#[template(path = "audit_log/more.html")]
struct More {
    results: Results,
}

struct Results {
    records: Vec<Record>,
    next: Option<String>,
    /// The filter, for the links to files.
    filter: String,
}

struct Record {
    number: i64,
    hash: String,
    at: DateTime<Utc>,
    actor: String,
    by: &'static str,
    from: Option<String>,
    /// The end of the session's id, by which records of one session are told from another's.
    session: Option<String>,
    what: String,
    action: String,
    address: Option<String>,
    differences: Vec<Difference>,
}

pub(crate) async fn page(State(app): State<Shared>) -> Result<Html<String>, Problem> {
    let last = app.store.last_audit_record().await?;
    let results = results(&app, Parameters::default()).await?;
    let name = |action: &Action| format!("{action:?}");
    let actions = Action::value_variants().iter().map(|action| (name(action), words(*action)));
    let mut actions: Vec<_> = actions.collect();
    actions.sort_by(|one, other| one.1.cmp(&other.1));
    Ok(html(&Page { actions, last_number: last.number, last_hash: last.hash, results }))
}

/// `OperatorAdded` as `Operator added`; Exchange's own names say little to who does not know them.
fn words(action: Action) -> String {
    match action {
        Action::Listed => return "Restricted".into(),
        Action::Delisted => return "Released".into(),
        _ => {}
    }
    let mut words = String::new();
    for letter in format!("{action:?}").chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
            words.push(letter.to_ascii_lowercase());
        } else {
            words.push(letter);
        }
    }
    words
}

pub(crate) async fn rows(
    State(app): State<Shared>,
    Query(parameters): Query<Parameters>,
) -> Result<Response, Problem> {
    let is_more = parameters.cursor.is_some();
    let results = results(&app, parameters).await?;
    if is_more {
        return Ok(html(&More { results }).into_response());
    }
    Ok(html(&Found { results }).into_response())
}

pub(crate) async fn export(
    State(app): State<Shared>,
    Query(parameters): Query<Parameters>,
) -> Result<Response, Problem> {
    let format = match parameters.format {
        Some(FileFormat::Jsonl) => Format::JsonLines,
        _ => Format::Csv,
    };
    file(app, parameters.query()?, format).await
}

async fn results(app: &Shared, parameters: Parameters) -> Result<Results, Problem> {
    let filter = parameters.filter();
    let mut query = parameters.query()?;
    query.limit = PAGE + 1;
    let mut records = app.store.audit(&query).await?;
    let more = records.len() > PAGE;
    records.truncate(PAGE);
    let last = records.last().filter(|_| more).map(AuditPosition::from);
    let cursor = last.map(|position| Cursor::write(&position, &filter));
    let next = cursor.map(|cursor| format!("/ui/auditlog/rows?{filter}&cursor={cursor}"));
    Ok(Results { records: records.into_iter().map(Into::into).collect(), next, filter })
}

impl Parameters {
    /// What was asked, as a query again.
    fn filter(&self) -> String {
        let date = |date: Option<NaiveDate>| date.map(|date| date.to_string());
        let pairs = [
            ("actor", self.actor.clone()),
            ("address", self.address.clone()),
            ("action", self.action.clone()),
            ("from", date(self.from)),
            ("to", date(self.to)),
        ];
        let pairs = pairs.into_iter().filter_map(|(name, value)| Some((name, value?)));
        Serializer::new(String::new()).extend_pairs(pairs).finish()
    }

    fn query(self) -> Result<AuditQuery, Problem> {
        let since = self.from.map(|date| midnight("from", date)).transpose()?;
        let next_day = self.to.map(|date| date.succ_opt().unwrap_or(date));
        let until = next_day.map(|date| midnight("to", date)).transpose()?;
        let read = |cursor: &String| Cursor::read(cursor, &self.filter());
        let after = self.cursor.as_ref().map(read).transpose()?;
        Ok(AuditQuery {
            actor: self.actor,
            address: self.address.map(|address| address.to_lowercase()),
            by_beginning: true,
            action: self.action,
            since,
            until,
            after,
            limit: PAGE,
        })
    }
}

fn midnight(field: &str, date: NaiveDate) -> Result<DateTime<Utc>, Problem> {
    if !YEARS.contains(&date.year()) {
        return Err(Problem::invalid(field, "it is no date between the years 1 and 9999"));
    }
    Ok(date.and_time(NaiveTime::MIN).and_utc())
}

impl From<AuditRecord> for Record {
    fn from(AuditRecord { number, record, hash, .. }: AuditRecord) -> Self {
        let entry: AuditEntry =
            serde_json::from_str(&record).expect("records are written from the same type");
        Self {
            number,
            hash,
            at: entry.at,
            by: match entry.actor_kind {
                ActorKind::Operator => "in the portal",
                ActorKind::Token => "with an API token",
                ActorKind::CommandLine => "on the server",
                ActorKind::System => "by itself",
            },
            actor: entry.actor,
            from: entry.client_address.map(|address| address.to_string()),
            session: entry.session.map(|session| session.to_string().split_off(28)),
            what: words(entry.action),
            action: format!("{:?}", entry.action),
            address: entry.address,
            differences: difference(entry.before.as_ref(), entry.after.as_ref()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_reads_as_words() {
        assert_eq!(words(Action::OperatorRoleChanged), "Operator role changed");
        assert_eq!(words(Action::Delisted), "Released");
    }
}
