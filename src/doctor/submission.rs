//! One smtpd service of Postfix where senders sign in.

use super::finding::Finding;
use super::live::Target;
use super::main_cf::{END_OF_DATA, PERMIT, SENDER, check};
use super::master::Service;
use super::policy::{Endpoint, PolicyService};
use super::postconf::Postconf;
use super::postfix::queue;
use super::restrictions::{Entry, entries, split};
use crate::config::Config;
use crate::postfix::RestrictedAnswer;
use std::collections::BTreeSet;
use std::path::Path;

/// Lists from which Postfix gives a refusal another code, and that code.
const WRONG_LISTS: [(&str, &str); 5] = [
    ("smtpd_recipient_restrictions", "5.1.2"),
    ("smtpd_relay_restrictions", "5.1.2"),
    ("smtpd_client_restrictions", "5.0.0"),
    ("smtpd_helo_restrictions", "5.0.0"),
    ("smtpd_data_restrictions", "5.0.0"),
];

/// Seconds for which a mail client may wait for us.
const LONGEST_TIMEOUT: u64 = 10;

/// A service where senders sign in, and what it is told.
pub(super) struct Submission<'a> {
    service: &'a Service,
    postconf: &'a Postconf,
    config: &'a Config,
    queue: &'a Path,
}

/// Where in a list we are asked.
enum Place {
    Asked(PolicyService, bool),
    Behind(String),
    Nowhere,
}

