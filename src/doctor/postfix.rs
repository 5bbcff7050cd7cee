//! Whether Postfix asks us in the right place.

use super::finding::Finding;
use super::master::Service;
use super::postconf::Postconf;
use super::submission::Submission;
use super::{live::Target, maps};
use crate::config::Config;
use crate::mail_port::Limits;
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::path::Path;

/// Looks at Postfix' settings beside ours.
pub fn examine(postconf: &Postconf, config: &Config) -> Vec<Finding> {
    let mut findings = submissions(postconf, config);
    findings.extend(maps::examine(postconf, config));
    findings.extend(without_login(postconf));
    findings.extend(too_few_places(postconf, config));
    findings
}

/// Where Postfix asks the policy services of those who sign in.
pub fn asked(postconf: &Postconf, config: &Config) -> BTreeSet<Target> {
    let submissions = signed_in(postconf).map(|service| Submission::new(service, postconf, config));
    submissions.flat_map(|submission| submission.targets()).collect()
}

/// The folder that relative paths of sockets begin at.
pub(super) fn queue(postconf: &Postconf) -> &Path {
    Path::new(postconf.main("queue_directory"))
}

fn smtpd(postconf: &Postconf) -> impl Iterator<Item = &Service> {
    postconf.services.iter().filter(|service| service.command == "smtpd")
}

fn signed_in(postconf: &Postconf) -> impl Iterator<Item = &Service> {
    smtpd(postconf).filter(|service| postconf.get(service, "smtpd_sasl_auth_enable") == "yes")
}

/// What is the same for several services is said once.
fn submissions(postconf: &Postconf, config: &Config) -> Vec<Finding> {
    let mut said: Vec<(Finding, Vec<&str>)> = Vec::new();
    for service in signed_in(postconf) {
        for finding in Submission::new(service, postconf, config).findings() {
            match said.iter_mut().find(|(one, _)| *one == finding) {
                Some((_, names)) => names.push(&service.name),
                None => said.push((finding, vec![&service.name])),
            }
        }
    }
    if said.is_empty() {
        let says = "no smtpd service of Postfix lets anybody sign in, so no sender is known and \
                    nobody's mail is watched";
        return vec![Finding::problem(says).write("main.cf: smtpd_sasl_auth_enable = yes")];
    }
    said.into_iter().map(|(finding, names)| finding.about(&names.join(", "))).collect()
}

/// Each process of smtpd keeps a connection to us, and one for which there is no place takes another's.
fn too_few_places(postconf: &Postconf, config: &Config) -> Option<Finding> {
    let places = Limits::default().connections;
    let default = postconf.main("default_process_limit").parse().unwrap_or_default();
    let asking = smtpd(postconf).filter(|one| Submission::new(one, postconf, config).asks_us());
    let limits: Vec<usize> = asking.map(|one| one.process_limit.unwrap_or(default)).collect();
    let processes: usize = limits.iter().sum();
    // 0 stands for any number (master(5)).
    let count = if limits.contains(&0) { "any number of".into() } else { processes.to_string() };
    (limits.contains(&0) || processes > places).then(|| {
        let says = format!(
            "Postfix may run {count} smtpd processes that ask us, but within this limit of open \
             files the policy port has places for {places}, and those beyond close the connections \
             that are idle the longest: raise the limit, or lower default_process_limit in main.cf, \
             or maxproc in master.cf"
        );
        Finding::warning(says)
    })
}

/// Mail whose sender is known by no login.
fn without_login(postconf: &Postconf) -> Vec<Finding> {
    let relays = |service: &&Service| {
        ["smtpd_relay_restrictions", "smtpd_recipient_restrictions"]
            .iter()
            .any(|list| postconf.get(service, list).contains("permit_mynetworks"))
    };
    let names: Vec<&str> = smtpd(postconf).filter(relays).map(|one| one.name.as_str()).collect();
    let networks = postconf.main("mynetworks");
    let mut findings = Vec::new();
    if !names.is_empty() && !networks.is_empty() {
        let says = format!(
            "{}: mail from mynetworks ({networks}) is taken without a login and is not watched",
            names.join(", ")
        );
        findings.push(if is_loopback_alone(networks) {
            Finding::note(says)
        } else {
            Finding::warning(says).write("main.cf: mynetworks = 127.0.0.0/8 [::1]/128")
        });
    }
    if postconf.services.iter().any(|service| service.command == "pickup") {
        let says = "mail that programs on this machine hand to sendmail has no login and is not \
                    watched";
        findings.push(Finding::note(says));
    }
    findings
}

/// A table or a file could hold anything.
fn is_loopback_alone(networks: &str) -> bool {
    let loopback = |word: &str| {
        let network: Option<IpNet> = word.replace(['[', ']'], "").parse().ok();
        network.is_some_and(|network| network.network().is_loopback())
    };
    super::restrictions::split(networks).into_iter().all(loopback)
}
