//! How often a password may be tried: against guessing, without locking anybody out for good.

use crate::model::address::Address;
use crate::secret::SecretHash;
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use sha2::{Digest, Sha256};
use std::net::{IpAddr, Ipv6Addr};
use uuid::Uuid;

/// What attempts are counted for, how many are let through in a window, and how long that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    pub subject: String,
    pub attempts: i64,
    pub window: TimeDelta,
}

/// Tries of one account from browsers nobody signed in with before. Windows are fixed, so that at
/// their border twice as many can pass.
const OF_AN_ACCOUNT: (i64, TimeDelta) = (10, TimeDelta::minutes(15));
/// Tries of one account from a browser that its owner has used: a guesser on the loose elsewhere
/// does not keep the owner out.
const OF_A_DEVICE: (i64, TimeDelta) = (5, TimeDelta::minutes(1));
/// Tries from one network, for any account: an office behind one address still gets in.
const OF_A_NETWORK: (i64, TimeDelta) = (50, TimeDelta::minutes(15));
/// Sign-ins that begin at the identity provider, from one network.
const OF_VISITS: (i64, TimeDelta) = (200, TimeDelta::minutes(15));

/// Wrong one-time codes of one operator, over all sign-ins: who has the password has three codes in
/// a million to guess. Recovery codes and passkeys, which nobody guesses, go on meanwhile.
const OF_CODES: (i64, TimeDelta) = (10, TimeDelta::hours(1));
/// Questions for passkeys from one network: each is kept for minutes.
const OF_CHALLENGES: (i64, TimeDelta) = (100, TimeDelta::minutes(15));

/// Hex digits of an account's hash that its count carries: enough to tell accounts apart, too few
/// to find out whether a password was typed into the address field.
const DIGITS: usize = 4;

impl Budget {
    /// The budgets that an attempt for `account` from `from` takes from. Accounts that do not exist
    /// are counted like those that do, so that the limit tells a stranger nothing; a name that is no
    /// address has no account. A known device has its budget to itself: whatever its neighbours in the
    /// network do, its owner gets in.
    pub fn of(account: Option<&Address>, device: Option<&SecretHash>, from: IpAddr) -> Vec<Self> {
        if let Some(device) = device {
            return vec![Self::new(format!("device {}", device.as_str()), OF_A_DEVICE)];
        }
        let of_account = |account| format!("account {}", short_hash(account));
        let account = account.map(|account| Self::new(of_account(account), OF_AN_ACCOUNT));
        account.into_iter().chain([Self::new(of_network(from), OF_A_NETWORK)]).collect()
    }

    /// The budget of sign-ins that begin at the identity provider, each of which leaves a row until it
    /// ends, and of those that end without having begun.
    pub fn of_visits(from: IpAddr) -> Self {
        Self::new(format!("{} visits", of_network(from)), OF_VISITS)
    }

    /// The budget for what a page asks of an operator who is signed in, the password again or the
    /// first code of a new app: the session counts like a known device, and does not keep the owner
    /// from signing in.
    pub fn of_session(session: Uuid) -> Self {
        Self::new(format!("session {session}"), OF_A_DEVICE)
    }

    /// The budget for one-time codes.
    pub fn of_codes(operator: Uuid) -> Self {
        Self::new(format!("codes {operator}"), OF_CODES)
    }

    /// The budget for questions to authenticators by who is not signed in, and for answers that nobody
    /// asked for.
    pub fn of_challenges(from: IpAddr) -> Self {
        Self::new(format!("{} passkeys", of_network(from)), OF_CHALLENGES)
    }

    fn new(subject: String, (attempts, window): (i64, TimeDelta)) -> Self {
        Self { subject, attempts, window }
    }

    /// When the window that `now` is in began.
    ///
    /// # Panics
    /// Never: windows are a whole number of minutes.
    pub fn window_at(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now.duration_trunc(self.window).expect("windows are whole minutes of this epoch")
    }
}

fn short_hash(account: &Address) -> String {
    hex::encode(Sha256::digest(account.as_str()))[..DIGITS].to_owned()
}

/// What the subjects of networks begin with, of which a stranger may have any number.
pub const NETWORK: &str = "network ";

fn of_network(from: IpAddr) -> String {
    format!("{NETWORK}{}", network(from))
}

/// The first address of a client's network: an IPv6 customer has a /64 to try from, an IPv4 one an
/// address.
pub fn network(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subjects(account: &str, from: &str) -> Vec<String> {
        let budgets = Budget::of(Some(&Address::stored(account)), None, from.parse().unwrap());
        budgets.into_iter().map(|budget| budget.subject).collect()
    }

    #[test]
    fn an_ipv6_network_counts_as_one_and_ipv4_in_ipv6_as_itself() {
        assert_eq!(subjects("a@b.example", "2001:db8::1")[1], "network 2001:db8::");
        assert_eq!(subjects("a@b.example", "2001:db8::ffff:1")[1], "network 2001:db8::");
        assert_eq!(subjects("a@b.example", "::ffff:192.0.2.1")[1], "network 192.0.2.1");
    }

    #[test]
    fn a_known_device_has_its_budget_to_itself() {
        let (account, device) = (Address::stored("a@b.example"), SecretHash::of("device"));
        let budgets = Budget::of(Some(&account), Some(&device), [192, 0, 2, 1].into());
        let subjects: Vec<_> = budgets.iter().map(|budget| budget.subject.as_str()).collect();
        assert_eq!(subjects, [format!("device {}", device.as_str())]);
    }

    #[test]
    fn what_is_kept_of_an_account_does_not_name_it() {
        let subject = &subjects("hunter2@example.org", "192.0.2.1")[0];
        assert_eq!(subject.len(), "account ".len() + DIGITS);
    }
}
