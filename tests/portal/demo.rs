//! `demo`: a sample organisation whose mail keeps flowing.

use crate::harness::{Database, eventually};
use crate::program::{Serve, command};
use reqwest::Client;
use serde_json::Value;

const SPAMMER: &str = "victor.marsh@example.org";

struct Demo {
    serve: Serve,
    http: Client,
}

impl Demo {
    /// Starts one that keeps its files in the folder of the database, and signs in with its link.
    async fn start(database: &Database) -> Self {
        let mut command = command(database, &["demo"]);
        command.env("RESTRICTED_USERS_LISTEN", "127.0.0.1:0").env("TMPDIR", database.folder.path());
        let serve = Serve::running(command).with_link();
        let http = Client::builder().cookie_store(true).build().unwrap();
        let link = serve.link.clone().unwrap();
        let (_, secret) = link.split_once("/#/welcome/").unwrap();
        let form = format!("secret={secret}&password=a+long+walk+by+the+sea");
        let form = http.post(format!("{}/ui/welcome/password", serve.url)).body(form);
        let form = form.header("content-type", "application/x-www-form-urlencoded");
        let answer = form.header("origin", &serve.url).send().await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
        Self { serve, http }
    }

    async fn users(&self, state: &str) -> Vec<Value> {
        let url = format!("{}/api/v1/restricted-users?state={state}", self.serve.url);
        let list: Value = self.http.get(url).send().await.unwrap().json().await.unwrap();
        list["items"].as_array().unwrap().clone()
    }
}

#[tokio::test]
async fn the_link_of_a_demo_signs_in_and_its_spammer_is_restricted_before_ones_eyes() {
    let database = Database::create().await;
    let demo = Demo::start(&database).await;
    assert!(demo.users("released").await.len() >= 3);
    assert!(demo.users("active").await.len() >= 3);
    eventually("the spammer is restricted", async || {
        let users = demo.users("restricted").await;
        users.iter().any(|user| user["address"] == SPAMMER && user["cause"] == "outbound_spam")
    })
    .await;

    assert!(demo.serve.terminate());
    let left: Vec<_> = std::fs::read_dir(database.folder.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_demo_leaves_the_database_of_the_settings_and_a_taken_port_alone() {
    let database = Database::create().await;
    let real = Serve::start(&database, "30m");
    let mut command = command(&database, &["demo"]);
    let taken = real.url.strip_prefix("http://").unwrap();
    command.env("RESTRICTED_USERS_LISTEN", taken).env("TMPDIR", database.folder.path());
    let demo = Serve::running(command).with_link();
    assert_ne!(demo.url, real.url);
    assert!(demo.link.clone().unwrap().starts_with(&demo.url.replace("127.0.0.1", "localhost")));
    assert!(demo.terminate());
    let operators = crate::program::result_of(&database, &["operator", "list"]);
    assert_eq!(operators, "");
}
