//! Whether Postfix looks senders up where we answer.

use super::finding::Finding;
use super::policy::Endpoint;
use super::postconf::Postconf;
use super::postfix::queue;
use super::restrictions::split;
use crate::config::Config;

const TRANSPORT_MAPS: &str = "sender_dependent_default_transport_maps";

/// Looks at the maps of Postfix beside our socketmap port.
pub(super) fn examine(postconf: &Postconf, config: &Config) -> Vec<Finding> {
    let asked = split(postconf.main(TRANSPORT_MAPS)).into_iter().find_map(transport_map);
    let map = match asked {
        Some(endpoint) => Some(asked_map(&endpoint, postconf, config)),
        None => missing_map(postconf, config),
    };
    map.into_iter().chain(missing_transport(postconf, config)).collect()
}

fn asked_map(endpoint: &Endpoint, postconf: &Postconf, config: &Config) -> Finding {
    if is_ours(endpoint, postconf, config) {
        return Finding::ok(format!("{TRANSPORT_MAPS} asks us"));
    }
    let ours = config.socketmap_listen.first();
    let listening = ours.map_or("nowhere".into(), |ours| format!("at {ours}"));
    let address = endpoint.to_string();
    Finding::problem(format!(
        "{TRANSPORT_MAPS} asks {address}, but our socketmaps listen {listening}, so Postfix keeps \
         all mail in its queue"
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

/// The address of `socketmap:ADDRESS:transport`.
fn transport_map(map: &str) -> Option<Endpoint> {
    let map = map.strip_prefix("proxy:").unwrap_or(map);
    Endpoint::parse(map.strip_prefix("socketmap:")?.strip_suffix(":transport")?)
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
