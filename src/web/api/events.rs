//! `GET /api/v1/events`: what happened to restrictions, as a list or as server-sent events.

use super::restricted_users::json;
use crate::app::App;
use crate::feed::Told;
use crate::model::history::Event as EventType;
use crate::store::Happened;
use crate::streams;
use crate::web::Shared;
use crate::web::access::{Caller, Ticket};
use crate::web::error::Problem;
use crate::web::extract::Query;
use crate::web::restricted_user::RestrictedUser;
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use futures_util::stream::{self, Stream, StreamExt};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout};
use utoipa::{IntoParams, ToSchema};

const PAGE: std::ops::RangeInclusive<i64> = 1..=1_000;
const USUAL_PAGE: i64 = 100;
/// Events that a stream reads at once to catch up.
const AT_ONCE: i64 = 200;
/// After so long a stream ends, and whoever follows comes again.
const LONGEST_STREAM: Duration = Duration::from_mins(15);
/// How often a stream with nothing to tell says so, that no proxy takes it for dead. Then, and before
/// anything is told, what its reader got in with is looked at again.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Parameters {
    /// The number of the last event that is known; a stream goes on behind `Last-Event-ID` where that
    /// is sent. From now on where it is missing.
    #[param(minimum = 0)]
    after: Option<i64>,
    /// The most entries of the answer; 100 where it is missing.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<i64>,
}

/// Something that happened to a restriction.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
struct Shown {
    /// Its number, which grows.
    id: i64,
    /// When.
    at: DateTime<Utc>,
    /// What happened.
    #[serde(rename = "type")]
    event: EventType,
    /// The user as it stands by now.
    restricted_user: RestrictedUser,
}

impl From<Happened> for Shown {
    fn from(happened: Happened) -> Self {
        let Happened { number, at, event, restriction } = happened;
        Self { id: number, at, event, restricted_user: restriction.into() }
    }
}

/// What happened.
#[derive(Serialize, ToSchema)]
struct Events {
    /// It, oldest first.
    items: Vec<Shown>,
    /// Where to go on: the next request's `after`.
    next: i64,
}

/// Follow what happens to restricted users
///
/// What came behind the event `after`; without it, the number of the last event. With
/// `Accept: text/event-stream` the answer goes on as it happens, for 15 minutes.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    operation_id = "followEvents",
    tag = "Events",
    params(Parameters),
    responses((status = 200, description = "What happened, or the stream.", content(
        (Events = "application/json"),
        (String = "text/event-stream"),
    ))),
)]
pub(crate) async fn events(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Query(parameters): Query<Parameters>,
) -> Result<Response, Problem> {
    let limit = parameters.limit()?;
    if wants_stream(&headers) {
        let last = last_event_id(&headers)?;
        let ticket = Ticket::of(&app, &caller, &headers)?;
        return Ok(stream_of(app, ticket, last, parameters.after).await?.into_response());
    }
    let Some(after) = parameters.after else {
        return Ok(json(&Events { items: Vec::new(), next: last_event(&app).await? }));
    };
    not_ahead("after", after, &app).await?;
    let items: Vec<Shown> =
        app.store.events_after(after, limit).await?.into_iter().map(Into::into).collect();
    let next = items.last().map_or(after, |last| last.id);
    Ok(json(&Events { items, next }))
}

impl Parameters {
    fn limit(&self) -> Result<i64, Problem> {
        let limit = self.limit.unwrap_or(USUAL_PAGE);
        if PAGE.contains(&limit) {
            return Ok(limit);
        }
        Err(Problem::invalid("limit", format!("it is {limit}, but it takes 1 to 1000")))
    }
}

fn wants_stream(headers: &HeaderMap) -> bool {
    let accept = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accept.flat_map(|value| value.split(',')).any(|kind| {
        kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/event-stream")
    })
}

/// The number of the last event.
async fn last_event(app: &App) -> Result<i64, Problem> {
    Ok(app.store.last_change().await?.map_or(0, |last| last.number))
}

