//! What systemd is told, and the unit that makes it listen.

use crate::harness::Database;
use crate::program::command;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const UNIT: &str = include_str!("../../deploy/systemd/restricted-users.service");

/// The program as a service manager starts it.
struct Managed {
    child: Child,
    socket: UnixDatagram,
}

impl Managed {
    fn start(database: &Database) -> Self {
        let path = database.folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        let child = command(database, &["serve"])
            .env("RESTRICTED_USERS_LISTEN", "127.0.0.1:0")
            .env("RESTRICTED_USERS_POLICY_LISTEN", "127.0.0.1:0")
            .env("NOTIFY_SOCKET", path)
            .env("WATCHDOG_USEC", "20000")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, socket }
    }

    /// What the manager hears next.
    fn hears(&self) -> String {
        let mut datagram = [0; 256];
        let length = self.socket.recv(&mut datagram).expect("the program tells something");
        String::from_utf8_lossy(&datagram[..length]).trim_end().to_owned()
    }
}

impl Drop for Managed {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn systemd_is_told_that_the_service_is_ready_then_that_it_lives_then_that_it_stops() {
    let database = Database::create().await;
    let mut service = Managed::start(&database);
    assert_eq!(service.hears(), "READY=1");
    for _ in 0..3 {
        assert_eq!(service.hears(), "WATCHDOG=1");
    }
    let id = service.child.id().to_string();
    assert!(Command::new("kill").arg(id).status().unwrap().success());
    let after = std::iter::repeat_with(|| service.hears()).find(|told| told != "WATCHDOG=1");
    assert_eq!(after.as_deref(), Some("STOPPING=1"));
    assert!(service.child.wait().unwrap().success());
}

#[test]
fn the_unit_waits_for_the_word_of_a_service_that_the_program_knows() {
    let sets = |line: &str| UNIT.lines().any(|one| one == line);
    assert!(sets("Type=notify"));
    assert!(sets("WatchdogSec=30s"));
    assert!(sets("User=restricted-users"));
    assert!(sets("StateDirectory=restricted-users"));
    assert!(sets("ReadWritePaths=-/var/spool/postfix/restricted"));
    let start = UNIT.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    let arguments: Vec<_> = start.split(' ').skip(1).collect();
    let help = Command::new(env!("CARGO_BIN_EXE_restricted-users"))
        .args(&arguments)
        .arg("--help")
        .output()
        .unwrap();
    assert!(help.status.success(), "{help:?}");
}
