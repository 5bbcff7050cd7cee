//! Settings of Postfix, good and bad, and what the doctor says about them.

use super::{Endpoint, Finding, Level, Postconf, asked, examine, examine_settings, main_cf};
use crate::config::Config;
use crate::mail_port::Limits;
use std::path::Path;

const CHECK: &str =
    "check_policy_service { inet:127.0.0.1:10040, timeout=5s, default_action=DUNNO }";

/// As `postconf -x` tells the defaults.
const DEFAULTS: &str = "\
queue_directory = /var/spool/postfix
mynetworks = 127.0.0.0/8 [::1]/128
smtpd_delay_reject = yes
soft_bounce = no
smtpd_proxy_filter =
default_process_limit = 100
smtpd_policy_service_default_action = 451 4.3.5 Server configuration problem
smtpd_policy_service_timeout = 100s
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_sasl_auth_enable = yes
";

const SUBMISSION: &str = "submission inet n - y - - smtpd";

/// The settings of main.cf that are asked for, with the defaults behind them.
fn postfix(main: &str, master: &str, overrides: &str) -> Postconf {
    Postconf::parse(&format!("{DEFAULTS}{main}"), master, overrides)
}

/// A Postfix that is set up as documented, but for `changes`.
fn documented_but(changes: &str) -> Postconf {
    let main = format!(
        "smtpd_sender_restrictions = {CHECK}, permit_sasl_authenticated\n\
         smtpd_end_of_data_restrictions = {CHECK}\n{changes}"
    );
    postfix(&main, SUBMISSION, "")
}

fn config(settings: &[(&str, &str)]) -> Config {
    let ours = settings.iter().map(|(key, value)| (format!("RESTRICTED_USERS_{key}"), *value));
    Config::from_variables(ours).unwrap()
}

fn worse_than_ok(findings: Vec<Finding>) -> Vec<(Level, String, String)> {
    let bad = findings.into_iter().filter(|finding| finding.level != Level::Ok);
    bad.map(|one| (one.level, one.says, one.write.unwrap_or_default())).collect()
}

fn found(postconf: &Postconf, settings: &[(&str, &str)]) -> Vec<(Level, String, String)> {
    worse_than_ok(examine(postconf, &config(settings)))
}