/// Whoever is ahead of us follows another database, and would wait for ever.
async fn not_ahead(field: &'static str, after: i64, app: &App) -> Result<(), Problem> {
    let last = last_event(app).await?;
    if (0..=last).contains(&after) {
        return Ok(());
    }
    let detail = format!("it is {after}, but the events end with number {last}");
    Err(Problem::invalid(field, detail))
}

/// What somebody is told who has too many streams open.
pub(super) const TOO_MANY: Problem = Problem::TooManyRequests(
    "This token or session has 20 streams of events open, which is as many as it may. Close one first.",
);

async fn stream_of(
    app: Shared,
    ticket: Ticket,
    last: Option<i64>,
    after: Option<i64>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let open = app.streams.open(&ticket.secret).ok_or(TOO_MANY)?;
    let live = app.feed.follow();
    let end = last_event(&app).await?;
    let mut behind = VecDeque::new();
    let after = match (last, after) {
        // The database went back while the browser was away.
        (Some(last), _) if last > end => {
            behind.push_back(Told::Reset(end));
            end
        }
        (Some(last), _) => last,
        (None, Some(after)) => not_ahead("after", after, &app).await.map(|()| after)?,
        (None, None) => end,
    };
    let follower =
        Follower { app, ticket, _open: open, live, told: after, behind, catches_up: true };
    let over = follower.app.feed.over.clone();
    let events = stream::unfold(follower, Follower::next).map(|told| Ok(event(told)));
    let end = async move {
        tokio::select! {
            () = over.cancelled() => {}
            () = tokio::time::sleep_until(Instant::now() + LONGEST_STREAM) => {}
        }
    };
    Ok(Sse::new(events.take_until(end)))
}

/// What a browser that comes back has seen last; it wins over the address, which stays the same.
fn last_event_id(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let number = value.to_str().ok().and_then(|text| text.parse().ok()).filter(|id| *id >= 0);
    let bad = || Problem::invalid("Last-Event-ID", "it takes the id of an event".to_owned());
    number.map(Some).ok_or_else(bad)
}

fn event(told: Option<Told>) -> Event {
    match told {
        None => Event::default().comment(""),
        Some(Told::Happened(happened)) => {
            let shown = Shown::from(Arc::unwrap_or_clone(happened));
            let data = serde_json::to_string(&shown).expect("an event is made of text and numbers");
            Event::default().id(shown.id.to_string()).data(data)
        }
        Some(Told::Reset(next)) => {
            let data = serde_json::json!({ "next": next }).to_string();
            Event::default().event("reset").id(next.to_string()).data(data)
        }
    }
}

/// Somebody who follows, and how far it has come.
struct Follower {
    app: Shared,
    ticket: Ticket,
    _open: streams::Stream,
    live: Receiver<Told>,
    told: i64,
    /// Read from the store and not told yet.
    behind: VecDeque<Told>,
    catches_up: bool,
}

impl Follower {
    /// The next event, or that there is none yet. The end where whoever follows would not be let in any
    /// more, the feed is over or the database fails; then it has to come again.
    async fn next(mut self) -> Option<(Option<Told>, Self)> {
        let told = match timeout(KEEP_ALIVE, self.event()).await {
            Ok(told) => Some(told?),
            Err(_) => None,
        };
        let is_good = self.ticket.is_good(&self.app).await.unwrap_or_default();
        is_good.then_some((told, self))
    }

    async fn event(&mut self) -> Option<Told> {
        loop {
            if let Some(told) = self.behind.pop_front() {
                self.told = match &told {
                    Told::Happened(happened) => happened.number,
                    Told::Reset(last) => *last,
                };
                return Some(told);
            }
            if self.catches_up {
                let events = self.app.store.events_after(self.told, AT_ONCE).await.ok()?;
                self.catches_up = !events.is_empty();
                let told = events.into_iter().map(|event| Told::Happened(Arc::new(event)));
                self.behind.extend(told);
                continue;
            }
            match self.live.recv().await {
                Ok(Told::Happened(happened)) if happened.number <= self.told => {}
                Ok(told) => self.behind.push_back(told),
                Err(RecvError::Lagged(_)) => self.catches_up = true,
                Err(RecvError::Closed) => return None,
            }
        }
    }
}
