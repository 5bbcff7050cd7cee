//! How a notice was told: where it went, and how each delivery stands.

use super::super::html;
use super::super::words::{decent, number};
use crate::store::{Channel, Delivery};
use crate::web::Shared;
use crate::web::error::Problem;
use crate::web::named::AlertNamed;
use askama::Template;
use axum::extract::State;
use axum::response::Html;
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

/// Deliveries given up are told for so long.
const TOLD_FOR: TimeDelta = TimeDelta::days(7);
/// Given-up deliveries that are looked at; against a relay that took nothing for a week.
const MOST: i64 = 1_000;
/// Characters of why an attempt failed, which may be a server's own words.
const PROBLEM: usize = 300;

/// How a notice was told.
#[derive(Template)]
#[template(path = "alerts/deliveries.html")]
pub(crate) struct HowTold {
    /// The notice; nothing while none was written.
    notice: Option<Uuid>,
    pub(crate) deliveries: Vec<Shown>,
    /// It was told so long ago that nobody knows how.
    is_forgotten: bool,
    leaves_portal: bool,
}

/// A delivery on its way, or at its end.
pub(crate) struct Shown {
    target: String,
    channel: &'static str,
    stands: Stands,
}

enum Stands {
    /// Nothing was heard of the first attempt yet.
    OnItsWay(DateTime<Utc>),
    Delivered(DateTime<Utc>),
    Failed {
        attempts: String,
        problem: String,
        next: DateTime<Utc>,
    },
    GivenUp {
        at: DateTime<Utc>,
        problem: String,
    },
}

/// Deliveries to one place that were given up of late.
pub(crate) struct GivenUp {
    pub(super) target: String,
    pub(super) channel: &'static str,
    pub(super) count: i64,
    pub(super) at: DateTime<Utc>,
    pub(super) problem: String,
}

/// How the deliveries of a notice stand by now.
pub(crate) async fn fragment(
    State(app): State<Shared>,
    AlertNamed(notice): AlertNamed,
) -> Result<Html<String>, Problem> {
    Ok(html(&HowTold::of(&app, Some(notice)).await?))
}

impl HowTold {
    pub(crate) async fn of(app: &Shared, notice: Option<Uuid>) -> Result<Self, Problem> {
        let (mut deliveries, mut is_forgotten) = (Vec::new(), false);
        if let Some(notice) = notice {
            deliveries = app.store.deliveries(notice).await?;
            is_forgotten = deliveries.is_empty() && !app.store.has_notice(notice).await?;
        }
        let deliveries = deliveries.into_iter().map(Into::into).collect();
        let leaves_portal = app.config.alerts.leave_the_portal();
        Ok(Self { notice, deliveries, is_forgotten, leaves_portal })
    }
}

impl From<Delivery> for Shown {
    fn from(it: Delivery) -> Self {
        let problem = it.problem.as_deref().map(|problem| decent(problem, PROBLEM));
        let stands = match (it.delivered_at, it.given_up_at, it.due_at, problem) {
            (Some(at), ..) => Stands::Delivered(at),
            (_, Some(at), _, problem) => {
                Stands::GivenUp { at, problem: problem.unwrap_or_default() }
            }
            (_, _, Some(next), Some(problem)) => {
                Stands::Failed { attempts: number(it.attempts), problem, next }
            }
            _ => Stands::OnItsWay(it.created_at),
        };
        Self { target: it.target, channel: by(it.channel), stands }
    }
}

fn by(channel: Channel) -> &'static str {
    match channel {
        Channel::Mail => "by mail",
        Channel::Webhook => "by webhook",
    }
}

/// What was given up of late, each place once, the latest first.
pub(super) async fn given_up(app: &Shared) -> Result<Vec<GivenUp>, Problem> {
    let since = app.clock.now() - TOLD_FOR;
    let mut places: Vec<GivenUp> = Vec::new();
    for delivery in app.store.given_up(since, MOST).await? {
        let channel = by(delivery.channel);
        let is_here =
            |place: &&mut GivenUp| place.target == delivery.target && place.channel == channel;
        match places.iter_mut().find(is_here) {
            Some(place) => place.count += 1,
            None => places.push(GivenUp {
                channel,
                count: 1,
                at: delivery.given_up_at.unwrap_or(delivery.created_at),
                problem: decent(delivery.problem.as_deref().unwrap_or_default(), PROBLEM),
                target: delivery.target,
            }),
        }
    }
    Ok(places)
}
