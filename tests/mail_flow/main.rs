//! Stories of mail that real mail servers take, with the very lines of the documentation in their
//! files, and ask the real program about. They need what `tests/run` installs, and root or sudo.
#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

mod alerts;
#[path = "../portal/audit_chain.rs"]
mod audit_chain;
mod bounce;
mod doctor;
mod documentation;
mod exim;
mod feedback;
mod haraka;
#[expect(dead_code, reason = "shared with the stories of the portal, which use all of it")]
#[path = "../portal/harness.rs"]
mod harness;
mod limits;
mod mail_client;
mod mail_server;
mod outages;
mod postfix;
mod postmap;
#[expect(dead_code, reason = "shared with the stories of the portal, which use all of it")]
#[path = "../portal/program.rs"]
mod program;
mod rig;
mod rspamd;
mod server;
mod service;
#[path = "../portal/small_disk.rs"]
mod small_disk;
mod taken_over;
mod whose_mail;

const ALICE: &str = "alice@example.org";
const CAROL: &str = "carol@example.org";
/// Outside the organisation.
const BOB: &str = "bob@remote.example";

/// What Postfix answers at `RCPT TO`.
const REFUSED: &str =
    "550 5.1.8 <alice@example.org>: Sender address rejected: Access denied, bad outbound sender";
const ACCEPTED: &str = "250 2.1.5 Ok";

/// What mail servers answer that add no words of their own.
const REFUSED_BARELY: &str = "550 5.1.8 Access denied, bad outbound sender";
