//! `GET /api/v1/messages`: the message trace.

use super::restricted_users::json;
use crate::model::{Message, Symbol, Verdict};
use crate::store::comparable::YEARS;
use crate::store::{MessagePosition, MessageQuery};
use crate::web::Shared;
use crate::web::cursor::Cursor;
use crate::web::error::Problem;
use crate::web::extract::Query;
use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Datelike, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Messages of one page, and how many when the query does not say.
const PAGE: std::ops::RangeInclusive<usize> = 1..=200;
const USUAL_PAGE: usize = 50;
/// Octets of a recipient or a queue id that is searched for.
const LONGEST: usize = 320;

/// The parameters as they come.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TraceParameters {
    /// Who submitted them, whole, in any case.
    #[param(format = "address")]
    pub(crate) sender: Option<String>,
    /// Whom they are for, whole, in any case.
    #[param(max_length = 320)]
    pub(crate) recipient: Option<String>,
    /// How the mail server calls the message.
    #[param(max_length = 320)]
    pub(crate) queue_id: Option<String>,
    /// From when on.
    pub(crate) since: Option<DateTime<Utc>>,
    /// Until when, exclusive.
    pub(crate) until: Option<DateTime<Utc>>,
    /// What they are.
    pub(crate) verdict: Option<Verdict>,
    /// The most entries of the answer; 50 where it is missing.
    #[param(minimum = 1, maximum = 200)]
    pub(crate) limit: Option<usize>,
    /// The `next_cursor` of the answer before, to the same query.
    #[param(format = "cursor")]
    pub(crate) cursor: Option<String>,
}

/// An outbound message as everything known of it makes it.
#[derive(Serialize, ToSchema)]
#[schema(as = Message)]
struct Shown {
    /// Its id (UUID version 7).
    id: Uuid,
    /// When it was submitted.
    at: DateTime<Utc>,
    /// Who submitted it.
    sender: String,
    /// The first 1,000 of its recipients.
    recipients: Vec<String>,
    /// How many of its recipients are inside the organisation.
    inside_recipients: i64,
    /// How many are outside.
    outside_recipients: i64,
    /// How the mail server calls it.
    queue_id: Option<String>,
    /// Its Message-ID.
    message_id: Option<String>,
    /// Its subject.
    subject: Option<String>,
    /// The IP address that it was submitted from.
    client_address: Option<String>,
    /// What it is, where anybody said so.
    verdict: Option<Verdict>,
    /// How sure the filter is.
    score: Option<f64>,
    /// Why the filter says so.
    symbols: Vec<Symbol>,
}

/// A page of the message trace.
#[derive(Serialize, ToSchema)]
#[schema(as = Messages)]
struct List {
    /// Those of this page, which may be none though there are more.
    items: Vec<Shown>,
    /// Sent back as `cursor` it leads to the next page; null on the last.
    next_cursor: Option<String>,
}

/// Trace messages
///
/// What was sent, newest first. One request looks through at most 20,000 messages, so a page may hold
/// fewer than `limit`, or none, and still have a `next_cursor` that looks further back.
#[utoipa::path(
    get,
    path = "/api/v1/messages",
    operation_id = "traceMessages",
    tag = "Mail",
    params(TraceParameters),
    responses((status = 200, description = "A page of them.", body = List)),
)]
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
        let sender = self.sender.as_deref().map(|sender| app.organization().sender(sender));
        let cursor = self.cursor.as_deref().map(|cursor| Cursor::read(cursor, &self.asked()));
        Ok(MessageQuery {
            sender,
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

/// A time that the databases can compare with.
pub(super) fn known_year(field: &str, at: DateTime<Utc>) -> Result<DateTime<Utc>, Problem> {
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
