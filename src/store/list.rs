//! The list of restricted users: filters, order, keyset pages, totals.

mod stretches;

use super::row::RestrictionRow;
use super::statement::{Piece, build, union};
use super::{Result, Store, comparable, on};
use crate::model::reason::Cause;
use crate::model::restriction::Restriction;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use stretches::{Arm, Domains, Stretch, UNBLOCKING, Way};
use utoipa::ToSchema;
use uuid::Uuid;

/// Totals are exact up to here and unknown beyond, so that no page counts a million rows.
pub const TOTAL_CAP: i64 = 10_000;

/// Which restrictions, in which order, and where to go on.
#[derive(Debug, Clone)]
pub struct ListQuery {
    /// The beginning of the address, or with a leading `@` of its domain, in lower case.
    pub search: Option<String>,
    pub state: StateFilter,
    pub cause: Option<Cause>,
    pub sort: Sort,
    pub limit: usize,
    pub after: Option<Position>,
}

/// Which states are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StateFilter {
    /// Mail is refused and no unblock is pending.
    Restricted,
    /// An unblock is pending.
    Unblocking,
    /// Ended.
    Released,
    /// Restricted or unblocking.
    #[default]
    Active,
    /// Every one.
    All,
}

/// In which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum Sort {
    /// Newest first.
    #[serde(rename = "-restricted_at")]
    NewestFirst,
    /// Oldest first.
    #[serde(rename = "restricted_at")]
    OldestFirst,
    /// By address.
    #[serde(rename = "address")]
    Address,
    /// By address, backwards.
    #[serde(rename = "-address")]
    AddressBackwards,
}

/// An entry's place in an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    #[serde(deserialize_with = "comparable::time")]
    pub restricted_at: DateTime<Utc>,
    #[serde(deserialize_with = "comparable::text")]
    pub address: String,
    pub id: Uuid,
}

/// A page of the list.
#[derive(Debug)]
pub struct Page {
    pub items: Vec<Restriction>,
    /// Where the next page goes on; nothing on the last one.
    pub next: Option<Position>,
    /// How many entries all pages hold; unknown beyond [`TOTAL_CAP`].
    pub total: Option<i64>,
}

/// Numbers for the head of the page; each is at most [`TOTAL_CAP`] + 1.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    pub unblocking: i64,
    /// Restrictions that ended since the time asked for.
    pub released: i64,
    pub last_released_at: Option<DateTime<Utc>>,
}

impl Store {
    /// A page of restrictions.
    pub async fn list(&self, query: &ListQuery) -> Result<Page> {
        let total = self.total(query).await?;
        let mut items = self.items(query, total).await?;
        let more = items.len() > query.limit;
        items.truncate(query.limit);
        let next = items.last().filter(|_| more).map(Position::of);
        Ok(Page { items, next, total: (total <= TOTAL_CAP).then_some(total) })
    }

    /// How many there are, counted up to [`TOTAL_CAP`] + 1.
    async fn total(&self, query: &ListQuery) -> Result<i64> {
        match query.state {
            StateFilter::Unblocking => self.unblocking(query).await,
            // No index tells them from those who are unblocking, but both kinds can be counted.
            StateFilter::Restricted => {
                let unblocking = self.unblocking(query).await?;
                let active = ListQuery { state: StateFilter::Active, ..query.clone() };
                let active =
                    self.count(&active.stretches_to_count(), TOTAL_CAP + 1 + unblocking).await?;
                Ok((active - unblocking).max(0))
            }
            _ => self.count(&query.stretches_to_count(), TOTAL_CAP + 1).await,
        }
    }

    async fn unblocking(&self, query: &ListQuery) -> Result<i64> {
        let mut pieces = vec!["SELECT COUNT(*) FROM restrictions WHERE ".into()];
        pieces.extend(query.unblocking());
        Ok(on!(&self.read, |pool| build!(&pieces).build_query_scalar().fetch_one(pool).await)?)
    }

