//! How many lines of a log `replay` reads in a second, packed and not, and how many whoever reads
//! lines and does nothing with them.

mod ground;

use flate2::{Compression, write::GzEncoder};
use ground::{Database, Random, so_many, verdict};
use restricted_users::replay::{for_each_line, unpacked};
use std::fs::File;
use std::io::{BufWriter, Result, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Each is told of in eleven lines or more.
const MESSAGES: usize = 250_000;
const SENDERS: u64 = 2_000;
/// So many messages are accepted in a second, as on a busy server.
const A_SECOND: usize = 10;
const ASKED: f64 = 500_000.0;

#[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
fn main() {
    let database = Database::sqlite();
    let (plain, gzip) = (database.folder.path().join("log"), database.folder.path().join("log.gz"));
    let lines = write_log(&plain, &gzip).expect("the disk has room");
    println!("replay of {lines} lines of {} messages", so_many(MESSAGES));

    for (name, log) in [("not packed", &plain), ("packed", &gzip)] {
        let (floor, took) = (reads_alone(log), replays(&database, log));
        let [floor, speed] = [floor, took].map(|it| per_second(lines, it));
        println!(
            "  {name}: {speed:.0} lines/s (asked for: ≥ {ASKED:.0}) {}, {:.0} % of the {floor:.0} \
             lines/s of reading alone",
            verdict(speed >= ASKED),
            speed / floor * 100.0
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "it is a few million")]
fn per_second(lines: usize, took: Duration) -> f64 {
    lines as f64 / took.as_secs_f64()
}

fn reads_alone(log: &Path) -> Duration {
    let start = Instant::now();
    let mut octets = 0;
    let file = File::open(log).expect("it was written");
    let log = unpacked(file).expect("it is a log");
    for_each_line(log, |line| octets += line.map_or(0, <[u8]>::len)).expect("it is a log");
    assert!(octets > 0);
    start.elapsed()
}

/// The real command, its start included.
fn replays(database: &Database, log: &Path) -> Duration {
    let start = Instant::now();
    let mut command = database.command();
    let command = command.env("TZ", "UTC").arg("replay").arg(log);
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(status.is_ok_and(|status| status.success()), "the replay failed");
    start.elapsed()
}

/// Writes the same log twice and answers how many lines it has.
fn write_log(plain: &Path, gzip: &Path) -> Result<usize> {
    let mut log = Log {
        plain: BufWriter::new(File::create(plain)?),
        gzip: GzEncoder::new(BufWriter::new(File::create(gzip)?), Compression::fast()),
        lines: 0,
        second: 0,
    };
    let mut random = Random(0x5eed);
    for number in 0..so_many(MESSAGES) {
        log.second = number / A_SECOND;
        write_message(&mut log, number, &mut random)?;
    }
    log.plain.flush()?;
    log.gzip.finish()?.flush()?;
    Ok(log.lines)
}

/// A message as a submission server with Dovecot and rspamd tells of it; every fourth comes in from
/// elsewhere.
fn write_message(log: &mut Log, number: usize, random: &mut Random) -> Result<()> {
    let (id, host) = (format!("{:09X}", 0x4F_2B00_0000_u64 + number as u64), random.below(250));
    let user = random.below(SENDERS);
    let client = format!("client{host}.example.org[192.0.2.{host}]");
    log.line("postfix/submission/smtpd[2301]", &format!("connect from {client}"))?;
    if number.is_multiple_of(4) {
        log.line("postfix/smtpd[2301]", &format!("{id}: client={client}"))?;
    } else {
        let login = format!("sasl_method=PLAIN, sasl_username=user{user}@example.org");
        log.line("postfix/submission/smtpd[2301]", &format!("{id}: client={client}, {login}"))?;
    }
    log.line("postfix/cleanup[2310]", &format!("{id}: message-id=<{number}.{user}@example.org>"))?;
    let scanned = format!(
        "<a1b2c3>; task; rspamd_task_write_log: id: <{number}.{user}@example.org>, qid: <{id}>, ip: 192.0.2.{host}, (default: F (no action): [1.20/15.00] [MIME_GOOD(-0.10){{text/plain;}}])"
    );
    log.line("rspamd[801]", &scanned)?;
    let recipients = 1 + random.below(3);
    let from = format!("from=<user{user}@example.org>, size={}", 900 + random.below(90_000));
    log.line("postfix/qmgr[1204]", &format!("{id}: {from}, nrcpt={recipients} (queue active)"))?;
    for recipient in 0..recipients {
        let relay = format!("relay=mx{host}.remote.example[198.51.100.{host}]:25");
        let status = "delay=1.2, delays=0.1/0/0.6/0.5, dsn=2.0.0, status=sent (250 2.0.0 OK queued as 9A0B1C2D3E)";
        let to = format!("{id}: to=<bob{recipient}.{user}@remote.example>, {relay}, {status}");
        log.line("postfix/smtp[2333]", &to)?;
    }
    log.line("postfix/qmgr[1204]", &format!("{id}: removed"))?;
    let counts = "ehlo=2 starttls=1 auth=1 mail=1 rcpt=1 data=1 quit=1 commands=8";
    log.line("postfix/submission/smtpd[2301]", &format!("disconnect from {client} {counts}"))?;
    for what in ["Login", "Disconnected: Logged out in=120 out=4301"] {
        let session = format!(
            "imap-login: {what}: user=<user{user}@example.org>, method=PLAIN, rip=192.0.2.{host}, lip=192.0.2.25, mpid=991, TLS, session=<4xQz9A>"
        );
        log.line("dovecot", &session)?;
    }
    Ok(())
}

struct Log {
    plain: BufWriter<File>,
    gzip: GzEncoder<BufWriter<File>>,
    lines: usize,
    second: usize,
}

impl Log {
    fn line(&mut self, program: &str, text: &str) -> Result<()> {
        let (day, second) = (1 + self.second / 86_400, self.second % 86_400);
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        let line =
            format!("Nov {day:2} {hour:02}:{minute:02}:{second:02} mail {program}: {text}\n");
        self.lines += 1;
        self.plain.write_all(line.as_bytes())?;
        self.gzip.write_all(line.as_bytes())
    }
}
