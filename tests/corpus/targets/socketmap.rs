//! Queries at the socketmap port.

use super::mail_server::{RUNTIME, answers};
use restricted_users::app::App;
use restricted_users::config::Config;
use restricted_users::mail_port::Scanner as _;
use restricted_users::model::clock::Clock;
use restricted_users::socketmap::protocol::Scanner;
use restricted_users::socketmap::{Metrics, Socketmap};
use restricted_users::store::Store;
use std::sync::{Arc, LazyLock};
use tempfile::TempDir;

/// It is asked in memory alone, where no transport is set for senders who are near a limit.
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
    (Arc::new(app), folder)
});

pub fn run(octets: &[u8]) {
    let answers = answers(|| Socketmap::new(Arc::clone(&APP.0), Metrics::noop()), octets);
    let mut rest = &answers[..];
    while !rest.is_empty() {
        let length = Scanner.scan(rest).expect("it is a netstring").expect("it is whole");
        let (answer, others) = rest.split_at(length);
        let known = [&b":NOTFOUND ,"[..], b":PERM "]
            .iter()
            .any(|known| answer.windows(known.len()).any(|part| part == *known));
        assert!(known, "{}", answer.escape_ascii());
        rest = others;
    }
}
