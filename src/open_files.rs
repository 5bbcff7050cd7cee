//! How many files this process may have open, and how its doors share them: every connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Postfix makes 100 `smtpd` processes by default, and large servers a thousand.
const FEW: usize = 1_000;

/// More connections than anybody has that a door is for.
const MOST: usize = 10_000;

/// Takes as many files as the system lets this process have. The limit that it begins with is low
/// for the sake of old programs alone: shells and systemd begin with 1,024.
pub fn raise_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
    {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// How many connections each door may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doors {
    /// Each port of mail servers: a half for them all. What they ask stands first.
    pub mail_port: usize,
    /// The portal and the API: a quarter. The last quarter is for the database, for mail and
    /// webhooks, and for those who are told to go and have not gone yet.
    pub web: usize,
}

impl Doors {
    /// What the limit of this process allows, with so many ports for mail servers.
    pub fn of_this_process(mail_ports: usize) -> Self {
        let limit = getrlimit(Resource::Nofile).current;
        let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
        Self::within(limit, mail_ports)
    }

    /// Tells where mail servers could find too few places.
    pub fn warn_of_few(self) {
        if self.mail_port < FEW {
            let most = self.mail_port;
            tracing::warn!(most, "few connections of mail servers: raise the limit of open files");
        }
    }

    fn within(limit: usize, mail_ports: usize) -> Self {
        Self { mail_port: (limit / 2 / mail_ports.max(1)).min(MOST), web: (limit / 4).min(MOST) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_doors_together_leave_a_quarter_of_the_files() {
        for (limit, ports, mail_port, web) in [
            (1_024, 1, 512, 256),
            (1_024, 2, 256, 256),
            (8_192, 1, 4_096, 2_048),
            (usize::MAX, 2, MOST, MOST),
        ] {
            assert_eq!(Doors::within(limit, ports), Doors { mail_port, web });
        }
    }

    #[test]
    fn the_limit_is_raised_as_far_as_it_goes() {
        raise_limit();
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        assert_eq!(current, maximum);
    }
}
