//! Scripts that the documentation shows, as they stand there, and an admin who runs them against the
//! real program.

use crate::harness::Database;
use crate::program::{Serve, command, result_of};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};

const README: &str = include_str!("../../README.md");
const OPERATIONS: &str = include_str!("../../docs/operations.md");
const API: &str = include_str!("../../docs/api.md");
/// Where the documentation reaches the service.
const URL: &str = "http://localhost:8080";

/// What a page says under a heading, down to the next one.
pub fn section<'page>(page: &'page str, heading: &str) -> &'page str {
    let (_, behind) = page.split_once(&format!("\n{heading}\n")).expect(heading);
    behind.split("\n##").next().unwrap()
}

/// The one block of a language.
pub fn block<'page>(section: &'page str, language: &str) -> &'page str {
    let blocks: Vec<_> = section.split(&format!("```{language}\n")).skip(1).collect();
    assert_eq!(blocks.len(), 1, "{language}: {section}");
    blocks[0].split("```").next().unwrap()
}

/// Languages that are run.
#[derive(Debug, Clone, Copy)]
pub enum Language {
    Bash,
    Python,
}

impl Language {
    pub const ALL: [Self; 2] = [Self::Bash, Self::Python];

    /// What stands behind the three backticks of its blocks.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Python => "python",
        }
    }

    fn program(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Python => "python3",
        }
    }
}

/// An admin with a server and a token for it.
pub struct Admin {
    database: Database,
    serve: Serve,
    token: String,
}

impl Admin {
    /// One who got the token as `docs/api.md` says.
    pub async fn new() -> Self {
        let database = Database::create().await;
        let serve = Serve::start(&database, "30m");
        let admin = Self { database, serve, token: String::new() };
        let lines = block(section(API, "## The five commonest jobs"), "sh");
        assert!(lines.contains(&format!("RESTRICTED_USERS_URL={URL}\n")), "{lines}");
        let tell = format!("{lines}printenv RESTRICTED_USERS_TOKEN");
        let token = text(&admin.run(Language::Bash, &tell)).trim().to_owned();
        Self { token, ..admin }
    }

    /// Runs a script whose server is this one.
    pub fn run(&self, language: Language, script: &str) -> Output {
        let program = Path::new(env!("CARGO_BIN_EXE_restricted-users")).parent().unwrap();
        let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
        let script = script.replace(URL, &self.serve.url);
        let mut command = Command::new(language.program());
        command.args(["-c", &script]).current_dir(self.folder()).env("PATH", path);
        command.envs(self.variables()).env("NO_PROXY", "*");
        command.env("RESTRICTED_USERS_DATABASE_URL", &self.database.url);
        command.output().unwrap()
    }

    /// What a script printed, after it went well.
    pub fn result(&self, language: Language, script: &str) -> String {
        text(&self.run(language, script))
    }

    fn variables(&self) -> [(&'static str, &str); 2] {
        [("RESTRICTED_USERS_URL", &self.serve.url), ("RESTRICTED_USERS_TOKEN", &self.token)]
    }

    /// Where scripts run.
    pub fn folder(&self) -> &Path {
        self.database.folder.path()
    }

    /// Sends a request.
    pub fn api(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<_> = ["api"].iter().chain(arguments).copied().collect();
        let mut api = command(&self.database, &arguments);
        let answer = text(&api.envs(self.variables()).output().unwrap());
        serde_json::from_str(&answer).unwrap()
    }

    pub fn restrict(&self, address: &str) -> Value {
        let body = json!({ "address": address, "reason": "sent spam" }).to_string();
        self.api(&["POST", "/api/v1/restricted-users", &body])
    }

    /// Restricts many at once.
    pub fn import(&self, addresses: impl IntoIterator<Item = String>) {
        let file = self.folder().join("import.csv");
        let rows: String = addresses.into_iter().map(|address| address + ",spam\n").collect();
        std::fs::write(&file, format!("SenderAddress,Reason\n{rows}")).unwrap();
        result_of(&self.database, &["import", file.to_str().unwrap()]);
    }

    pub fn user(&self, address: &str) -> Value {
        self.api(&["GET", &format!("/api/v1/restricted-users/{address}")])
    }

    /// A mail server tells of spam, enough to restrict its sender.
    pub fn sends_spam(&self, sender: &str, subject: &str) {
        let create = ["token", "create", "--name", "mx", "--role", "mail-server"];
        let token = result_of(&self.database, &create);
        let message = json!({
            "sender": sender, "recipients": ["bob@remote.example"], "verdict": "spam",
            "subject": subject, "client_address": "192.0.2.7",
        });
        let body = json!(vec![message; 5]).to_string();
        let mut api = command(&self.database, &["api", "POST", "/api/v1/outbound-messages", &body]);
        api.envs(self.variables()).env("RESTRICTED_USERS_TOKEN", token.trim());
        text(&api.output().unwrap());
    }
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stderr, b"", "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test]
async fn the_readme_lists_and_unblocks_from_a_shell() {
    let admin = Admin::new().await;
    admin.restrict("alice@example.org");
    // Another token has this name already.
    let lines = section(README, "## The main job, once").split("```sh\n").nth(2).unwrap();
    let lines = lines.split("```").next().unwrap().replace("my-script", "another-script");
    let output = admin.run(Language::Bash, &format!("set -e\n{lines}"));
    assert!(output.status.success(), "{output:?}");
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.starts_with("alice@example.org\t"), "{told}");
    assert_eq!(told.matches("\"state\":\"unblocking\"").count(), 2, "{told}");
    assert_eq!(admin.user("alice@example.org")["unblock"]["requested_by"], "another-script");
}

#[tokio::test]
async fn the_page_about_operations_does_it_from_other_machines() {
    let admin = Admin::new().await;
    admin.restrict("alice@example.org");
    let lines = block(section(OPERATIONS, "## From other machines"), "sh");
    let (variables, lines) = lines.split_once('\n').unwrap();
    for (name, _) in admin.variables() {
        assert!(variables.contains(&format!("{name}=")), "{variables}");
    }
    let told = admin.result(Language::Bash, &format!("set -e\n{lines}"));
    assert!(told.ends_with("{\"items\":[],\"next_cursor\":null}\n"), "{told}");
    let file = std::fs::read_to_string(admin.folder().join("blocked.csv")).unwrap();
    assert!(file.lines().nth(1).unwrap().starts_with("\"alice@example.org\","), "{file}");
    assert_eq!(admin.user("alice@example.org")["state"], "unblocking");
}

#[test]
fn images_of_others_are_named_by_digest() {
    let files = [include_str!("../../Dockerfile"), include_str!("../../deploy/compose.yaml")];
    let mut others = 0;
    for line in files.iter().flat_map(|file| file.lines()).map(str::trim) {
        let image = line.strip_prefix("FROM ").or_else(|| line.strip_prefix("image: "));
        let Some(image) = image else { continue };
        let digest = image.split_once("@sha256:").map(|(_, digest)| digest);
        let digest = digest.and_then(|digest| digest.split(' ').next()).unwrap_or_default();
        let is_digest = digest.len() == 64 && digest.bytes().all(|octet| octet.is_ascii_hexdigit());
        assert!(is_digest, "{line}");
        others += 1;
    }
    assert_eq!(others, 3);
}
