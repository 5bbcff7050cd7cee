//! Pages of a long answer: `@odata.nextLink` leads to the next one, with POST and with GET.

use super::refusal::Refusal;
use crate::store::comparable;
use crate::web::cursor::{Cursor, NoCursor};
use serde::{Deserialize, Serialize};

/// The most entries of a page, and how many there are when nobody says.
pub(super) const LARGEST_PAGE: usize = 1_000;

/// What a link to the next page holds for: the one call whose answer has pages.
const CALL: &str = "Get-BlockedSenderAddress";

/// Where an answer goes on: what `$skiptoken` says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct SkipToken {
    /// The address that the page before ended with.
    #[serde(deserialize_with = "comparable::text")]
    pub(super) after: String,
    /// Entries of a page, as the first request asked: a GET need not say it again.
    pub(super) size: usize,
}

impl SkipToken {
    pub(super) fn read(text: &str) -> Result<Self, Refusal> {
        Cursor::read(text, &CALL).map_err(|NoCursor| Refusal::bad_request(NOT_OURS))
    }

    pub(super) fn write(&self) -> String {
        Cursor::write(self, &CALL)
    }

    pub(super) fn of_another_call() -> Refusal {
        Refusal::bad_request(NOT_OURS)
    }
}

const NOT_OURS: &str =
    "$skiptoken is none that came with this call. Follow @odata.nextLink as it is.";

/// Which page is asked for.
#[derive(Debug, PartialEq)]
pub(super) struct PageAsked {
    pub(super) size: usize,
    /// Behind which address; nothing on the first page.
    pub(super) after: Option<String>,
}

impl PageAsked {
    /// The size that the request prefers, else the one of the page before.
    pub(super) fn new(preferred: Option<usize>, token: Option<SkipToken>) -> Self {
        let before = token.as_ref().map_or(LARGEST_PAGE, |token| token.size);
        let size = preferred.unwrap_or(before).clamp(1, LARGEST_PAGE);
        Self { size, after: token.map(|token| token.after) }
    }
}
