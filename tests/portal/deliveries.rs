//! How notices about alerts are put together, and who delivers them.

use crate::harness::{Database, minutes};
use crate::program::open;
use chrono::{DateTime, TimeDelta, Utc};
use restricted_users::model::address::Address;
use restricted_users::model::alert::{AlertPolicy, AlertPolicyId, Notice};
use restricted_users::model::operator::Actor;
use restricted_users::model::organization::Organization;
use restricted_users::store::{AlertQuery, Audience, Channel, Claimed, Store};
use std::collections::{BTreeMap, BTreeSet};

/// A store without a service, whose courier would be faster than the story.
struct Post {
    store: Store,
    now: DateTime<Utc>,
    audience: Audience,
    database: Database,
}

impl Post {
    async fn open() -> Self {
        let database = Database::create().await;
        let store = open(&database).await;
        let now = DateTime::parse_from_rfc3339("2026-11-23T10:00:00Z").unwrap().to_utc();
        let recipients = vec!["ops@example.org".to_owned(), "security@example.org".to_owned()];
        let audience = Audience { mail: true, recipients, webhooks: vec!["hook".into()] };
        Self { store, now, audience, database }
    }

    async fn restrict(&self, names: impl IntoIterator<Item = String>) {
        for name in names {
            let address = Address::stored(&format!("{name}@example.org"));
            let actor = Actor::command_line();
            self.store.restrict(&address, "spam", &actor, self.now).await.unwrap().unwrap();
        }
    }

    async fn gather(&self) -> Option<DateTime<Utc>> {
        self.store.gather(&self.audience, self.now).await.unwrap()
    }

    /// Everything that is due by mail, delivered.
    async fn mails(&self) -> Vec<Claimed> {
        let mut mails = Vec::new();
        loop {
            let claimed = self.store.claim(Channel::Mail, self.now).await.unwrap();
            if claimed.is_empty() {
                return mails;
            }
            for mail in &claimed {
                self.store.delivered(mail, self.now).await.unwrap();
            }
            mails.extend(claimed);
        }
    }
}

fn names(prefix: &str, count: usize) -> impl Iterator<Item = String> {
    (0..count).map(move |number| format!("{prefix}{number:05}"))
}

