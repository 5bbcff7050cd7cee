//! A pooler, `PgBouncer`, between the service and Postgres.

use super::Load;
use crate::harness::{Database, eventually};
use crate::program::{Serve, as_root, command, is_root};
use std::process::{Child, Command, Stdio};
use tokio::net::{TcpListener, TcpStream};

/// One of the test's own.
struct Pooler {
    child: Child,
    url: String,
}

impl Pooler {
    async fn start(database: &Database, pool_mode: &str) -> Self {
        let server = url::Url::parse(&database.url).unwrap();
        let folder = server.query_pairs().find(|(key, _)| key == "host");
        let host = folder.map_or(server.host_str().unwrap().to_owned(), |(_, host)| host.into());
        let port = server.port().unwrap_or(5432);
        let name = server.path().trim_start_matches('/');
        // Somebody else may take it meanwhile, and then the test says so.
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let settings = format!(
            "[databases]\n{name} = host={host} port={port} user={user}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {free}\nunix_socket_dir =\nauth_type = any\npool_mode = {pool_mode}\n",
            user = server.username()
        );
        let file = database.folder.path().join("pgbouncer.ini");
        std::fs::write(&file, settings).unwrap();
        // It does not run as root, and whoever owns the server reads its settings and reaches its socket.
        as_root(&["chmod", "755", database.folder.path().to_str().unwrap()]);
        as_root(&["chmod", "644", file.to_str().unwrap()]);
        let child = Command::new("/usr/sbin/pgbouncer")
            .args(is_root().then_some(["--user", "postgres"]).into_iter().flatten())
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        eventually("the pooler listens", async || {
            TcpStream::connect(("127.0.0.1", free)).await.is_ok()
        })
        .await;
        let url = format!("postgres://{}@127.0.0.1:{free}/{name}", server.username());
        Self { child, url }
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn behind_a_pooler_that_lends_by_session_everything_works() {
    let database = Database::create().await;
    if !database.is_postgres() {
        return;
    }
    let pooler = Pooler::start(&database, "session").await;
    let serve = Serve::with(&database, &[("DATABASE_URL", &pooler.url)]);
    let load = Load::on(&serve.policy);
    load.lasts(1).await;
    let acknowledged = load.stop().await;
    database.has_all(&acknowledged).await;
    assert!(serve.terminate());
}

#[tokio::test]
async fn a_pooler_that_lends_by_transaction_is_refused_in_a_sentence() {
    let database = Database::create().await;
    if !database.is_postgres() {
        return;
    }
    let pooler = Pooler::start(&database, "transaction").await;
    let mut serve = command(&database, &["serve"]);
    let refused = serve.env("RESTRICTED_USERS_DATABASE_URL", &pooler.url).output().unwrap();
    let says = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{says}");
    assert!(says.contains("lends connections by transaction; set pool_mode = session"), "{says}");
}
