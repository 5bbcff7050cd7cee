//! Alerts in words.

use super::{
    Fact, LONGEST_ADDRESS, LONGEST_TEXT, Letter, Line, Link, Section, Writer, counted, fact, moment,
};
use crate::decision::Scope;
use crate::model::alert::{AlertLine, AlertPolicyId, WENT_BACK};
use crate::model::reason::Reason;
use crate::model::text::{decent, number};

impl Writer {
    pub(super) fn one_alert(&self, policy: AlertPolicyId, alert: &AlertLine) -> Letter {
        let (who, why) = (who(alert), why(alert));
        let title = self.title_of_one(policy, alert, &who);
        let subject = match policy {
            AlertPolicyId::UserRestricted => format!("{who} is restricted: {why}"),
            AlertPolicyId::SuspiciousSending => format!("{who} sends suspicious mail: {why}"),
            AlertPolicyId::SendingLimit => format!("{who} went over a sending limit: {why}"),
            AlertPolicyId::ReleaseFailed => format!("{title}: {why}"),
        };
        Letter {
            opening: self.opening(policy),
            facts: facts(alert, &who, why),
            steps: steps(policy).iter().map(|step| (*step).to_owned()).collect(),
            action: Some(match alert.restriction_id {
                Some(id) => Link { label: format!("Open {who}"), url: self.page_of(id) },
                None => self.link("Open the alerts", "alerts"),
            }),
            ..Letter::new(subject, title)
        }
    }

    pub(super) fn many_alerts(
        &self,
        policy: AlertPolicyId,
        total: i64,
        alerts: &[AlertLine],
    ) -> Letter {
        let title = match policy {
            AlertPolicyId::UserRestricted => counted(total, "user is", "users are") + " restricted",
            AlertPolicyId::SuspiciousSending => {
                counted(total, "user sends", "users send") + " suspicious mail"
            }
            AlertPolicyId::SendingLimit => {
                counted(total, "user", "users") + " went over a sending limit"
            }
            AlertPolicyId::ReleaseFailed => {
                counted(total, "release", "releases") + " came late or failed"
            }
        };
        let rest = total - i64::try_from(alerts.len()).unwrap_or(total);
        let users = Section {
            title: if rest > 0 { "The first of them" } else { "Who" }.into(),
            lines: alerts.iter().map(|alert| self.line(alert)).collect(),
            more: (rest > 0).then(|| format!("and {} more", number(rest))),
        };
        Letter {
            opening: self.opening(policy),
            sections: vec![users],
            steps: steps(policy).iter().map(|step| (*step).to_owned()).collect(),
            action: Some(self.link("Open the alerts", "alerts")),
            ..Letter::new(title.clone(), title)
        }
    }

    fn title_of_one(&self, policy: AlertPolicyId, alert: &AlertLine, who: &str) -> String {
        match policy {
            AlertPolicyId::UserRestricted => {
                format!("{who} cannot send mail{}", self.out_of_reach())
            }
            AlertPolicyId::SuspiciousSending => format!("{who} sends mail that looks like spam"),
            AlertPolicyId::SendingLimit => format!("{who} went over a sending limit"),
            AlertPolicyId::ReleaseFailed if alert.reason == WENT_BACK => {
                "The database went back to an earlier state".into()
            }
            // The database refuses the releases of everybody.
            AlertPolicyId::ReleaseFailed if alert.address.is_none() => {
                "Releases that are due cannot be written".into()
            }
            AlertPolicyId::ReleaseFailed => format!("{who} was released late"),
        }
    }

    fn opening(&self, policy: AlertPolicyId) -> Vec<String> {
        let restricted = match self.scope {
            Scope::Outside => {
                "Such an account may have been taken over. Mail to the outside is refused until an \
                 admin lets the user back in; mail still arrives, and mail inside still flows."
            }
            Scope::All => {
                "Such an account may have been taken over. Its mail is refused until an admin lets \
                 the user back in; mail still arrives."
            }
        };
        let says = match policy {
            AlertPolicyId::UserRestricted => restricted,
            AlertPolicyId::SuspiciousSending => {
                "Nobody is restricted yet, and mail still flows. The account may have been taken \
                 over: as much again leads to a restriction."
            }
            AlertPolicyId::SendingLimit => {
                "The policy of this limit alerts and restricts nobody, so mail still flows. The \
                 account may have been taken over, or somebody writes to many on purpose."
            }
            AlertPolicyId::ReleaseFailed => {
                "Until a release is written, the user's mail stays refused although somebody \
                 unblocked it. What cannot be written is tried again and again."
            }
        };
        vec![says.into()]
    }

    fn line(&self, alert: &AlertLine) -> Line {
        Line {
            name: who(alert),
            says: format!("{}, since {}", why(alert), moment(alert.created_at)),
            url: alert.restriction_id.map(|id| self.page_of(id)),
        }
    }
}

fn who(alert: &AlertLine) -> String {
    alert.address.as_deref().map_or("several users".into(), |who| decent(who, LONGEST_ADDRESS))
}

fn why(alert: &AlertLine) -> String {
    let why = decent(&Reason::parse(&alert.reason).sentence(), LONGEST_TEXT);
    if why.trim().is_empty() { "no reason was given".into() } else { why }
}

fn facts(alert: &AlertLine, who: &str, why: String) -> Vec<Fact> {
    let mut facts = vec![fact("Why", why)];
    if alert.address.is_some() {
        facts.insert(0, fact("User", who.to_owned()));
    }
    facts.extend(numbers(&Reason::parse(&alert.reason)));
    facts.push(fact("Since", moment(alert.created_at)));
    if alert.activities > 1 {
        let times = number(alert.activities);
        facts.push(fact("Happened", format!("{times} times, last {}", moment(alert.changed_at))));
    }
    facts
}

/// The figures that the sentence does not tell.
fn numbers(reason: &Reason) -> Vec<Fact> {
    let figures = [
        ("Recipients outside, 24 hours", "ExternalRecipientCountToday"),
        ("Recipients inside, 24 hours", "InternalRecipientCountToday"),
        ("Recipients of the last message", "LastMessageRcptCount"),
    ];
    let figure = |(name, key)| {
        let count = i64::try_from(reason.number(key)?).ok()?;
        Some(fact(name, number(count)))
    };
    figures.into_iter().filter_map(figure).collect()
}

fn steps(policy: AlertPolicyId) -> &'static [&'static str] {
    match policy {
        AlertPolicyId::UserRestricted => &[
            "See what was sent, when and from where, on the user's page.",
            "Change the password, end sessions and app passwords, and turn on multi-factor \
             authentication.",
            "Remove forwarding and inbox rules that nobody knows.",
            "Then unblock the user there.",
        ],
        AlertPolicyId::SuspiciousSending | AlertPolicyId::SendingLimit => &[
            "Ask the user, not by mail, whether this mail is theirs.",
            "If it is not, restrict the user in the portal and change the password.",
        ],
        AlertPolicyId::ReleaseFailed => &[
            "Look whether everybody is released whose release was due.",
            "If not, see what the logs of the service and of the database say.",
        ],
    }
}
