//! Looks names up, and answers addresses of the public Internet alone.

use crate::config::is_inside;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::SocketAddr;

/// Looks names up. What it answers is what is connected to, so that no second look-up can lead
/// elsewhere.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resolver {
    /// Whether addresses inside are answered too.
    pub(super) private: bool,
}

/// A webhook leads to where it must not.
#[derive(Debug, thiserror::Error)]
#[error("the webhook leads to a private address, and alert_webhook_private is false")]
pub(super) struct Inside;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let private = self.private;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let taken: Vec<SocketAddr> =
                found.filter(|found| private || !is_inside(found.ip())).collect();
            if taken.is_empty() {
                return Err(Inside.into());
            }
            let taken: Addrs = Box::new(taken.into_iter());
            Ok(taken)
        })
    }
}