/// How many alerts a notice tells, and how many of them it lists.
fn told(mail: &Claimed) -> (i64, usize) {
    match &mail.notice {
        Notice::Alerts { total, alerts, .. } => (*total, alerts.len()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_first_alert_is_told_at_once_and_those_of_the_next_minute_together() {
    let mut post = Post::open().await;
    post.restrict(names("first", 1)).await;
    assert_eq!(post.gather().await, None);
    let mails = post.mails().await;
    let mut to: Vec<_> = mails.iter().map(|mail| mail.target.as_str()).collect();
    // Nobody promises who is written to first.
    to.sort_unstable();
    assert_eq!(to, ["ops@example.org", "security@example.org"]);
    assert!(mails.iter().all(|mail| told(mail) == (1, 1)));

    post.now += TimeDelta::seconds(1);
    post.restrict(names("many", 34)).await;
    let next = post.gather().await.unwrap();
    assert_eq!(next, post.now + TimeDelta::seconds(59));
    assert!(post.mails().await.is_empty());
    post.now = next;
    post.gather().await;
    let mails = post.mails().await;
    assert_eq!(mails.len(), 2);
    assert!(mails.iter().all(|mail| told(mail) == (34, 20)), "{mails:?}");
    assert_eq!(post.store.claim(Channel::Webhook, post.now).await.unwrap().len(), 2);
    post.now += minutes(1);
    assert_eq!(post.gather().await, None);
    assert!(post.mails().await.is_empty());
}

/// 10,000 are asked for; a gate has no time for so many.
fn restrictions() -> usize {
    std::env::var("ALERTS_RESTRICTIONS").map_or(1_000, |count| count.parse().unwrap())
}

#[tokio::test]
async fn a_wave_of_restrictions_is_two_mails_to_each_and_every_alert_is_there() {
    let mut post = Post::open().await;
    let count = restrictions();
    let mut mails: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for (number, name) in names("wave", count).enumerate() {
        post.restrict([name]).await;
        // The wave takes a minute.
        if number % (count / 60).max(1) == 0 {
            post.now += TimeDelta::seconds(1);
            post.gather().await;
        }
    }
    for _ in 0..3 {
        post.now += minutes(1);
        post.gather().await;
    }
    for mail in post.mails().await {
        mails.entry(mail.target.clone()).or_default().push(told(&mail).0);
    }
    assert_eq!(mails.len(), 2);
    for told in mails.values() {
        assert!(told.len() <= 3, "{told:?}");
        assert_eq!(told.iter().sum::<i64>(), i64::try_from(count).unwrap(), "{told:?}");
    }
    let mut query = AlertQuery { limit: 500, ..AlertQuery::default() };
    let mut seen = BTreeSet::new();
    loop {
        let page = post.store.alerts(&query).await.unwrap();
        seen.extend(page.items.into_iter().filter_map(|alert| alert.address));
        let Some(next) = page.next else { break };
        query.after = Some(next);
    }
    assert_eq!(seen.len(), count);
}

#[tokio::test]
async fn nobody_gets_more_mails_a_day_than_the_policy_allows_and_the_last_says_so() {
    let mut post = Post::open().await;
    let policy = AlertPolicy {
        daily_limit: Some(3),
        recipients: vec!["night@example.org".into()],
        ..AlertPolicy::default_of(AlertPolicyId::UserRestricted)
    };
    post.store.change_alert_policy(&policy, &Actor::command_line(), post.now).await.unwrap();
    let mut last = Vec::new();
    for round in 0..6 {
        post.restrict([format!("user{round}")]).await;
        post.gather().await;
        for mail in post.mails().await {
            assert_eq!(mail.target, "night@example.org");
            last.push(mail.last_today);
        }
        post.now += minutes(2);
    }
    assert_eq!(last, [false, false, true]);
    assert_eq!(post.store.claim(Channel::Webhook, post.now).await.unwrap().len(), 6);
    post.now += TimeDelta::hours(14);
    post.restrict(["tomorrow".to_owned()]).await;
    post.gather().await;
    assert_eq!(post.mails().await.len(), 1);
}

#[tokio::test]
async fn without_named_recipients_organization_management_is_told() {
    let mut post = Post::open().await;
    post.audience.recipients.clear();
    result(
        &post.database,
        &["operator", "add", "ada@example.org", "--role", "organization-management"],
    );
    result(&post.database, &["operator", "add", "eve@example.org", "--role", "security-reader"]);
    post.restrict(names("user", 1)).await;
    post.gather().await;
    let to: Vec<_> = post.mails().await.into_iter().map(|mail| mail.target).collect();
    assert_eq!(to, ["ada@example.org"]);
}

fn result(database: &Database, arguments: &[&str]) {
    crate::program::result_of(database, arguments);
}

#[tokio::test]
async fn several_processes_write_each_notice_once_and_claim_each_delivery_once() {
    let mut post = Post::open().await;
    post.audience.recipients = (0..40).map(|number| format!("admin{number}@example.org")).collect();
    post.restrict(names("user", 1)).await;
    let other = open(&post.database).await;
    let (audience, now) = (&post.audience, post.now);
    let both = tokio::join!(post.store.gather(audience, now), other.gather(audience, now));
    assert!(both.0.is_ok() && both.1.is_ok(), "{both:?}");

    let claim = async |store: &Store| {
        let mut claimed = Vec::new();
        loop {
            let some = store.claim(Channel::Mail, now).await.unwrap();
            if some.is_empty() {
                return claimed;
            }
            claimed.extend(some.into_iter().map(|one| one.target));
        }
    };
    let (mut claimed, others) = tokio::join!(claim(&post.store), claim(&other));
    claimed.extend(others);
    assert_eq!(claimed.len(), 40);
    assert_eq!(claimed.into_iter().collect::<BTreeSet<_>>().len(), 40);
}

#[tokio::test]
async fn what_a_process_claimed_and_did_not_live_to_deliver_another_takes_up() {
    let mut post = Post::open().await;
    post.audience.recipients.truncate(1);
    post.restrict(names("user", 1)).await;
    post.gather().await;
    let [first] = &post.store.claim(Channel::Mail, post.now).await.unwrap()[..] else { panic!() };
    post.now += minutes(2);
    assert!(post.store.claim(Channel::Mail, post.now).await.unwrap().is_empty());
    post.now += minutes(1);
    let [second] = &post.store.claim(Channel::Mail, post.now).await.unwrap()[..] else { panic!() };
    assert_eq!((first.id, first.attempt, second.attempt), (second.id, 1, 2));

    // The first comes back late: what it says of its failure is not heard any more.
    post.store.failed(first, "too late", None, post.now).await.unwrap();
    post.store.delivered(second, post.now).await.unwrap();
    let alert =
        &post.store.alerts(&AlertQuery { limit: 1, ..AlertQuery::default() }).await.unwrap();
    let notice = alert.items[0].notice_id.unwrap();
    let deliveries = post.store.deliveries(notice).await.unwrap();
    let mail = deliveries.iter().find(|one| one.channel == Channel::Mail).unwrap();
    assert_eq!((mail.delivered_at, mail.given_up_at, mail.due_at), (Some(post.now), None, None));
}

#[tokio::test]
async fn the_restricted_user_is_told_at_the_mailbox_inside_where_that_is_wanted() {
    let mut post = Post::open().await;
    post.restrict(names("before", 1)).await;
    assert!(post.mails().await.is_empty());
    let ours = Organization {
        name: "Example Org".into(),
        domains: vec![restricted_users::model::address::Domain::parse("example.org").unwrap()],
    };
    post.store = open(&post.database).await.with_own_notices(ours);
    post.restrict(names("user", 1)).await;
    for elsewhere in ["login", "eve@elsewhere.example"] {
        let (actor, address) = (Actor::command_line(), Address::stored(elsewhere));
        post.store.restrict(&address, "spam", &actor, post.now).await.unwrap().unwrap();
    }
    let [mail] = &post.mails().await[..] else { panic!() };
    assert_eq!(mail.target, "user00000@example.org");
    let Notice::Own(own) = &mail.notice else { panic!("{mail:?}") };
    assert_eq!((own.address.as_str(), own.ends_at), ("user00000@example.org", None));
}

#[tokio::test]
async fn the_weekly_digest_is_written_once_and_not_for_the_weeks_before_it_was_wanted() {
    let mut post = Post::open().await;
    let digests = async |post: &Post| {
        let other = open(&post.database).await;
        let (audience, now) = (&post.audience, post.now);
        let both =
            tokio::join!(post.store.write_digest(audience, now), other.write_digest(audience, now));
        assert!(both.0.is_ok() && both.1.is_ok(), "{both:?}");
        post.mails().await
    };
    assert!(digests(&post).await.is_empty());

    post.restrict(names("user", 3)).await;
    post.now += TimeDelta::days(6);
    assert!(digests(&post).await.is_empty());
    post.now += TimeDelta::days(1);
    let mails = digests(&post).await;
    assert_eq!(mails.len(), 2);
    let Notice::Digest(digest) = &mails[0].notice else { panic!("{mails:?}") };
    assert_eq!((digest.restricted, digest.released, digest.active), (3, 0, 3));
    assert_eq!(digest.since.to_rfc3339(), "2026-11-23T00:00:00+00:00");
    assert_eq!(digest.until - digest.since, TimeDelta::days(7));
    assert!(digests(&post).await.is_empty());
}
