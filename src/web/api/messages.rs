//! `GET /api/v1/messages`: the message trace.

use super::restricted_users::json;
use crate::outbound::{Message, Symbol, Verdict};
use crate::store::{MessagePosition, MessageQuery};
use crate::web::Shared;
use crate::web::cursor::Cursor;
use crate::web::error::Problem;
use crate::web::extract::{Query, shortened};
use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Datelike, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Messages of one page, and how many when the query does not say.
const PAGE: std::ops::RangeInclusive<usize> = 1..=200;
const USUAL_PAGE: usize = 50;
/// Octets of a recipient or a queue id that is searched for.
const LONGEST: usize = 320;
/// Years that both databases can compare with.
const YEARS: std::ops::RangeInclusive<i32> = 1..=9999;

/// The parameters as they come.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TraceParameters {
    pub(crate) sender: Option<String>,
    pub(crate) recipient: Option<String>,
    pub(crate) queue_id: Option<String>,
    pub(crate) since: Option<DateTime<Utc>>,
    pub(crate) until: Option<DateTime<Utc>>,
    pub(crate) verdict: Option<Verdict>,
    pub(crate) limit: Option<usize>,
    pub(crate) cursor: Option<String>,
}

/// A message as the API shows it.
#[derive(Serialize)]
struct Shown {
    id: Uuid,
    at: DateTime<Utc>,
    sender: String,
    recipients: Vec<String>,
    inside_recipients: i64,
    outside_recipients: i64,
    queue_id: Option<String>,
    message_id: Option<String>,
    subject: Option<String>,
    client_address: Option<String>,
    verdict: Option<Verdict>,
    score: Option<f64>,
    symbols: Vec<Symbol>,
}

#[derive(Serialize)]
struct List {
    items: Vec<Shown>,
    next_cursor: Option<String>,
}

pub(crate) async fn list(
    State(app): State<Shared>,
    Query(parameters): Query<TraceParameters>,
) -> Result<Response, Problem> {
    let page = parameters.page(&app).await?;
    let items = page.items.into_iter().map(Into::into).collect();
    Ok(json(&List { items, next_cursor: page.next_cursor }))
}

/// A page of messages, for script and page alike.
pub(crate) struct TracePage {
    pub(crate) items: Vec<Message>,
    /// The cursor of the next page.
    pub(crate) next_cursor: Option<String>,
    /// Where the messages end that were looked through, where older ones are left for the next page.
    pub(crate) looked_back_to: Option<DateTime<Utc>>,
}

impl TraceParameters {
    pub(crate) async fn page(&self, app: &Shared) -> Result<TracePage, Problem> {
        let page = app.store.messages(&self.query(app)?).await?;
        Ok(TracePage {
            next_cursor: page.next.map(|last| Cursor::write(&last, &self.asked())),
            looked_back_to: page.next.and_then(time_of),
            items: page.items,
        })
    }

    fn query(&self, app: &Shared) -> Result<MessageQuery, Problem> {
        let sender = self.sender.as_deref().map(|sender| {
            app.organization().sender(sender).map_err(|why| {
                let detail = format!("{:?} is no mail address: {why}", shortened(sender));
                Problem::invalid("sender", detail)
            })
        });
        let cursor = self.cursor.as_deref().map(|cursor| Cursor::read(cursor, &self.asked()));
        Ok(MessageQuery {
            sender: sender.transpose()?,
            recipient: short("recipient", self.recipient.as_ref())?,
            queue_id: short("queue_id", self.queue_id.as_ref())?,
            since: self.since.map(|at| known_year("since", at)).transpose()?,
            until: self.until.map(|at| known_year("until", at)).transpose()?,
            verdict: self.verdict,
            limit: self.limit()?,
            after: cursor.transpose()?.map(|position: MessagePosition| position),
        })
    }

    fn limit(&self) -> Result<usize, Problem> {
        let limit = self.limit.unwrap_or(USUAL_PAGE);
        if PAGE.contains(&limit) {
            return Ok(limit);
        }
        let detail = format!("it is {limit}, but it takes {} to {}", PAGE.start(), PAGE.end());
        Err(Problem::invalid("limit", detail))
    }

    /// What a cursor holds for.
    fn asked(&self) -> impl Serialize + '_ {
        (&self.sender, &self.recipient, &self.queue_id, self.since, self.until, self.verdict)
    }
}

/// The time that an id of version 7 begins with.
fn time_of(id: Uuid) -> Option<DateTime<Utc>> {
    let (seconds, nanoseconds) = id.get_timestamp()?.to_unix();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanoseconds)
}

fn known_year(field: &str, at: DateTime<Utc>) -> Result<DateTime<Utc>, Problem> {
    if YEARS.contains(&at.year()) {
        return Ok(at);
    }
    Err(Problem::invalid(field, "it is no time between the years 1 and 9999"))
}

fn short(field: &str, text: Option<&String>) -> Result<Option<String>, Problem> {
    match text {
        Some(text) if text.len() > LONGEST => {
            let detail = format!("it has {} octets, at most {LONGEST} are taken", text.len());
            Err(Problem::invalid(field, detail))
        }
        text => Ok(text.cloned()),
    }
}

impl From<Message> for Shown {
    fn from(message: Message) -> Self {
        Self {
            id: message.id,
            at: message.at,
            sender: message.sender.to_string(),
            inside_recipients: message.recipients.inside,
            outside_recipients: message.recipients.outside,
            recipients: message.recipients.named,
            queue_id: message.queue_id,
            message_id: message.message_id,
            subject: message.subject,
            client_address: message.client_address,
            verdict: message.verdict,
            score: message.score,
            symbols: message.symbols,
        }
    }
}
