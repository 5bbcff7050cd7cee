//! The socketmap port: Postfix looks a sender up and learns whether to refuse its mail, or over
//! which transport to send it.

mod metrics;
pub mod protocol;
#[cfg(test)]
mod tests;
mod transport;
mod warning;

pub use metrics::Metrics;
pub use transport::{NoTransport, Transport};

use crate::app::App;
use crate::mail_port::Protocol;
use crate::model::address::Address;
use protocol::{Query, Reply, Scanner};
use std::borrow::Cow;
use std::sync::Arc;
use warning::Watch;

/// What map `restricted` holds for a restricted sender, as access(5) takes it.
const REFUSED: &str = "550 5.1.8 Access denied, bad outbound sender";

/// What map `transport` holds for a restricted sender: error(8) bounces the mail with this reason.
const BOUNCED: &str = "error:5.1.8 Access denied, bad outbound sender";

/// The maps that mail servers look senders up in.
#[derive(Debug)]
pub struct Socketmap {
    app: Arc<App>,
    watch: Watch,
    metrics: Metrics,
}

impl Socketmap {
    /// Maps of the senders that `app` knows.
    pub fn new(app: Arc<App>, metrics: Metrics) -> Self {
        Self { app, watch: Watch::default(), metrics }
    }

    async fn look_up(&self, query: Query<'_>) -> Reply<'_> {
        // Postfix looks for parts of addresses too, which are no sender.
        if query.key.starts_with(b"@") || query.key.ends_with(b"@") {
            return Reply::NotFound;
        }
        let sender = self.app.decider.sender(&String::from_utf8_lossy(query.key));
        match query.map {
            b"restricted" => self.refusal(&sender),
            b"transport" => self.transport(&sender).await,
            _ => Reply::Never("there are the maps restricted and transport"),
        }
    }

    fn refusal(&self, sender: &Address) -> Reply<'_> {
        if self.is_restricted(sender) { Reply::Found(REFUSED) } else { Reply::NotFound }
    }

    async fn transport(&self, sender: &Address) -> Reply<'_> {
        if self.is_restricted(sender) {
            return Reply::Found(BOUNCED);
        }
        match &self.app.config.high_risk_transport {
            Some(transport) if self.is_at_warning_level(sender).await => {
                Reply::Found(transport.as_str())
            }
            _ => Reply::NotFound,
        }
    }

    fn is_restricted(&self, sender: &Address) -> bool {
        self.app.blocklist.restriction_of(sender.as_str()).is_some()
    }

    /// Nobody is while the database cannot tell: then mail goes its usual way.
    async fn is_at_warning_level(&self, sender: &Address) -> bool {
        self.watch.is_at_warning_level(&self.app, sender).await.unwrap_or_else(|| {
            self.metrics.unknown.increment(1);
            false
        })
    }

    fn count(&self, reply: Reply<'_>) {
        match reply {
            Reply::Found(_) => self.metrics.found.increment(1),
            Reply::NotFound => self.metrics.not_found.increment(1),
            Reply::Never(_) => self.metrics.refused.increment(1),
        }
    }
}

impl Protocol for Socketmap {
    const PORT: &'static str = "socketmap";
    type Scanner = Scanner;

    async fn answer(&self, request: &[u8]) -> Cow<'static, [u8]> {
        let reply = match Query::read(request) {
            Some(query) => self.look_up(query).await,
            None => Reply::Never("a query is the name of a map, a space and a key"),
        };
        self.count(reply);
        reply.netstring().into()
    }
}
