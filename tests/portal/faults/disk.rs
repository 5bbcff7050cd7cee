//! A disk that is full, or fails, under the real program on SQLite.

use super::Load;
use crate::harness::{Database, eventually};
use crate::program::{Serve, command, result_of};
use crate::small_disk::SmallDisk;
use reqwest::{Client, StatusCode};
use serde_json::json;
use std::process::Command;

struct Program {
    serve: Serve,
    token: String,
}

impl Program {
    fn start(database: &Database) -> Self {
        let create = ["token", "create", "--name", "t", "--role", "organization-management"];
        let token = result_of(database, &create).trim().to_owned();
        // A file that may not grow is an error of the disk's then, and no signal.
        let serve = command(database, &["serve"]);
        let mut shell = Command::new("sh");
        shell.args(["-c", "trap '' XFSZ; exec \"$0\" serve"]).arg(serve.get_program());
        shell.env_clear().envs(serve.get_envs().filter_map(|(key, value)| Some((key, value?))));
        shell.envs([
            ("RESTRICTED_USERS_LISTEN", "127.0.0.1:0"),
            ("RESTRICTED_USERS_POLICY_LISTEN", "127.0.0.1:0"),
        ]);
        shell.current_dir(database.folder.path());
        Self { serve: Serve::running(shell), token }
    }

    async fn is_ready(&self) -> bool {
        let ready = Client::new().get(format!("{}/readyz", self.serve.url)).send().await;
        ready.unwrap().status() == StatusCode::OK
    }

    async fn restrict(&self, address: &str) -> (StatusCode, String) {
        let body = json!({ "address": address, "reason": "sent spam" });
        let request = Client::new().post(format!("{}/api/v1/restricted-users", self.serve.url));
        let answer = request.bearer_auth(&self.token).json(&body).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    async fn goes_on(&self) {
        eventually("it is ready again", async || self.is_ready().await).await;
        eventually("it restricts again", async || {
            let address = format!("{}@example.org", uuid::Uuid::now_v7());
            self.restrict(&address).await.0 == StatusCode::CREATED
        })
        .await;
    }
}

#[tokio::test]
async fn a_disk_that_is_full_for_a_while_loses_nothing() {
    let database = Database::create().await;
    if database.is_postgres() {
        return;
    }
    let disk = SmallDisk::under(&database);
    let program = Program::start(&database);
    let load = Load::on(&program.serve.policy);
    load.lasts(1).await;

    disk.fill();
    eventually("it is unready", async || !program.is_ready().await).await;
    eventually("the answer says why", async || {
        let address = format!("{}@example.org", uuid::Uuid::now_v7());
        let (status, text) = program.restrict(&address).await;
        status == StatusCode::SERVICE_UNAVAILABLE
            && text.contains("The disk of the database is full.")
    })
    .await;
    load.lasts(3).await;
    eventually("it is unready still", async || !program.is_ready().await).await;

    disk.make_room();
    program.goes_on().await;
    let acknowledged = load.stop().await;
    database.has_all(&acknowledged).await;
    assert!(program.serve.terminate());
}

#[tokio::test]
async fn a_disk_that_fails_to_write_for_a_while_loses_nothing() {
    let database = Database::create().await;
    if database.is_postgres() {
        return;
    }
    let program = Program::start(&database);
    let load = Load::on(&program.serve.policy);
    load.lasts(1).await;

    program.serve.limit_files_to("1");
    eventually("it is unready", async || !program.is_ready().await).await;
    assert_eq!(program.restrict("carol@example.org").await.0, StatusCode::SERVICE_UNAVAILABLE);
    load.lasts(2).await;

    program.serve.limit_files_to("unlimited");
    program.goes_on().await;
    let acknowledged = load.stop().await;
    database.has_all(&acknowledged).await;
    assert!(program.serve.terminate());
}