    /// How many entries all stretches hold, at most `cap`.
    async fn count(&self, stretches: &[Stretch<'_>], cap: i64) -> Result<i64> {
        let mut pieces: Vec<Piece> = vec!["SELECT COUNT(*) FROM (".into()];
        match stretches {
            [stretch] => pieces.extend(stretch.counted(cap)),
            stretches => {
                let arms = stretches.iter().map(|stretch| stretch.counted(cap));
                pieces.extend(union("SELECT 1", arms));
                pieces.extend([" LIMIT ".into(), Piece::Number(cap)]);
            }
        }
        pieces.push(") AS found".into());
        Ok(on!(&self.read, |pool| build!(&pieces).build_query_scalar().fetch_one(pool).await)?)
    }

    /// One more than asked for, which tells whether there is a next page.
    async fn items(&self, query: &ListQuery, total: i64) -> Result<Vec<Restriction>> {
        let arms = self.arms(query, total).await?;
        if arms.is_empty() {
            return Ok(Vec::new());
        }
        let pieces = query.page(arms);
        let rows: Vec<RestrictionRow> =
            on!(&self.read, |pool| build!(&pieces).build_query_as().fetch_all(pool).await)?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// What a page is chosen from: each arm answers the first entries of one stretch.
    async fn arms(&self, query: &ListQuery, total: i64) -> Result<Vec<Arm>> {
        if query.state == StateFilter::Unblocking && total <= TOTAL_CAP {
            return Ok(vec![query.few_unblocking()]);
        }
        let mut arms = Vec::new();
        let stretches = query.stretches();
        let domains = self.domains(&stretches).await?;
        for (stretch, domains) in stretches.iter().zip(domains) {
            let way = match domains {
                Domains::NotAsked => Way::InOrder,
                Domains::None => continue,
                Domains::One(domain) => Way::OneDomain(domain),
                Domains::Several if total <= TOTAL_CAP => Way::Sorting,
                Domains::Several => self.way_among_many(stretch).await?,
            };
            arms.push(stretch.arm(&way));
        }
        Ok(arms)
    }

    /// To sort all that have one of many domains would take longer than to pass over those that have
    /// none, unless they are few.
    async fn way_among_many(&self, stretch: &Stretch<'_>) -> Result<Way> {
        let found = self.count(std::slice::from_ref(stretch), TOTAL_CAP + 1).await?;
        Ok(if found > TOTAL_CAP { Way::PassingOver } else { Way::Sorting })
    }

    /// Which domains of each stretch begin as is searched for.
    async fn domains(&self, stretches: &[Stretch<'_>]) -> Result<Vec<Domains>> {
        if !stretches.iter().any(Stretch::is_by_domain) {
            return Ok(stretches.iter().map(|_| Domains::NotAsked).collect());
        }
        let mut pieces = Vec::new();
        for (number, stretch) in (0..).zip(stretches) {
            pieces.push(if number == 0 { "SELECT ".into() } else { " UNION ALL SELECT ".into() });
            pieces.extend([Piece::Number(number), " AS number, (SELECT MIN(domain)".into()]);
            pieces.extend(stretch.found(&Way::InOrder));
            pieces.push("), (SELECT MAX(domain)".into());
            pieces.extend(stretch.found(&Way::InOrder));
            pieces.push(")".into());
        }
        pieces.push(" ORDER BY number".into());
        let ends: Vec<(i64, Option<String>, Option<String>)> =
            on!(&self.read, |pool| build!(&pieces).build_query_as().fetch_all(pool).await)?;
        Ok(ends.into_iter().map(|(_, first, last)| Domains::between(first, last)).collect())
    }

    async fn capped(&self, conditions: Vec<Piece>) -> Result<i64> {
        let mut pieces: Vec<Piece> =
            vec!["SELECT COUNT(*) FROM (SELECT 1 FROM restrictions WHERE ".into()];
        pieces.extend(conditions);
        pieces.extend([" LIMIT ".into(), Piece::Number(TOTAL_CAP + 1), ") AS found".into()]);
        Ok(on!(&self.read, |pool| build!(&pieces).build_query_scalar().fetch_one(pool).await)?)
    }

    /// Numbers for the head of the page; `since` is for those that ended.
    pub async fn counts(&self, since: DateTime<Utc>) -> Result<Counts> {
        Ok(Counts {
            unblocking: self.capped(vec![UNBLOCKING.into()]).await?,
            released: self.capped(vec!["released_at > ".into(), Piece::Time(since)]).await?,
            last_released_at: on!(&self.read, |pool| sqlx::query_scalar(
                "SELECT released_at FROM restrictions
                  WHERE released_at IS NOT NULL
                  ORDER BY released_at DESC
                  LIMIT 1"
            )
            .fetch_optional(pool)
            .await)?,
        })
    }
}

impl StateFilter {
    /// The filter in one word, as the API writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Restricted => "restricted",
            Self::Unblocking => "unblocking",
            Self::Released => "released",
            Self::Active => "active",
            Self::All => "all",
        }
    }
}

impl Sort {
    /// The order as the API writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::NewestFirst => "-restricted_at",
            Self::OldestFirst => "restricted_at",
            Self::Address => "address",
            Self::AddressBackwards => "-address",
        }
    }
}

impl Position {
    fn of(restriction: &Restriction) -> Self {
        Self {
            restricted_at: restriction.restricted_at,
            address: restriction.address.to_string(),
            id: restriction.id,
        }
    }
}
