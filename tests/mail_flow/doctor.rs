//! What `doctor` says about settings that Postfix itself reads.

use crate::documentation::MAIN_CF;
use crate::harness::Database;
use crate::program::{Serve, command};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

/// A folder with settings of Postfix, and a service that it may ask.
struct Practice {
    database: Database,
    service: Serve,
    /// Settings of the doctor beside those that all have.
    settings: Vec<(String, String)>,
}

/// What the doctor found, and its exit status.
struct Diagnosis {
    findings: Vec<Value>,
    healthy: bool,
}

impl Practice {
    async fn open() -> Self {
        let database = Database::create().await;
        let service = Serve::with(&database, &[("SOCKETMAP_LISTEN", "127.0.0.1:0")]);
        Self { database, service, settings: Vec::new() }
    }

    fn folder(&self) -> PathBuf {
        self.database.folder.path().join("postfix")
    }

    fn check(&self) -> String {
        let address = &self.service.policy;
        format!("check_policy_service {{ inet:{address}, timeout=5s, default_action=DUNNO }}")
    }

    /// With the ports of `deploy/` replaced by those of the service.
    fn examine_deployed(&self, main: &str) -> Diagnosis {
        let main = main.replace("127.0.0.1:10040", &self.service.policy);
        let master = include_str!("../../deploy/postfix/master.cf");
        self.examine(&main, &format!("{SUBMISSION}\n{master}"))
    }

    fn examine(&self, main: &str, master: &str) -> Diagnosis {
        fs::create_dir_all(self.folder()).unwrap();
        // Without a name Postfix looks for the machine's own in the DNS.
        let defaults = "compatibility_level = 3.6\nmyhostname = mail.example.org\n\
                        smtpd_sasl_auth_enable = yes\nmynetworks =\n";
        fs::write(self.folder().join("main.cf"), format!("{defaults}{main}\n")).unwrap();
        fs::write(self.folder().join("master.cf"), format!("{master}\n")).unwrap();
        let folder = self.folder();
        self.doctor(&["--postfix-config", folder.to_str().unwrap()], &self.service.policy)
    }

    fn doctor(&self, arguments: &[&str], listen: &str) -> Diagnosis {
        let arguments = [&["doctor", "--format", "json"], arguments].concat();
        let output = command(&self.database, &arguments)
            .env("RESTRICTED_USERS_POLICY_LISTEN", listen)
            .envs(
                self.settings.iter().map(|(key, value)| (format!("RESTRICTED_USERS_{key}"), value)),
            )
            .output()
            .unwrap();
        let findings = serde_json::from_slice(&output.stdout);
        let findings = findings.unwrap_or_else(|_| panic!("{output:?}"));
        Diagnosis { findings, healthy: output.status.code() == Some(0) }
    }
}

impl Diagnosis {
    fn says(&self, level: &str, text: &str) -> &Value {
        let mut findings = self.findings.iter();
        let is_it = |finding: &&Value| {
            finding["level"] == level && finding["finding"].as_str().unwrap().contains(text)
        };
        findings.find(is_it).unwrap_or_else(|| panic!("no {text:?} in {:#?}", self.findings))
    }

    fn has_only_good_news(&self) {
        let bad = ["problem", "warning"];
        assert!(self.healthy, "{:#?}", self.findings);
        assert!(
            !self.findings.iter().any(|one| bad.contains(&one["level"].as_str().unwrap())),
            "{:#?}",
            self.findings
        );
    }
}

const SUBMISSION: &str = "submission inet n - y - - smtpd";

#[tokio::test]
async fn a_postfix_that_asks_in_the_right_place_is_healthy() {
    let practice = Practice::open().await;
    let check = practice.check();
    let main = format!(
        "smtpd_sender_restrictions =\n    {check},\n    permit_sasl_authenticated\n\
         smtpd_end_of_data_restrictions = {check}"
    );
    let diagnosis = practice.examine(&main, SUBMISSION);
    diagnosis.has_only_good_news();
    diagnosis.says("ok", "submission: smtpd_sender_restrictions asks us");
    diagnosis.says("ok", "submission: smtpd_end_of_data_restrictions asks us");
    diagnosis.says("ok", &format!("the policy port answers at {}", practice.service.policy));
}

