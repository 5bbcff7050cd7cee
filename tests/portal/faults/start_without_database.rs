//! A start while Postgres is away, as after a power cut.

use super::Load;
use crate::harness::{Database, eventually};
use crate::program::{Serve, command, result_of};
use reqwest::Client;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn answer(policy: &str, login: &str) -> String {
    let request = format!(
        "request=smtpd_access_policy\nprotocol_state=RCPT\nsasl_username={login}\n\
         recipient=bob@remote.example\n\n"
    );
    let mut stream = TcpStream::connect(policy).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.trim_end().to_owned()
}

#[tokio::test]
async fn a_start_without_the_database_refuses_whom_it_refused_before_and_loses_nothing() {
    let database = Database::create().await;
    if !database.is_postgres() {
        return;
    }
    let folder = database.folder.path().to_str().unwrap().to_owned();
    let settings = [("STATE_DIRECTORY", folder.as_str()), ("PROPAGATION_DELAY", "0s")];
    let create = ["token", "create", "--name", "t", "--role", "organization-management"];
    let token = result_of(&database, &create).trim().to_owned();
    let serve = Serve::with(&database, &settings);
    for name in ["alice", "released"] {
        let body = json!({ "address": format!("{name}@example.org"), "reason": "spam" });
        let request = Client::new().post(format!("{}/api/v1/restricted-users", serve.url));
        assert_eq!(request.bearer_auth(&token).json(&body).send().await.unwrap().status(), 201);
    }
    // What is kept is written at the end, too.
    assert!(serve.terminate());

    let absence = database.take_away().await;
    let mut serve = Serve::with(&database, &settings);
    serve.logs("started without the database, and goes on trying", "\"restricted\":2");
    assert!(answer(&serve.policy, "alice@example.org").await.contains("550 5.1.8"));
    assert_eq!(answer(&serve.policy, "bob@example.org").await, "action=DUNNO");
    let ready = Client::new().get(format!("{}/readyz", serve.url)).send().await.unwrap();
    assert_eq!(ready.status(), 503);
    let load = Load::on(&serve.policy);
    load.lasts(2).await;

    database.bring_back(absence).await;
    eventually("it is ready", async || {
        Client::new().get(format!("{}/readyz", serve.url)).send().await.unwrap().status() == 200
    })
    .await;
    let unblock = format!("{}/api/v1/restricted-users/alice@example.org/unblock", serve.url);
    let unblocked = Client::new().post(unblock).bearer_auth(&token).json(&json!({})).send().await;
    assert_eq!(unblocked.unwrap().status(), 202);
    assert_eq!(answer(&serve.policy, "alice@example.org").await, "action=DUNNO");
    let acknowledged = load.stop().await;
    database.has_all(&acknowledged).await;
    assert!(serve.terminate());
}

#[tokio::test]
async fn without_a_copy_that_is_whole_a_start_without_the_database_ends_in_a_sentence() {
    let database = Database::create().await;
    if !database.is_postgres() {
        return;
    }
    let folder = database.folder.path().to_owned();
    std::fs::write(folder.join("blocklist"), "0000\n{}").unwrap();
    let absence = database.take_away().await;
    let mut serve = command(&database, &["serve"]);
    let ended = serve.env("STATE_DIRECTORY", &folder).output().unwrap();
    database.bring_back(absence).await;
    let says = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{says}");
    assert!(says.contains("no blocklist is kept in"), "{says}");
    assert!(says.contains("it is not as it was written"), "{says}");
}
