//! Whether our own settings make sense together.

use super::finding::Finding;
use crate::config::{Config, ForwardedHeader};

/// Looks at our settings.
pub fn examine(config: &Config) -> Vec<Finding> {
    let mut findings = vec![Finding::ok("the settings can be used")];
    if config.organization.domains.is_empty() {
        let says = "organization_domains is empty, so every recipient with a domain is outside";
        let line = "restricted-users.toml: organization_domains = [\"example.org\"]";
        findings.push(Finding::warning(says).write(line));
    }
    if config.high_risk_transport.is_some() && config.socketmap_listen.is_empty() {
        let says = "high_risk_transport does nothing without socketmap_listen";
        let line = "restricted-users.toml: socketmap_listen = [\"127.0.0.1:10041\"]";
        findings.push(Finding::warning(says).write(line));
    }
    if config.trusted_proxies.is_empty() && config.forwarded_header != ForwardedHeader::default() {
        let says = "forwarded_header does nothing without trusted_proxies";
        let line = "restricted-users.toml: trusted_proxies = [\"127.0.0.1\"]";
        findings.push(Finding::warning(says).write(line));
    }
    if config.trusted_proxies.is_empty() && config.is_https() {
        let says = "public_url is https and trusted_proxies is empty, so everybody who signs in counts \
                    for the address of the reverse proxy";
        let line = "restricted-users.toml: trusted_proxies = [\"127.0.0.1\"]";
        findings.push(Finding::warning(says).write(line));
    }
    if !config.alerts.leave_the_portal() {
        let says = "alerts stand in the portal alone: no smtp_url, no alert_webhooks";
        let line = "restricted-users.toml: smtp_url and alert_from, or alert_webhooks";
        findings.push(Finding::note(says).write(line));
    }
    for variable in &config.unknown_variables {
        findings.push(Finding::warning(format!("{variable} is no setting of ours")));
    }
    findings
}
