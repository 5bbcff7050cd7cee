//! What main.cf has to say so that Postfix asks us: one text for the portal, the documentation and
//! the doctor.

use super::policy::Endpoint;

/// The list that decides about each recipient.
pub(super) const SENDER: &str = "smtpd_sender_restrictions";

/// The list that counts each message.
pub(super) const END_OF_DATA: &str = "smtpd_end_of_data_restrictions";

/// What stands behind our check in a list of senders that holds nothing else.
pub(super) const PERMIT: &str = "permit_sasl_authenticated";

/// The lines for main.cf that have Postfix ask at `endpoint`.
pub fn main_cf(endpoint: &Endpoint) -> String {
    let check = check(endpoint);
    format!("{SENDER} =\n    {check},\n    {PERMIT}\n{END_OF_DATA} =\n    {check}\n")
}

/// The entry of a list that asks at `endpoint`, and lets mail flow while nobody answers there.
pub(super) fn check(endpoint: &Endpoint) -> String {
    format!("check_policy_service {{ {endpoint}, timeout=5s, default_action=DUNNO }}")
}
