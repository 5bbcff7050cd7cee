//! The services of Postfix: master.cf as `postconf` prints it.

use super::postconf::setting;
use std::collections::BTreeMap;

/// A service of master.cf (master(5)).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Service {
    /// Its name, which for smtpd is where it listens.
    pub name: String,
    /// `inet`, `unix` and so on.
    pub kind: String,
    /// Whether it runs in a chroot, which is the queue directory.
    pub chroot: bool,
    /// How many processes of it may run (`maxproc`); nothing where `default_process_limit` says it.
    pub process_limit: Option<usize>,
    pub command: String,
    /// Its own settings, given with `-o`.
    pub overrides: BTreeMap<String, String>,
}

/// The services, from what `postconf -M` and `postconf -Px` print.
pub(super) fn services(master: &str, overrides: &str) -> Vec<Service> {
    let mut services: Vec<Service> = master.lines().filter_map(service).collect();
    for line in overrides.lines() {
        let Some((name, value)) = setting(line) else { continue };
        let mut path = name.splitn(3, '/');
        let (Some(service), Some(kind), Some(name)) = (path.next(), path.next(), path.next())
        else {
            continue;
        };
        let owner = |one: &&mut Service| one.name == service && one.kind == kind;
        if let Some(service) = services.iter_mut().find(owner) {
            service.overrides.insert(name.to_owned(), value.to_owned());
        }
    }
    services
}

/// Name, type, private, unprivileged, chroot, wakeup, process limit, command.
fn service(line: &str) -> Option<Service> {
    let columns: Vec<&str> = line.split_whitespace().take(8).collect();
    let [name, kind, _, _, chroot, _, process_limit, command] = columns[..] else { return None };
    Some(Service {
        name: name.to_owned(),
        kind: kind.to_owned(),
        chroot: chroot == "y",
        process_limit: process_limit.parse().ok(),
        command: command.to_owned(),
        overrides: BTreeMap::new(),
    })
}