/// The only finding about a documented Postfix but for `changes`.
fn only(changes: &str) -> (Level, String, String) {
    let mut found = found(&documented_but(changes), &[]);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[test]
fn about_the_documented_settings_there_is_nothing_to_say() {
    assert_eq!(found(&documented_but(""), &[]), []);
    let says: Vec<_> =
        examine(&documented_but(""), &config(&[])).into_iter().map(|one| one.says).collect();
    assert_eq!(
        says,
        [
            "submission: smtpd_sender_restrictions asks us",
            "submission: smtpd_end_of_data_restrictions asks us"
        ]
    );
}

#[test]
fn a_check_in_the_wrong_list_is_found_with_what_becomes_of_the_code() {
    for (list, code) in [
        ("smtpd_recipient_restrictions", "5.1.2"),
        ("smtpd_relay_restrictions", "5.1.2"),
        ("smtpd_client_restrictions", "5.0.0"),
        ("smtpd_helo_restrictions", "5.0.0"),
        ("smtpd_data_restrictions", "5.0.0"),
    ] {
        let (level, says, write) =
            only(&format!("smtpd_sender_restrictions = reject_unlisted_sender\n{list} = {CHECK}"));
        assert_eq!(level, Level::Problem);
        assert_eq!(
            says,
            format!(
                "submission: we are asked from {list}, where Postfix turns 5.1.8 into {code}, and \
                 not from smtpd_sender_restrictions"
            )
        );
        let line = format!("main.cf: smtpd_sender_restrictions = {CHECK}, reject_unlisted_sender");
        assert_eq!(write, line);
    }
}

#[test]
fn a_check_behind_a_permit_is_found_and_moved_to_the_front() {
    let (level, says, write) =
        only(&format!("smtpd_sender_restrictions = permit_mynetworks, {CHECK}, reject"));
    assert_eq!(level, Level::Problem);
    assert!(says.contains("we stand behind permit_mynetworks"), "{says}");
    let line = format!("main.cf: smtpd_sender_restrictions = {CHECK}, permit_mynetworks, reject");
    assert_eq!(write, line);
}

#[test]
fn without_a_check_nobody_is_refused_and_nothing_is_counted() {
    let found = found(&postfix("", SUBMISSION, ""), &[]);
    let sentences: Vec<_> = found.iter().map(|(_, says, _)| says.as_str()).collect();
    assert_eq!(
        sentences,
        [
            "submission: smtpd_sender_restrictions does not ask us, so nobody is refused",
            "submission: smtpd_end_of_data_restrictions does not ask us, so nothing is counted"
        ]
    );
    let line = format!("main.cf: smtpd_sender_restrictions = {CHECK}, permit_sasl_authenticated");
    assert_eq!(found[0].2, line);
    assert_eq!(found[1].2, format!("main.cf: smtpd_end_of_data_restrictions = {CHECK}"));
}

#[test]
fn a_default_action_that_stops_or_skips_is_found() {
    let eod = "smtpd_end_of_data_restrictions = check_policy_service";
    for (service, what) in [
        (
            "{ inet:127.0.0.1:10040, timeout=5s }",
            "stops all mail (default_action=451 4.3.5 Server configuration problem)",
        ),
        (
            "{ inet:127.0.0.1:10040, timeout=5s, {default_action = 450 Later} }",
            "stops all mail (default_action=450 Later)",
        ),
        (
            "{ inet:127.0.0.1:10040, timeout=5s, default_action=OK }",
            "skips its other restrictions (default_action=OK)",
        ),
    ] {
        let (level, says, write) = only(&format!("{eod} {service}"));
        assert_eq!(level, Level::Problem);
        assert!(says.ends_with(what), "{says}");
        assert_eq!(write, format!("main.cf: smtpd_end_of_data_restrictions = {CHECK}"));
    }
    let lenient =
        "smtpd_policy_service_default_action = dunno\nsmtpd_policy_service_timeout = 5s\n";
    let bare = format!("{lenient}{eod} inet:127.0.0.1:10040");
    assert_eq!(found(&documented_but(&bare), &[]), []);
}

#[test]
fn a_long_timeout_is_a_warning() {
    for (time, long) in [("100s", true), ("1m", true), ("10", false), ("soon", true)] {
        let line = format!(
            "smtpd_end_of_data_restrictions = check_policy_service \
             {{ inet:127.0.0.1:10040, timeout={time}, default_action=DUNNO }}"
        );
        let levels: Vec<_> =
            found(&documented_but(&line), &[]).into_iter().map(|(level, ..)| level).collect();
        assert_eq!(levels, if long { vec![Level::Warning] } else { vec![] }, "{time}");
    }
}

#[test]
fn settings_that_undo_a_refusal_are_found() {
    for (setting, level, line) in [
        ("smtpd_delay_reject = no", Level::Problem, "main.cf: smtpd_delay_reject = yes"),
        ("soft_bounce = yes", Level::Warning, "main.cf: soft_bounce = no"),
        ("smtpd_proxy_filter = [::1]:26", Level::Warning, ""),
    ] {
        let (found, _, write) = only(setting);
        assert_eq!((found, write.as_str()), (level, line), "{setting}");
    }
    let bounces = [("RESTRICTED_USERS_RESTRICTED_ANSWER", "bounce")];
    let bounces = Config::from_variables(bounces).unwrap();
    let found = worse_than_ok(examine(&documented_but("smtpd_proxy_filter = [::1]:26"), &bounces));
    assert_eq!(found[0].0, Level::Problem);
    let (_, says, _) = only(&format!(
        "smtpd_sender_restrictions = warn_if_reject {CHECK}, permit_sasl_authenticated"
    ));
    assert!(says.contains("warn_if_reject"), "{says}");
}

#[test]
fn another_address_than_ours_is_found() {
    let found = found(&documented_but(""), &[("POLICY_LISTEN", "127.0.0.1:10400")]);
    assert_eq!(
        found[0].1,
        "submission: smtpd_sender_restrictions asks inet:127.0.0.1:10040, but we listen at \
         127.0.0.1:10400, so nobody is refused"
    );
    assert!(found[0].2.contains("inet:127.0.0.1:10400, timeout"), "{}", found[0].2);
}

#[test]
fn addresses_that_reach_us_are_ours_in_whatever_spelling() {
    let networks = ("MAIL_SERVER_NETWORKS", "192.0.2.0/24");
    for (asked, listen) in [
        ("inet:localhost:10040", "127.0.0.1:10040"),
        ("inet:127.0.0.1:10040", "localhost:10040"),
        ("inet:mx.example.org:10040", "0.0.0.0:10040"),
        ("inet:[::1]:10040", "[::1]:10040"),
        ("unix:restricted/policy.sock", "unix:/var/spool/postfix/restricted/policy.sock"),
    ] {
        let check = format!("check_policy_service {{ {asked}, timeout=5s, default_action=DUNNO }}");
        let lists = format!(
            "smtpd_sender_restrictions = {check}\nsmtpd_end_of_data_restrictions = {check}"
        );
        let found = found(&documented_but(&lists), &[("POLICY_LISTEN", listen), networks]);
        assert_eq!(found, [], "{asked} {listen}");
    }
}

#[test]
fn a_socket_outside_the_chroot_is_found() {
    let check =
        "check_policy_service { unix:/run/ru/policy.sock, timeout=5s, default_action=DUNNO }";
    let lists =
        format!("smtpd_sender_restrictions = {check}\nsmtpd_end_of_data_restrictions = {check}");
    let ours = [("POLICY_LISTEN", "unix:/run/ru/policy.sock")];
    let (level, says, _) = found(&documented_but(&lists), &ours).remove(0);
    assert_eq!(level, Level::Problem);
    assert!(says.contains("cannot reach from its chroot in /var/spool/postfix"), "{says}");
    assert!(says.contains("unix:/var/spool/postfix/restricted/policy.sock"), "{says}");

    let main = format!("{lists}\n");
    let free = postfix(&main, "submission inet n - n - - smtpd", "");
    assert_eq!(found(&free, &ours), []);
}

#[test]
fn an_override_of_one_service_is_found_where_it_stands() {
    let postconf = postfix(
        &format!("smtpd_sender_restrictions = {CHECK}\nsmtpd_end_of_data_restrictions = {CHECK}\n"),
        "submission inet n - y - - smtpd\nsmtps inet n - y - - smtpd",
        "smtps/inet/smtpd_sender_restrictions = reject_sender_login_mismatch",
    );
    let found = found(&postconf, &[]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        found[0].1,
        "smtps: smtpd_sender_restrictions does not ask us, so nobody is refused"
    );
    assert_eq!(
        found[0].2,
        format!(
            "master.cf, smtps: -o {{ smtpd_sender_restrictions = {CHECK}, \
             reject_sender_login_mismatch }}"
        )
    );
    let says: Vec<_> = examine(&postconf, &config(&[])).into_iter().map(|one| one.says).collect();
    let both = "submission, smtps: smtpd_end_of_data_restrictions asks us";
    assert!(says.iter().any(|says| says == both), "{says:?}");
}

#[test]
fn mail_without_a_login_is_told_not_to_be_watched() {
    let main = format!(
        "smtpd_sender_restrictions = {CHECK}\nsmtpd_end_of_data_restrictions = {CHECK}\n\
         smtpd_relay_restrictions = permit_mynetworks, reject\n"
    );
    let master = format!("{SUBMISSION}\nsmtp inet n - y - - smtpd\npickup unix n - y 60 1 pickup");
    let overrides = "smtp/inet/smtpd_sasl_auth_enable = no";
    let found_here = found(&postfix(&main, &master, overrides), &[]);
    assert_eq!(found_here.iter().map(|one| one.0).collect::<Vec<_>>(), [Level::Note; 2]);
    assert!(found_here[0].1.starts_with("submission, smtp: mail from mynetworks (127.0.0.0/8"));

    let wide = format!("{main}mynetworks = 127.0.0.0/8 192.0.2.0/24\n");
    assert_eq!(found(&postfix(&wide, &master, overrides), &[])[0].0, Level::Warning);
    let nobody = postfix("smtpd_sasl_auth_enable = no", &master, "");
    let (level, says, _) = found(&nobody, &[]).remove(0);
    assert_eq!(level, Level::Problem);
    assert!(says.starts_with("no smtpd service of Postfix lets anybody sign in"), "{says}");
}

#[test]
fn socketmaps_are_looked_at_too() {
    let maps = "sender_dependent_default_transport_maps = socketmap:inet:127.0.0.1:10041:transport";
    let ours = [("SOCKETMAP_LISTEN", "127.0.0.1:10041")];
    let (level, says, _) = only(maps);
    assert_eq!(level, Level::Problem);
    assert!(says.contains("our socketmaps listen nowhere, so Postfix answers RCPT"), "{says}");

    let high_risk = [ours[0], ("HIGH_RISK_TRANSPORT", "hirisk:[192.0.2.66]")];
    let (_, says, write) = found(&documented_but(maps), &high_risk).remove(1);
    assert!(says.contains("master.cf has no service hirisk"), "{says}");
    assert_eq!(write, "master.cf: hirisk unix - - n - - smtp");
    let (_, _, write) = found(&documented_but(""), &high_risk).remove(0);
    assert_eq!(write, format!("main.cf: {maps}"));
}

#[test]
fn what_a_socketmap_costs_is_told_wherever_it_stands() {
    let ours = [("SOCKETMAP_LISTEN", "127.0.0.1:10041")];
    for (setting, map, stops) in [
        (
            "sender_dependent_default_transport_maps",
            "proxy:socketmap:inet:127.0.0.1:10041:transport",
            "RCPT with 451, for everybody: to the outside, and to every domain that is not in \
             mydestination, relay_domains or virtual_*_domains",
        ),
        (
            "smtpd_recipient_restrictions",
            "check_sasl_access socketmap:inet:127.0.0.1:10041:restricted",
            "every RCPT with 451, for everybody and to the inside too",
        ),
    ] {
        let found = found(&documented_but(&format!("{setting} = {map}")), &ours);
        let says = format!(
            "{setting} asks our socketmaps: while this service is away, Postfix answers {stops}"
        );
        assert_eq!(found, [(Level::Warning, says, String::new())]);
    }
}

#[test]
fn more_processes_than_places_are_found() {
    let lists = documented_but("").main;
    let places = Limits::default().connections;
    let submission = |processes| format!("submission inet n - y - {processes} smtpd");
    let and_smtps = |processes| submission(processes) + "\nsmtps inet n - y - - smtpd";
    for (master, count) in [
        (submission(places + 1), Some((places + 1).to_string())),
        (and_smtps(places - 99), Some((places + 1).to_string())),
        (submission(0), Some("any number of".into())),
        (and_smtps(places - 100), None),
    ] {
        let postconf = Postconf { main: lists.clone(), ..postfix("", &master, "") };
        let found = found(&postconf, &[]);
        assert_eq!(found.len(), usize::from(count.is_some()), "{found:?}");
        for (level, says, _) in found {
            assert_eq!(level, Level::Warning);
            let count = count.as_ref().unwrap();
            let processes = format!("Postfix may run {count} smtpd processes that ask us");
            assert!(says.starts_with(&processes), "{says}");
        }
    }
}

#[test]
fn about_the_lines_of_the_portal_there_is_nothing_to_say_and_they_are_what_the_doctor_writes() {
    for (listen, at) in [
        ("127.0.0.1:10040", "inet:127.0.0.1:10040"),
        ("[::1]:10400", "inet:[::1]:10400"),
        ("unix:/var/spool/postfix/restricted/policy.sock", "unix:restricted/policy.sock"),
        ("unix:/run/policy.sock", "unix:/run/policy.sock"),
    ] {
        let settings = [("POLICY_LISTEN", listen)];
        let endpoint = Endpoint::of(&listen.parse().unwrap(), Path::new("/var/spool/postfix"));
        assert_eq!(endpoint.to_string(), at);
        let lines = main_cf(&endpoint).replace("=\n", "=").replace(",\n", ",");
        let submission = "submission inet n - n - - smtpd";
        assert_eq!(found(&postfix(&lines, submission, ""), &settings), [], "{lines}");
        let untouched = found(&postfix("", submission, ""), &settings);
        assert_eq!(untouched.len(), 2, "{untouched:?}");
        for ((_, _, write), line) in untouched.iter().zip(lines.lines()) {
            let words = |text: &str| text.split_whitespace().collect::<String>();
            assert_eq!(words(write), words(&format!("main.cf: {line}")));
        }
    }
}

#[test]
fn only_services_that_could_be_ours_are_connected_to() {
    let main = format!(
        "smtpd_sender_restrictions = check_policy_service inet:127.0.0.1:10023, {CHECK}\n\
         smtpd_end_of_data_restrictions = check_policy_service unix:other/policy\n"
    );
    let targets = asked(&postfix(&main, SUBMISSION, ""), &config(&[]));
    let ours = super::live::Target::Tcp("127.0.0.1:10040".into());
    assert_eq!(targets.into_iter().collect::<Vec<_>>(), [ours]);
}

#[test]
fn our_own_settings_are_looked_at() {
    let found = worse_than_ok(examine_settings(&config(&[("HIGH_RISK_TRANSPORT", "hirisk")])));
    let sentences: Vec<_> = found.into_iter().map(|(_, says, _)| says).collect();
    assert_eq!(
        sentences,
        [
            "organization_domains is empty, so every recipient with a domain is outside",
            "high_risk_transport does nothing without socketmap_listen",
            "alerts stand in the portal alone: no smtp_url, no alert_webhooks"
        ]
    );
}

#[test]
fn a_reverse_proxy_that_nobody_trusts_is_told() {
    let says = |settings: &[(&str, &str)]| {
        let found = worse_than_ok(examine_settings(&config(settings)));
        let sentences: Vec<_> = found.into_iter().map(|(_, says, _)| says).collect();
        sentences.join("\n")
    };
    let https = ("PUBLIC_URL", "https://restricted.example.org");
    let (header, proxy) = (("FORWARDED_HEADER", "X-Real-IP"), ("TRUSTED_PROXIES", "127.0.0.1"));
    assert!(says(&[https]).contains("for the address of the reverse proxy"));
    assert!(says(&[header]).contains("forwarded_header does nothing without trusted_proxies"));
    assert!(!says(&[https, header, proxy]).contains("prox"));
}

#[test]
fn alerts_that_leave_the_portal_are_nothing_to_speak_of() {
    let domains = ("ORGANIZATION_DOMAINS", "example.org");
    for channel in [
        &[("SMTP_URL", "smtp://127.0.0.1"), ("ALERT_FROM", "noreply@example.org")][..],
        &[("ALERT_WEBHOOKS", "https://hooks.slack.com/services/x")],
    ] {
        let settings = [&[domains][..], channel].concat();
        assert_eq!(worse_than_ok(examine_settings(&config(&settings))), []);
    }
}

#[test]
fn nothing_of_a_file_but_text_reaches_a_terminal() {
    let postconf = postfix("", "sub\u{1b}[2Jmission inet n - y - - smtpd", "");
    for finding in examine(&postconf, &config(&[])) {
        assert!(!finding.says.contains('\u{1b}'), "{finding:?}");
    }
}
