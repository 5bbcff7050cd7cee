//! What Postfix itself makes of the socketmaps.

use crate::harness::Database;
use crate::program::{Serve, result_of};
use std::process::{Command, Output};

/// What `postmap -q` finds under a key.
fn postmap(map: &str, key: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    // Without a name Postfix looks for the machine's own in the DNS.
    let settings = "compatibility_level = 3.6\nmyhostname = mail.example.org\n";
    std::fs::write(folder.path().join("main.cf"), settings).unwrap();
    let mut postmap = Command::new("/usr/sbin/postmap");
    postmap.arg("-c").arg(folder.path()).args(["-q", key, map]);
    postmap.output().expect("Postfix is there; tests/run installs it")
}

#[tokio::test]
async fn postfix_finds_a_restricted_user_in_both_maps() {
    let database = Database::create().await;
    let blocked = database.folder.path().join("blocked.csv");
    std::fs::write(&blocked, "SenderAddress\nalice@example.org\n").unwrap();
    result_of(&database, &["import", blocked.to_str().unwrap()]);
    let socket = database.folder.path().join("maps.sock");
    let listen = format!("127.0.0.1:0,unix:{}", socket.display());
    let mut serve = Serve::with(&database, &[("SOCKETMAP_LISTEN", &listen)]);
    let port = serve.listens("socketmap");

    for at in [format!("inet:{port}"), format!("unix:{}", socket.display())] {
        for (map, found) in [
            ("restricted", "550 5.1.8 Access denied, bad outbound sender\n"),
            ("transport", "error:5.1.8 Access denied, bad outbound sender\n"),
        ] {
            let map = format!("socketmap:{at}:{map}");
            let alice = postmap(&map, "Alice@example.org");
            assert_eq!(String::from_utf8_lossy(&alice.stdout), found, "{alice:?}");
            let carol = postmap(&map, "carol@example.org");
            // Nothing found is status 1, and a map that fails says so.
            assert_eq!(carol.status.code(), Some(1));
            assert_eq!(String::from_utf8_lossy(&carol.stderr), "");
        }
        let no_map = postmap(&format!("socketmap:{at}:aliases"), "alice@example.org");
        let complaint = String::from_utf8_lossy(&no_map.stderr).into_owned();
        assert!(complaint.contains("there are the maps restricted and transport"), "{complaint}");
    }
}
