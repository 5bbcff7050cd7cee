//! Whether Postfix looks senders up where we answer.

use super::finding::Finding;
use super::policy::Endpoint;
use super::postconf::Postconf;
use super::postfix::queue;
use super::restrictions::split;
use crate::config::Config;
use std::collections::BTreeSet;

const TRANSPORT_MAPS: &str = "sender_dependent_default_transport_maps";

/// What Postfix does where nobody answers; a socketmap has no setting to go on without
/// (`socketmap_table(5)`). It looks transports up for mail that it does not deliver itself, and all
/// else for all mail.
const NO_TRANSPORT: &str = "Postfix answers RCPT with 451, for everybody: to the outside, and to \
                            every domain that is not in mydestination, relay_domains or \
                            virtual_*_domains";
const NO_ACCESS: &str = "Postfix answers every RCPT with 451, for everybody and to the inside too";

/// Looks at the maps of Postfix beside our socketmap port.
pub(super) fn examine(postconf: &Postconf, config: &Config) -> Vec<Finding> {
    let mut maps = split(postconf.main(TRANSPORT_MAPS)).into_iter().filter_map(map);
    let asked = maps.find(|(_, name)| *name == "transport").map(|(endpoint, _)| endpoint);
    let transport = match asked {
        Some(endpoint) if is_ours(&endpoint, postconf, config) => None,
        Some(endpoint) => Some(map_elsewhere(&endpoint, config)),
        None => missing_map(postconf, config),
    };
    let mut findings = price(postconf, config);
    findings.extend(transport);
    findings.extend(missing_transport(postconf, config));
    findings
}

/// What it costs to look anything up here.
fn price(postconf: &Postconf, config: &Config) -> Vec<Finding> {
    let overrides = postconf.services.iter().flat_map(|service| &service.overrides);
    let settings = postconf.main.iter().chain(overrides);
    let ours = settings.filter(|(_, value)| {
        let mut words = value.split([' ', ',', '{', '}']);
        words.any(|word| map(word).is_some_and(|(at, _)| is_ours(&at, postconf, config)))
    });
    let names: BTreeSet<&str> = ours.map(|(name, _)| name.as_str()).collect();
    let price = |name| {
        let stops = if name == TRANSPORT_MAPS { NO_TRANSPORT } else { NO_ACCESS };
        Finding::warning(format!("{name} asks our socketmaps: while this service is away, {stops}"))
    };
    names.into_iter().map(price).collect()
}

fn map_elsewhere(endpoint: &Endpoint, config: &Config) -> Finding {
    let ours = config.socketmap_listen.first();
    let listening = ours.map_or("nowhere".into(), |ours| format!("at {ours}"));
    let address = endpoint.to_string();
    Finding::problem(format!(
        "{TRANSPORT_MAPS} asks {address}, but our socketmaps listen {listening}, so \
         {NO_TRANSPORT}"
    ))
    .write(format!(
        "restricted-users.toml: socketmap_listen = [\"{}\"]",
        address.trim_start_matches("inet:")
    ))
}

fn missing_map(postconf: &Postconf, config: &Config) -> Option<Finding> {
    let (Some(ours), Some(_)) = (config.socketmap_listen.first(), &config.high_risk_transport)
    else {
        return None;
    };
    let endpoint = Endpoint::of(ours, queue(postconf));
    let says = "high_risk_transport is set, but Postfix does not look its transports up";
    let line = format!("main.cf: {TRANSPORT_MAPS} = socketmap:{endpoint}:transport");
    Some(Finding::warning(says).write(line))
}

/// The address and the name of `socketmap:ADDRESS:NAME`.
fn map(word: &str) -> Option<(Endpoint, &str)> {
    let map = word.strip_prefix("proxy:").unwrap_or(word).strip_prefix("socketmap:")?;
    let (address, name) = map.rsplit_once(':')?;
    Some((Endpoint::parse(address)?, name))
}

fn is_ours(endpoint: &Endpoint, postconf: &Postconf, config: &Config) -> bool {
    let chroot = postconf.services.iter().any(|one| one.command == "trivial-rewrite" && one.chroot);
    let mut ours = config.socketmap_listen.iter();
    ours.any(|address| endpoint.reaches(address, queue(postconf), chroot))
}

/// A transport that there is not keeps the mail in the queue.
fn missing_transport(postconf: &Postconf, config: &Config) -> Option<Finding> {
    let transport = config.high_risk_transport.as_ref()?.as_str();
    let name = transport.split(':').next().unwrap_or_default();
    let known = postconf.services.iter().any(|one| one.name == name && one.kind == "unix");
    (!known).then(|| {
        let says = format!(
            "high_risk_transport is {transport}, but master.cf has no service {name}, so the mail \
             of senders at warning level stays in the queue"
        );
        Finding::problem(says).write(format!("master.cf: {name} unix - - n - - smtp"))
    })
}
