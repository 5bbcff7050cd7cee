//! What the parts share, and the operations that portal and API have in common.

use crate::blocklist::{Blocklist, Change};
use crate::committed::Committed;
use crate::config::Config;
use crate::courier::Courier;
use crate::decision::Decider;
use crate::feed::Feed;
use crate::health::Health;
use crate::kept_blocklist::KeptBlocklist;
use crate::meter::Meter;
use crate::model::address::Address;
use crate::model::clock::Clock;
use crate::model::operator::Actor;
use crate::model::organization::Organization;
use crate::model::restriction::{Restriction, UnblockRequest};
use crate::oidc::Provider;
use crate::passkey::Passkeys;
use crate::rate_limit::UsedUp;
use crate::refusals::Refusals;
use crate::store::{Asker, Result, Store, Unblocked};
use crate::streams::Streams;
use crate::telemetry::Metrics;
use crate::token_memory::TokenMemory;
use crate::token_uses::TokenUses;
use crate::turns::Turns;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::sync::Notify;
use uuid::Uuid;

/// What the parts share.
#[derive(Debug)]
pub struct App {
    pub config: Config,
    /// Scheme, host and port as browsers see them.
    pub public_url: String,
    pub passkeys: Passkeys,
    pub clock: Clock,
    pub store: Store,
    /// The same over connections that no request takes, for what happens by itself.
    pub background: Store,
    pub blocklist: Arc<Blocklist>,
    pub decider: Decider,
    pub meter: Arc<Meter>,
    /// Rung when the next release may be another than before.
    pub due_changed: Notify,
    /// Rung when there may be alerts that nobody was told of.
    pub alerts_raised: Notify,
    pub token_memory: TokenMemory,
    /// What happens to restrictions, for those who follow.
    pub feed: Feed,
    pub streams: Streams,
    pub courier: Courier,
    /// Which tokens may send nothing more this minute.
    pub used_up: UsedUp,
    pub turns: Turns,
    /// Attempts to sign in that were refused unseen and are not written down yet: a stranger makes
    /// thousands of them a second.
    pub refused_attempts: AtomicI64,
    pub token_uses: TokenUses,
    pub health: Health,
    /// The organisation's identity provider, where there is one.
    pub provider: Option<Provider>,
    pub metrics: Metrics,
}

impl App {
    /// Everything the parts need, the blocklist loaded; from a copy where the database is away.
    pub async fn new(
        config: Config,
        public_url: String,
        clock: Clock,
        store: Store,
        kept: Option<KeptBlocklist>,
    ) -> Result<Self> {
        let meter = Arc::<Meter>::default();
        let KeptBlocklist { followed, restricted } = if let Some(kept) = kept {
            meter.begin_away();
            kept
        } else {
            // Nobody waits for a page here: it may take longer than a page may.
            let store = store.in_background();
            // First the number, then the entries: what changes in between is followed once more.
            let followed = store.last_change().await?;
            KeptBlocklist { followed, restricted: store.active_restrictions().await? }
        };
        let blocklist = Arc::new(Blocklist::load(restricted, followed));
        let decider = Decider {
            blocklist: Arc::clone(&blocklist),
            organization: Arc::new(config.organization.clone()),
            scope: config.restriction_scope,
            refusals: Arc::new(Refusals::default()),
            clock: clock.clone(),
            asked: Arc::default(),
            opaque_logins: Arc::default(),
        };
        let passkeys = Passkeys::of(&public_url, &config.organization.name);
        let (due_changed, health, metrics) = (Notify::new(), Health::default(), Metrics::new());
        let provider = config.oidc.clone();
        let provider = provider.map(|oidc| Provider::new(oidc, &public_url, clock.clone()));
        let courier = Courier::new(&config, &public_url);
        Ok(Self {
            feed: Feed::behind(followed.map_or(0, |followed| followed.number)),
            streams: Streams::default(),
            courier,
            config,
            public_url,
            passkeys,
            clock,
            background: store.in_background(),
            store,
            blocklist,
            decider,
            meter,
            due_changed,
            alerts_raised: Notify::new(),
            token_memory: TokenMemory::default(),
            used_up: UsedUp::default(),
            turns: Turns::default(),
            refused_attempts: AtomicI64::default(),
            token_uses: TokenUses::default(),
            health,
            provider,
            metrics,
        })
    }

    /// Whose mail is watched.
    pub fn organization(&self) -> &Organization {
        &self.config.organization
    }

    /// Restricts a sender by hand; nothing where it is restricted already.
    pub async fn restrict(
        &self,
        address: &Address,
        reason: &str,
        actor: &Actor,
    ) -> Result<Option<Restriction>> {
        let restricted = self.store.restrict(address, reason, actor, self.clock.now()).await?;
        Ok(restricted.map(|committed| {
            self.committed(std::slice::from_ref(&committed));
            committed.restriction
        }))
    }

    /// Asks for the end of a restriction once the propagation delay is over.
    pub async fn request_unblock(
        &self,
        id: Uuid,
        request: &UnblockRequest,
        asker: Asker<'_>,
    ) -> Result<Unblocked> {
        let (rules, now) = (self.config.unblock, self.clock.now());
        let outcome = self.store.request_unblock(id, request, asker, rules, now).await?;
        Ok(self.noted(outcome))
    }

    /// Takes a pending unblock back.
    pub async fn cancel_unblock(&self, id: Uuid, actor: &Actor) -> Result<Unblocked> {
        let outcome = self.store.cancel_unblock(id, actor, self.clock.now()).await?;
        Ok(self.noted(outcome))
    }

    /// Counts an attempt to sign in that was refused because there were too many.
    pub fn note_refused_attempt(&self) {
        self.refused_attempts.fetch_add(1, Ordering::Relaxed);
    }

    fn noted(&self, outcome: Unblocked) -> Unblocked {
        if let Unblocked::Done(_, committed) = &outcome {
            self.committed(committed);
        }
        outcome
    }

    /// Takes what the database has for all there is: it went back to an earlier state, and what is
    /// remembered of it never happened.
    pub async fn start_over(&self) -> Result<()> {
        let had = self.blocklist.followed();
        let followed = self.background.last_change().await?;
        let active = self.background.active_restrictions().await?;
        self.blocklist.start_over(active, followed);
        let has = followed.map_or(0, |followed| followed.number);
        tracing::error!(
            had,
            has,
            "the database went back to an earlier state; restricted users and policies are loaded anew"
        );
        self.feed.start_over(has);
        self.meter.forget_policies();
        self.token_memory.forget();
        self.due_changed.notify_one();
        self.background.raise_that_the_database_went_back(followed, self.clock.now()).await?;
        self.alerts_raised.notify_one();
        Ok(())
    }

    /// Tells this process at once what it has just committed, and its log.
    pub fn committed(&self, committed: &[Committed]) {
        if !committed.is_empty() {
            let changes: Vec<Change> = committed.iter().map(Committed::change).collect();
            self.blocklist.apply(&changes);
            self.due_changed.notify_one();
            self.alerts_raised.notify_one();
            self.feed.grown.notify_one();
            committed.iter().for_each(Committed::log);
        }
    }
}
