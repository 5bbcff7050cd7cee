//! What is asked of the list of restricted users, by scripts and by the portal's page.

use super::cursor::Cursor;
use super::error::Problem;
use super::extract::shortened;
use crate::model::reason::Cause;
use crate::store::{ListQuery, Position, Sort, StateFilter};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

/// The most entries of a page, and how many there are when nobody says.
const PAGE: std::ops::RangeInclusive<usize> = 1..=200;
const USUAL_PAGE: usize = 50;

/// No address is longer: 64 octets, the `@`, 255 octets.
const LONGEST_SEARCH: usize = 320;

/// The parameters as they come.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParameters {
    /// The beginning of the address or, with a leading `@`, of its domain; in any case.
    #[param(max_length = 320)]
    pub(crate) search: Option<String>,
    /// Which states; `active` where it is missing, that is `restricted` and `unblocking`.
    #[param(inline)]
    pub(crate) state: Option<StateFilter>,
    /// What led to the restriction.
    pub(crate) cause: Option<Cause>,
    /// In which order; `-restricted_at` where it is missing. With `search` it takes `address`, which
    /// is what is meant then, and `-address`.
    #[param(inline)]
    pub(crate) sort: Option<Sort>,
    /// The most entries of the answer; 50 where it is missing.
    #[param(minimum = 1, maximum = 200)]
    pub(crate) limit: Option<usize>,
    /// The `next_cursor` of the answer before, to the same query.
    #[param(format = "cursor")]
    pub(crate) cursor: Option<String>,
}

/// What a cursor holds for.
#[derive(Serialize)]
struct Asked<'a>(&'a Option<String>, StateFilter, Option<Cause>, Sort);

impl ListParameters {
    /// The query, or what is wrong with it.
    pub(crate) fn query(self) -> Result<ListQuery, Problem> {
        let mut query = ListQuery {
            sort: self.sort()?,
            limit: self.limit()?,
            search: self.search()?,
            state: self.state.unwrap_or_default(),
            cause: self.cause,
            after: None,
        };
        if let Some(cursor) = &self.cursor {
            let position = Cursor::read(cursor, &asked(&query))?;
            query.after = Some(position);
        }
        Ok(query)
    }

    fn search(&self) -> Result<Option<String>, Problem> {
        match &self.search {
            Some(search) if search.len() > LONGEST_SEARCH => {
                let detail =
                    format!("it has {} octets, at most {LONGEST_SEARCH} are taken", search.len());
                Err(Problem::invalid("search", detail))
            }
            search => Ok(search.as_ref().map(|search| search.to_lowercase())),
        }
    }

    fn sort(&self) -> Result<Sort, Problem> {
        match (self.sort, &self.search) {
            (None, None) => Ok(Sort::NewestFirst),
            (None, Some(_)) => Ok(Sort::Address),
            (Some(Sort::NewestFirst | Sort::OldestFirst), Some(_)) => {
                Err(Problem::invalid("sort", "with search it takes address or -address"))
            }
            (Some(sort), _) => Ok(sort),
        }
    }

    fn limit(&self) -> Result<usize, Problem> {
        let limit = self.limit.unwrap_or(USUAL_PAGE);
        if PAGE.contains(&limit) {
            return Ok(limit);
        }
        let detail = format!("it is {}, but it takes {} to {}", limit, PAGE.start(), PAGE.end());
        Err(Problem::invalid("limit", shortened(&detail)))
    }
}

/// The cursor that goes on at `position`.
pub(crate) fn cursor(query: &ListQuery, position: &Position) -> String {
    Cursor::write(position, &asked(query))
}

fn asked(query: &ListQuery) -> impl Serialize + '_ {
    Asked(&query.search, query.state, query.cause, query.sort)
}
