//! Something is down, and mail flows.

use crate::ACCEPTED;
use crate::ALICE;
use crate::BOB;
use crate::CAROL;
use crate::REFUSED;
use crate::harness::Database;
use crate::rig::Rig;
use crate::small_disk::SmallDisk;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[tokio::test]
async fn while_the_service_is_down_mail_flows_and_then_it_goes_on_where_it_was() {
    let mut rig = Rig::with_rspamd_reporting().await;
    rig.service.restrict(CAROL).await;
    for _ in 0..4 {
        rig.send_spam(ALICE, &[BOB]);
    }
    rig.service.has_verdicts(ALICE, json!("spam"), 4).await;

    rig.service.kill();
    for sender in [ALICE, CAROL] {
        assert_eq!(rig.send_spam(sender, &[BOB]).to(BOB), ACCEPTED);
        rig.outside().receives(sender, BOB).await;
    }

    rig.service.start_again();
    assert_eq!(rig.send(CAROL, &[BOB]).to(BOB), REFUSED.replace(ALICE, CAROL));
    assert_eq!(rig.send_spam(ALICE, &[BOB]).to(BOB), ACCEPTED);
    rig.service.restricts(ALICE).await;
}

#[tokio::test]
async fn while_rspamd_is_down_mail_flows_and_is_counted_without_a_verdict() {
    let mut rig = Rig::with_rspamd_reporting().await;
    rig.stop_rspamd();
    assert_eq!(rig.send_spam(ALICE, &[BOB]).to(BOB), ACCEPTED);
    rig.outside().receives(ALICE, BOB).await;
    rig.service.has_verdicts(ALICE, Value::Null, 1).await;
}

#[tokio::test]
async fn with_socketmaps_nobodys_mail_leaves_while_the_service_is_down() {
    const DAN: &str = "dan@remote.example";
    let mut rig = Rig::with_socketmaps().await;
    assert_eq!(rig.send(CAROL, &[BOB]).to(BOB), ACCEPTED);
    rig.service.kill();
    let replies = rig.send(CAROL, &[DAN, ALICE]);
    assert_eq!(replies.to(DAN), "451 4.3.0 <dan@remote.example>: Temporary lookup failure");
    // Her domain is in relay_domains.
    assert_eq!(replies.to(ALICE), ACCEPTED);
    rig.service.start_again();
    // A map whose database takes longer than 250 ms, as on a busy machine it does, is asked again later.
    let began = Instant::now();
    while rig.send(CAROL, &[DAN]).to(DAN) != ACCEPTED {
        assert!(began.elapsed() < Duration::from_mins(1), "mail never flows again");
    }
}

/// What makes a database take nothing for a while.
enum TakesNothing {
    FullDisk(SmallDisk),
    ReadOnly,
}

impl TakesNothing {
    fn of(database: &Database) -> Self {
        if database.is_postgres() {
            return Self::ReadOnly;
        }
        Self::FullDisk(SmallDisk::under(database))
    }

    async fn begin(&self, database: &Database) {
        match self {
            Self::FullDisk(disk) => disk.fill(),
            Self::ReadOnly => database.set_read_only(true).await,
        }
    }

    async fn end(&self, database: &Database) {
        match self {
            Self::FullDisk(disk) => disk.make_room(),
            Self::ReadOnly => database.set_read_only(false).await,
        }
    }
}

#[tokio::test]
async fn whatever_fails_mail_flows_and_nothing_acknowledged_is_lost() {
    let database = Database::create().await;
    let trouble = TakesNothing::of(&database);
    let mut rig = Rig::as_the_portal_says_on(database).await;
    rig.service.restrict(CAROL).await;
    let refused = REFUSED.replace(ALICE, CAROL);
    let mut acknowledged = 0;
    for round in 0..3 {
        assert_eq!(rig.send(CAROL, &[BOB]).to(BOB), refused, "round {round}");
        assert_eq!(rig.send(ALICE, &[BOB]).to(BOB), ACCEPTED, "round {round}");

        rig.service.kill();
        assert_eq!(rig.send(ALICE, &[BOB]).to(BOB), ACCEPTED, "round {round}, killed");
        rig.service.start_again();

        trouble.begin(&rig.service.database).await;
        for _ in 0..3 {
            assert_eq!(rig.send(ALICE, &[BOB]).to(BOB), ACCEPTED, "round {round}, not taken");
            assert_eq!(rig.send(CAROL, &[BOB]).to(BOB), refused, "round {round}, not taken");
        }
        trouble.end(&rig.service.database).await;
        acknowledged += 4;
        rig.service.has_verdicts(ALICE, Value::Null, acknowledged).await;
    }
}
