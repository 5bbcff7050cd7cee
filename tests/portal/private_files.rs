//! Files that hold what is nobody else's.

use crate::harness::Database;
use crate::program::{Serve, in_shell, run, serve_command};
use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The files of a folder, by name, with what they let whom do.
fn modes(folder: &Path) -> Vec<(String, u32)> {
    let files = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    let files = files.filter(|file| !file.file_type().unwrap().is_dir());
    let mode = |file: &std::fs::DirEntry| file.metadata().unwrap().permissions().mode() & 0o777;
    let mut modes: Vec<_> =
        files.map(|file| (file.file_name().into_string().unwrap(), mode(&file))).collect();
    modes.sort();
    modes
}

fn named(files: &[(&str, u32)]) -> Vec<(String, u32)> {
    files.iter().map(|(name, mode)| ((*name).to_owned(), *mode)).collect()
}

#[tokio::test]
async fn whatever_the_umask_what_the_service_makes_is_for_its_owner_alone() {
    let database = Database::create().await;
    let folder = database.folder.path();
    let state = folder.join("state");
    std::fs::create_dir(&state).unwrap();
    let policy = format!("127.0.0.1:0,unix:{}/policy.sock", folder.display());
    let settings =
        [("POLICY_LISTEN", policy.as_str()), ("STATE_DIRECTORY", state.to_str().unwrap())];
    let serve = Serve::running(in_shell("umask 0", &serve_command(&database, &settings)));

    // Mail servers share the group of a socket's folder.
    let socket = ("policy.sock", 0o660);
    let made = modes(folder);
    if database.is_postgres() {
        assert_eq!(made, named(&[socket]));
    } else {
        let [file, memory, log, lock] =
            ["db", "db-shm", "db-wal", "db.lock"].map(|end| format!("restricted-users.{end}"));
        assert_eq!(
            made,
            named(&[socket, (&file, 0o600), (&memory, 0o600), (&log, 0o600), (&lock, 0o600)])
        );
    }
    assert!(serve.terminate());
    assert_eq!(modes(&state), named(&[("blocklist", 0o600)]));
}

fn let_everybody_read(path: &Path, everybody: bool) {
    let mode = if everybody { 0o644 } else { 0o640 };
    set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// A file with settings, in a folder that everybody may enter.
fn settings(database: &Database, text: &str) -> PathBuf {
    set_permissions(database.folder.path(), Permissions::from_mode(0o755)).unwrap();
    let file = database.folder.path().join("settings.toml");
    std::fs::write(&file, text).unwrap();
    let_everybody_read(&file, true);
    file
}

const WITH_PASSWORD: &str = "smtp_url = 'smtps://restricted:hunter2@relay.example.org'\n\
    alert_from = 'noreply@example.org'\n";

#[tokio::test]
async fn the_doctor_warns_of_what_everybody_on_the_machine_can_read() {
    let database = Database::create().await;
    let file = settings(&database, WITH_PASSWORD);
    let doctor = || {
        let output = run(&database, &["doctor", "--config", file.to_str().unwrap()]);
        String::from_utf8(output.stdout).unwrap()
    };
    let warning = |path: &Path| {
        let path = path.display();
        format!("warning\teverybody on this machine can read {path}\tchmod o= {path}\n")
    };
    assert!(doctor().contains(&warning(&file)), "{}", doctor());
    let_everybody_read(&file, false);
    assert!(!doctor().contains("everybody"), "{}", doctor());

    std::fs::write(&file, "organization_name = 'no secret'\n").unwrap();
    let_everybody_read(&file, true);
    assert!(!doctor().contains("everybody"), "{}", doctor());
    if !database.is_postgres() {
        let_everybody_read(database.file(), true);
        assert!(doctor().contains(&warning(database.file())), "{}", doctor());
    }
}

#[tokio::test]
async fn the_start_warns_of_secrets_in_settings_that_everybody_can_read() {
    const WARNING: &str = "everybody on this machine can read the settings, which hold secrets";
    let database = Database::create().await;
    let file = settings(&database, WITH_PASSWORD);
    let serve = || {
        let mut serve = serve_command(&database, &[("PROPAGATION_DELAY", "30m")]);
        serve.args(["--config", file.to_str().unwrap()]);
        Serve::running(serve)
    };
    serve().logs(WARNING, "settings.toml");
    let_everybody_read(&file, false);
    assert_eq!(serve().logged(WARNING), 0);
}
