//! What the documentation tells people to put into their servers' files, as it stands there: the
//! servers of the stories are given just that, with another address of the service and a token.

use restricted_users::doctor::{Endpoint, main_cf};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const README: &str = include_str!("../../README.md");
const POSTFIX: &str = include_str!("../../docs/mail-servers/postfix.md");
const EXIM: &str = include_str!("../../docs/mail-servers/exim.md");
const HARAKA: &str = include_str!("../../docs/mail-servers/haraka.md");
const FEEDBACK: &str = include_str!("../../docs/mail-servers/feedback-reports.md");
const RSPAMD: &str = include_str!("../../docs/mail-servers/rspamd.md");
pub const MAIN_CF: &str = include_str!("../../deploy/postfix/main.cf");
const EXPORTER: &str = include_str!("../../deploy/rspamd/metadata_exporter.conf");

/// Where the documentation reaches the service.
const POLICY_PORT: &str = "inet:127.0.0.1:10040";
const SOCKETMAPS: &str = "inet:127.0.0.1:10041";
const POLICY_SOCKET: &str = "unix:restricted/policy.sock";
const URL: &str = "http://127.0.0.1:8080";
const TOKEN: &str = "YOUR-TOKEN";
/// Where the documentation reaches rspamd.
const MILTER: &str = "inet:127.0.0.1:11332";

/// A folder with what goes into a server's files.
pub struct Snippets(TempDir);

impl Snippets {
    fn new(files: &[(&str, String)]) -> Self {
        let snippets = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            snippets.write(name, text);
        }
        snippets
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes the files of others in as well.
    pub fn and(self, others: &Self) -> Self {
        for file in fs::read_dir(others.path()).unwrap().flatten() {
            fs::copy(file.path(), self.path().join(file.file_name())).unwrap();
        }
        self
    }
}

/// Lines for `main.cf` that ask the service at `policy`.
pub fn postfix(policy: &str) -> Snippets {
    let asking = block(POSTFIX, "# Postfix");
    assert!(policy.starts_with("inet:") || policy == POLICY_SOCKET, "{policy}");
    assert!(POSTFIX.contains(POLICY_SOCKET), "{POSTFIX}");
    Snippets::new(&[("main.cf", with(asking, POLICY_PORT, policy))])
}

/// Lines for `main.cf` as a page of the portal shows them.
pub fn postfix_of_the_portal(page: &str) -> Snippets {
    let shown = page.split_once("<pre").and_then(|(_, behind)| behind.split_once('>'));
    let (lines, _) = shown.and_then(|(_, text)| text.split_once("</pre>")).expect(page);
    assert!(!lines.contains(['<', '&']), "{lines}");
    Snippets::new(&[("main.cf", lines.to_owned())])
}

/// Lines for `main.cf` that look senders up at `maps`.
pub fn socketmaps(maps: &str) -> Snippets {
    let lines = block(POSTFIX, "| `transport` |");
    Snippets::new(&[("socketmaps.cf", with(lines, SOCKETMAPS, maps))])
}

/// Lines for `main.cf` that have mail scanned by the rspamd at `address`.
pub fn milter(address: &str) -> Snippets {
    let lines = block(RSPAMD, "when rspamd is its milter");
    Snippets::new(&[("milter.cf", with(lines, MILTER, address))])
}

/// ACLs that ask the service at `policy`.
pub fn exim(policy: &str) -> Snippets {
    let acl = |name| with(block(EXIM, name), POLICY_PORT, policy);
    Snippets::new(&[("rcpt.acl", acl("`acl_smtp_rcpt`")), ("data.acl", acl("`acl_smtp_data`"))])
}

/// A plugin that asks the service at `url`.
pub fn haraka(url: &str, token: &str) -> Snippets {
    let settings = block(HARAKA, "`config/restricted_users.ini`");
    Snippets::new(&[
        ("restricted_users.ini", connected(settings, url, token)),
        ("restricted_users.js", block(HARAKA, "`plugins/restricted_users.js`").to_owned()),
    ])
}

/// An exporter that reports verdicts to the service at `url`.
pub fn rspamd_exporter(url: &str, token: &str) -> Snippets {
    const FILE: &str = "local.d/metadata_exporter.conf";
    let exporter = block(RSPAMD, &format!("`/etc/rspamd/{FILE}`"));
    Snippets::new(&[(FILE, connected(exporter, url, token))])
}

/// A rule that asks the service at `url`.
pub fn rspamd_rule(url: &str, token: &str) -> Snippets {
    const FILE: &str = "rspamd.local.lua";
    let rule = block(RSPAMD, &format!("`/etc/rspamd/{FILE}`"));
    Snippets::new(&[(FILE, connected(rule, url, token))])
}

/// A script that takes feedback reports for the service at `url`.
pub fn feedback(url: &str, token: &str) -> Snippets {
    const SETTINGS: &str = "/etc/feedback-report.curl";
    const CREDENTIALS: &str = "user = \"any:YOUR-TOKEN\"";
    let script = with(block(FEEDBACK, "`/usr/local/libexec/feedback-report`,"), URL, url);
    assert!(FEEDBACK.contains(CREDENTIALS), "{FEEDBACK}");
    let credentials = with(CREDENTIALS, TOKEN, token);
    let snippets = Snippets::new(&[("feedback-report.curl", credentials)]);
    let settings = snippets.path().join("feedback-report.curl");
    snippets.write("feedback-report", &with(&script, SETTINGS, settings.to_str().unwrap()));
    snippets
}

#[test]
fn readme_page_and_file_have_the_lines_that_the_portal_shows() {
    let lines = main_cf(&Endpoint::parse(POLICY_PORT).unwrap());
    assert_eq!(block(POSTFIX, "# Postfix"), lines);
    assert_eq!(block(README, "## Connect Postfix"), lines);
    let settings = |text: &str| {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(settings(MAIN_CF), settings(&lines));
}

#[test]
fn the_file_for_rspamd_is_the_one_of_its_page() {
    let exporter = block(RSPAMD, "`/etc/rspamd/local.d/metadata_exporter.conf`");
    assert!(EXPORTER.ends_with(exporter), "{EXPORTER}");
}

/// The first block of code behind the place where a page says `introduction`.
fn block<'page>(page: &'page str, introduction: &str) -> &'page str {
    let (_, behind) = page.split_once(introduction).expect(introduction);
    let block = behind.split("```").nth(1).expect(introduction);
    // Its first line is the language.
    block.split_once('\n').unwrap().1
}

fn connected(text: &str, url: &str, token: &str) -> String {
    with(&with(text, URL, url), TOKEN, token)
}

fn with(text: &str, documented: &str, ours: &str) -> String {
    assert!(text.contains(documented), "{text}");
    text.replace(documented, ours)
}
