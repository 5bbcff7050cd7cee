//! Why a server did not do as asked, in one sentence for who typed the command.

use serde::Deserialize;

/// Characters of a server's own sentence that are repeated.
const LONGEST_DETAIL: usize = 2_000;

/// Why there is no answer that goes on.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum Failure {
    #[error(
        "{server} cannot be reached ({why}); does the server run, and is RESTRICTED_USERS_URL right?"
    )]
    Unreachable { server: String, why: String },
    #[error("{server} gave no whole answer within {seconds} seconds")]
    Slow { server: String, seconds: u64 },
    #[error(
        "{server} does not know the token in RESTRICTED_USERS_TOKEN; it may have expired or been revoked"
    )]
    SignedOut { server: String },
    #[error(
        "{server} sends requests elsewhere ({status}); set RESTRICTED_USERS_URL to where it sends them"
    )]
    Elsewhere { server: String, status: u16 },
    #[error(
        "{server} answered {status} with something that Restricted Users does not say; is RESTRICTED_USERS_URL right?"
    )]
    NotOurs { server: String, status: u16 },
    #[error("{detail}")]
    TooMany { detail: String, rest: Option<u64> },
    #[error("{detail}")]
    Problem { slug: String, detail: String },
}

impl Failure {
    /// What a problem document says; nothing where this is none.
    pub(super) fn of_document(bytes: &[u8], rest: Option<u64>) -> Option<Self> {
        #[derive(Deserialize)]
        struct Document {
            r#type: String,
            detail: String,
        }
        let document: Document = serde_json::from_slice(bytes).ok()?;
        let slug = document.r#type.strip_prefix("/problems/")?.to_owned();
        let detail = document.detail.chars().take(LONGEST_DETAIL);
        let detail = detail.map(|it| if it.is_control() { ' ' } else { it }).collect();
        Some(match slug.as_str() {
            "too-many-requests" => Self::TooMany { detail, rest },
            _ => Self::Problem { slug, detail },
        })
    }

    /// Whether the server knows nobody who is restricted by that name.
    pub(in crate::cli) fn is_nobody(&self) -> bool {
        matches!(self, Self::Problem { slug, .. } if slug == "not-found" || slug == "not-restricted")
    }
}
