//! What the provider says about itself: its addresses and its keys, asked for when they are needed.

use super::http::Http;
use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::{IssuerUrl, ProviderMetadataWithLogout};
use std::sync::Arc;
use tokio::sync::Mutex;

/// The provider's addresses and keys.
pub(super) type Description = Arc<ProviderMetadataWithLogout>;

/// The provider is not asked more often, however many sign in and whatever their tokens say.
pub(super) const AGAIN_AFTER: TimeDelta = TimeDelta::seconds(5);
/// What needs no proof that the provider is there takes a description of this age.
pub(super) const KEPT: TimeDelta = TimeDelta::hours(1);

/// The provider does not answer, or not as OpenID Connect Discovery says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Away;

/// The last description, or that there was none.
#[derive(Debug, Default)]
pub(super) struct Descriptions(Mutex<Option<Asked>>);

#[derive(Debug)]
struct Asked {
    at: DateTime<Utc>,
    answer: Result<Description, Away>,
}

impl Descriptions {
    /// A description that is younger than `age`. Who comes while another asks waits for that
    /// answer; that there was none is remembered too.
    pub(super) async fn within(
        &self,
        age: TimeDelta,
        now: DateTime<Utc>,
        issuer: &IssuerUrl,
        http: &Http,
    ) -> Result<Description, Away> {
        let mut last = self.0.lock().await;
        if let Some(asked) = &*last {
            let age = if asked.answer.is_ok() { age } else { AGAIN_AFTER };
            if now - asked.at < age {
                return asked.answer.clone();
            }
        }
        let answer = ask(issuer, http).await;
        *last = Some(Asked { at: now, answer: answer.clone() });
        answer
    }
}

async fn ask(issuer: &IssuerUrl, http: &Http) -> Result<Description, Away> {
    match ProviderMetadataWithLogout::discover_async(issuer.clone(), http).await {
        Ok(description) => Ok(Arc::new(description)),
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, %issuer, "the identity provider does not say who it is");
            Err(Away)
        }
    }
}