impl<'a> Submission<'a> {
    pub(super) fn new(service: &'a Service, postconf: &'a Postconf, config: &'a Config) -> Self {
        Self { service, postconf, config, queue: queue(postconf) }
    }

    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut findings = self.list(SENDER);
        findings.extend(self.list(END_OF_DATA));
        findings.extend(self.delay_reject());
        findings.extend(self.soft_bounce());
        findings.extend(self.proxy_filter());
        findings
    }

    /// Whom it asks about senders and at the end of messages; ours alone where we are among them.
    pub(super) fn targets(&self) -> BTreeSet<Target> {
        let lists = [SENDER, END_OF_DATA].into_iter();
        let all: Vec<Endpoint> = lists.flat_map(|list| self.endpoints(list)).collect();
        let (ours, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| self.is_ours(one));
        let targets = if ours.is_empty() { others } else { ours };
        targets.iter().map(|one| Target::of(one, self.queue, self.service.chroot)).collect()
    }

    pub(super) fn asks_us(&self) -> bool {
        [SENDER, END_OF_DATA]
            .into_iter()
            .flat_map(|list| self.endpoints(list))
            .any(|one| self.is_ours(&one))
    }

    fn get(&self, name: &str) -> &'a str {
        self.postconf.get(self.service, name)
    }

    fn endpoints(&self, list: &str) -> Vec<Endpoint> {
        let endpoint = |entry| match entry {
            Entry::Asks(service, _) => service.endpoint,
            Entry::Permits(_) => None,
        };
        entries(self.get(list), self.postconf).into_iter().filter_map(endpoint).collect()
    }

    fn is_ours(&self, endpoint: &Endpoint) -> bool {
        self.reaches(endpoint, self.service.chroot)
    }

    fn reaches(&self, endpoint: &Endpoint, chroot: bool) -> bool {
        let mut ours = self.config.policy_listen.iter();
        ours.any(|address| endpoint.reaches(address, self.queue, chroot))
    }

    fn place(&self, list: &str) -> Place {
        let mut ended = None;
        for entry in entries(self.get(list), self.postconf) {
            match entry {
                Entry::Permits(whom) => ended = ended.or(Some(whom)),
                Entry::Asks(service, only_logged)
                    if service.endpoint.as_ref().is_some_and(|one| self.is_ours(one)) =>
                {
                    return ended.map_or(Place::Asked(service, only_logged), Place::Behind);
                }
                Entry::Asks(..) => {}
            }
        }
        Place::Nowhere
    }

    fn list(&self, list: &'static str) -> Vec<Finding> {
        match self.place(list) {
            Place::Asked(service, only_logged) => self.asked(list, &service, only_logged),
            Place::Behind(whom) => vec![
                Finding::problem(format!(
                    "in {list} we stand behind {whom}, which ends the list for whoever it is for"
                ))
                .write(self.line(list)),
            ],
            Place::Nowhere => {
                vec![Finding::problem(self.why_nowhere(list)).write(self.line(list))]
            }
        }
    }

    fn asked(&self, list: &str, service: &PolicyService, only_logged: bool) -> Vec<Finding> {
        let mut findings = Vec::new();
        if only_logged {
            let says =
                format!("warn_if_reject in {list} makes Postfix log our refusals and no more");
            findings.push(Finding::warning(says).write(self.line(list)));
        }
        findings.extend(self.default_action(list, service));
        findings.extend(self.timeout(list, service));
        if findings.is_empty() {
            findings.push(Finding::ok(format!("{list} asks us")));
        }
        findings
    }

    /// Not asked at all, in the wrong list, at another address, or out of reach.
    fn why_nowhere(&self, list: &str) -> String {
        let wrong = WRONG_LISTS
            .iter()
            .find(|(wrong, _)| self.endpoints(wrong).iter().any(|endpoint| self.is_ours(endpoint)));
        let others = self.endpoints(list);
        let imprisoned =
            others.iter().find(|endpoint| self.service.chroot && self.reaches(endpoint, false));
        let what = if list == END_OF_DATA { "nothing is counted" } else { "nobody is refused" };
        match (imprisoned, wrong, others.first()) {
            (Some(endpoint), ..) => format!(
                "{list} asks {endpoint}, which smtpd cannot reach from its chroot in {}; listen \
                 there: policy_listen = [\"unix:{}\"]",
                self.queue.display(),
                self.queue.join("restricted/policy.sock").display()
            ),
            (_, Some((wrong, code)), _) if list == SENDER => format!(
                "we are asked from {wrong}, where Postfix turns 5.1.8 into {code}, and not from {list}"
            ),
            (.., Some(other)) => {
                format!("{list} asks {other}, but we listen at {}, so {what}", self.listening())
            }
            _ => format!("{list} does not ask us, so {what}"),
        }
    }

    fn listening(&self) -> String {
        let addresses: Vec<_> = self.config.policy_listen.iter().map(ToString::to_string).collect();
        addresses.join(" and ")
    }

    fn default_action(&self, list: &str, service: &PolicyService) -> Option<Finding> {
        let own = service.default_action.as_deref();
        let action = own.unwrap_or_else(|| self.get("smtpd_policy_service_default_action"));
        let word = action.split_whitespace().next().unwrap_or_default();
        if word.eq_ignore_ascii_case("DUNNO") {
            return None;
        }
        let says = if word.eq_ignore_ascii_case("OK") || word.eq_ignore_ascii_case("permit") {
            format!(
                "while we are down, {list} skips its other restrictions (default_action={action})"
            )
        } else {
            format!("while we are down, {list} stops all mail (default_action={action})")
        };
        Some(Finding::problem(says).write(self.line(list)))
    }

    fn timeout(&self, list: &str, service: &PolicyService) -> Option<Finding> {
        let own = service.timeout.as_deref();
        let time = own.unwrap_or_else(|| self.get("smtpd_policy_service_timeout"));
        let long = seconds(time).is_none_or(|seconds| seconds > LONGEST_TIMEOUT);
        let says = || format!("{list} waits {time} for us before it goes on, twice");
        long.then(|| Finding::warning(says()).write(self.line(list)))
    }

    fn delay_reject(&self) -> Option<Finding> {
        (self.get("smtpd_delay_reject") == "no").then(|| {
            let says = "smtpd_delay_reject = no makes Postfix ask before it knows a recipient, so \
                        nobody is refused";
            Finding::problem(says).write(self.setting("smtpd_delay_reject", "yes"))
        })
    }

    fn soft_bounce(&self) -> Option<Finding> {
        (self.get("soft_bounce") == "yes").then(|| {
            let says = "soft_bounce = yes turns 550 into 450, so clients try again for days";
            Finding::warning(says).write(self.setting("soft_bounce", "no"))
        })
    }

    fn proxy_filter(&self) -> Option<Finding> {
        let filter = Some(self.get("smtpd_proxy_filter")).filter(|filter| !filter.is_empty())?;
        Some(if self.config.restricted_answer == RestrictedAnswer::Bounce {
            let says = format!(
                "with smtpd_proxy_filter = {filter} Postfix ignores the answer that \
                 restricted_answer = bounce gives, so nobody is refused"
            );
            Finding::problem(says).write("restricted-users.toml: restricted_answer = \"reject\"")
        } else {
            Finding::warning(format!(
                "with smtpd_proxy_filter = {filter} Postfix tells no queue id, so a filter's \
                 verdict finds its message by Message-ID alone"
            ))
        })
    }

    /// The list with our check before everything else.
    fn line(&self, list: &str) -> String {
        let words = split(self.get(list));
        let mut rest: Vec<String> = Vec::new();
        let mut words = words.into_iter().peekable();
        while let Some(word) = words.next() {
            match word {
                "check_policy_service" => {
                    let service = words.next().unwrap_or_default();
                    let endpoint = PolicyService::read(service).endpoint;
                    if !endpoint.is_some_and(|endpoint| self.is_ours(&endpoint)) {
                        rest.push(format!("{word} {service}"));
                    }
                }
                "warn_if_reject" => {}
                other => rest.push(other.to_owned()),
            }
        }
        if rest.is_empty() && list == SENDER {
            rest.push(PERMIT.into());
        }
        let ours = self.config.policy_listen.first();
        rest.splice(0..0, ours.map(|ours| check(&Endpoint::of(ours, self.queue))));
        self.setting(list, &rest.join(", "))
    }

    /// Where a setting of this service is written.
    fn setting(&self, name: &str, value: &str) -> String {
        if self.service.overrides.contains_key(name) {
            format!("master.cf, {}: -o {{ {name} = {value} }}", self.service.name)
        } else {
            format!("main.cf: {name} = {value}")
        }
    }
}

/// A time as Postfix writes it; without a unit it is seconds here.
fn seconds(time: &str) -> Option<u64> {
    let digits = time.trim_end_matches(|char: char| char.is_ascii_alphabetic());
    let unit = match &time[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}
