//! Queries at the socketmap port.

use super::mail_server::{RUNTIME, answers};
use chrono::DateTime;
use restricted_users::app::App;
use restricted_users::blocklist::Change;
use restricted_users::config::Config;
use restricted_users::mail_port::Scanner as _;
use restricted_users::model::clock::Clock;
use restricted_users::socketmap::protocol::Scanner;
use restricted_users::socketmap::{Metrics, Socketmap};
use restricted_users::store::Store;
use std::sync::{Arc, LazyLock};
use tempfile::TempDir;
use uuid::Uuid;

/// Where alice is restricted. It is asked in memory alone, where no transport is set for senders who are near a limit.
static APP: LazyLock<(Arc<App>, TempDir)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("there is room");
    let database = format!("sqlite:{}", folder.path().join("a.db").display());
    let config = Config::from_variables([
        ("RESTRICTED_USERS_DATABASE_URL", database.as_str()),
        ("RESTRICTED_USERS_ORGANIZATION_DOMAINS", "example.org"),
    ]);
    let config = config.expect("it is complete");
    let app = RUNTIME.block_on(async {
        let store = Store::open(&config.database_url).await.expect("SQLite works");
        let url = "http://localhost:8080".into();
        App::new(config, url, Clock::default(), store, None).await.expect("SQLite works")
    });
    app.blocklist.apply(&[Change {
        number: 1,
        id: Uuid::from_u128(7),
        at: DateTime::UNIX_EPOCH,
        address: app.organization().sender("alice"),
        active: true,
    }]);
    (Arc::new(app), folder)
});

pub fn run(octets: &[u8]) {
    let answers = answers(|| Socketmap::new(Arc::clone(&APP.0), Metrics::noop()), octets);
    let mut rest = &answers[..];
    while !rest.is_empty() {
        let length = Scanner.scan(rest).expect("it is a netstring").expect("it is whole");
        let (answer, others) = rest.split_at(length);
        let answer = answer.escape_ascii().to_string();
        let known = [":OK 550 5.1.8 ", ":OK error:5.1.8 ", ":NOTFOUND ,", ":PERM "];
        assert!(known.iter().any(|known| answer.contains(known)), "{answer}");
        rest = others;
    }
}
