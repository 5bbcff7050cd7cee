//! What the fuzzer kept of the octets that it made up, given again to the code that read them then.

mod targets;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::Builder;
use targets::{cursor, feedback_report, import, log_line, policy, rspamd, socketmap};

type Target = (&'static str, fn(&[u8]));

const TARGETS: [Target; 7] = [
    ("cursor", cursor::run),
    ("feedback_report", feedback_report::run),
    ("import", import::run),
    ("log_line", log_line::run),
    ("policy", policy::run),
    ("rspamd", rspamd::run),
    ("socketmap", socketmap::run),
];

/// What a thread of the service has.
const STACK: usize = 2 * 1024 * 1024;

#[test]
fn whatever_strangers_send_is_read_or_refused() {
    for (name, run) in TARGETS {
        let inputs = files(&Path::new("tests/corpus").join(name));
        assert!(!inputs.is_empty(), "there is nothing for {name}");
        for input in inputs {
            let octets = fs::read(&input).unwrap();
            // A thread that panics tells its name.
            let thread = Builder::new().name(input.display().to_string()).stack_size(STACK);
            thread.spawn(move || run(&octets)).unwrap().join().unwrap();
        }
    }
}

#[test]
fn every_target_of_the_fuzzer_is_replayed() {
    let fuzzed = files(Path::new("fuzz/fuzz_targets"));
    let fuzzed = fuzzed.iter().filter_map(|file| file.file_stem());
    assert!(fuzzed.eq(TARGETS.map(|(name, _)| OsStr::new(name))));
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let files =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = files.map(|file| file.expect("it is listed").path()).collect();
    files.sort();
    files
}