#[tokio::test]
async fn what_it_says_to_write_makes_postfix_healthy() {
    let practice = Practice::open().await;
    let check = practice.check();
    let bad = format!(
        "smtpd_sender_restrictions = permit_sasl_authenticated, {}\n\
         smtpd_recipient_restrictions = {check}, permit_sasl_authenticated, reject\n\
         smtpd_delay_reject = no",
        check.replace("default_action=DUNNO", "default_action=REJECT")
    );
    let diagnosis = practice.examine(&bad, SUBMISSION);
    assert!(!diagnosis.healthy);
    let lines: Vec<_> = [
        diagnosis.says("problem", "we stand behind permit_sasl_authenticated"),
        diagnosis.says("problem", "smtpd_end_of_data_restrictions does not ask us"),
        diagnosis.says("problem", "smtpd_delay_reject = no"),
    ]
    .iter()
    .map(|finding| finding["write"].as_str().unwrap().strip_prefix("main.cf: ").unwrap())
    .collect();
    practice.examine(&lines.join("\n"), SUBMISSION).has_only_good_news();
}

#[tokio::test]
async fn an_override_in_master_cf_is_followed_and_what_it_says_to_write_can_be_read() {
    let practice = Practice::open().await;
    let check = practice.check();
    let main = format!(
        "smtpd_sender_restrictions = {check}\nsmtpd_end_of_data_restrictions = $mua_end\n\
         mua_end = {check}\nmua = reject_sender_login_mismatch"
    );
    let bad = format!("{SUBMISSION}\n  -o smtpd_sender_restrictions=$mua");
    let diagnosis = practice.examine(&main, &bad);
    assert!(!diagnosis.healthy);
    let finding = diagnosis.says("problem", "smtpd_sender_restrictions does not ask us");
    let line = finding["write"].as_str().unwrap();
    let line = line.strip_prefix("master.cf, submission: ").unwrap();
    practice.examine(&main, &format!("{SUBMISSION}\n  {line}")).has_only_good_news();
}

#[tokio::test]
async fn a_policy_port_that_answers_nobody_is_a_problem() {
    let practice = Practice::open().await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let diagnosis = practice.doctor(&[], &nobody.to_string());
    assert!(!diagnosis.healthy);
    diagnosis.says("problem", &format!("no policy service answers at {nobody}"));
}

#[tokio::test]
async fn settings_and_files_that_cannot_be_read_are_problems() {
    let practice = Practice::open().await;
    let diagnosis = practice.doctor(&[], "here");
    assert!(!diagnosis.healthy);
    diagnosis.says("problem", "policy_listen is \"here\"");
    let nowhere = ["--postfix-config", "/nowhere"];
    let diagnosis = practice.doctor(&nowhere, &practice.service.policy);
    assert!(!diagnosis.healthy);
    diagnosis.says("problem", "open /nowhere/main.cf: No such file or directory");
}

#[tokio::test]
async fn the_lines_that_we_deploy_are_healthy_as_they_stand() {
    Practice::open().await.examine_deployed(MAIN_CF).has_only_good_news();
}

#[tokio::test]
async fn who_takes_the_lines_for_socketmaps_is_told_what_they_cost() {
    let mut practice = Practice::open().await;
    let maps = practice.service.listens("socketmap");
    let main = MAIN_CF.replace("\n#sender_", "\nsender_").replace("\n#hirisk_", "\nhirisk_");
    let main = main.replace("127.0.0.1:10041", &maps);
    practice.settings =
        vec![("SOCKETMAP_LISTEN".into(), maps), ("HIGH_RISK_TRANSPORT".into(), "hirisk".into())];
    let diagnosis = practice.examine_deployed(&main);
    assert!(diagnosis.healthy, "{:#?}", diagnosis.findings);
    diagnosis.says("warning", "sender_dependent_default_transport_maps asks our socketmaps: while");
}
