//! A week in words.

use super::{Fact, LONGEST_ADDRESS, Letter, Line, Section, Writer, counted, fact};
use crate::model::alert::{Digest, Tally};
use crate::model::text::{decent, number};
use chrono::TimeDelta;

/// Names of a list; the others are counted.
const NAMES_LISTED: usize = 20;

impl Writer {
    pub(super) fn digest(&self, digest: &Digest) -> Letter {
        let week = format!(
            "{} to {} (UTC)",
            digest.since.format("%Y-%m-%d"),
            (digest.until - TimeDelta::days(1)).format("%Y-%m-%d"),
        );
        let (restricted, released) = (number(digest.restricted), number(digest.released));
        let subject = format!("Weekly digest: {restricted} restricted, {released} released");
        let lists = [
            ("Released by", &digest.released_by, "release", "releases"),
            ("Restricted more than once in 30 days", &digest.repeat_offenders, "time", "times"),
            ("Near a limit or a spam rule, and not restricted", &digest.near_limits, "day", "days"),
        ];
        Letter {
            opening: vec![self.week_in_a_sentence(digest)],
            facts: figures(digest, week),
            sections: lists
                .into_iter()
                .filter(|(_, tallies, ..)| !tallies.is_empty())
                .map(|(title, tallies, one, many)| section(title, tallies, one, many))
                .collect(),
            action: Some(self.link("Open the restricted users", "restrictedusers")),
            closing: vec![format!(
                "You get this each Monday from Restricted Users of {}. The setting weekly_digest \
                 turns it off.",
                self.organization
            )],
            ..Letter::new(subject, format!("The week at {}", self.organization))
        }
    }

    fn week_in_a_sentence(&self, digest: &Digest) -> String {
        match (digest.restricted, digest.active) {
            (0, 0) => "Nobody was restricted, and nobody is.".into(),
            (0, active) => format!(
                "Nobody was restricted; {} still.",
                counted(active, "user is restricted", "users are restricted")
            ),
            (restricted, _) => {
                let were = counted(restricted, "user was", "users were");
                format!("{were} kept from sending mail{}.", self.out_of_reach())
            }
        }
    }
}

fn figures(digest: &Digest, week: String) -> Vec<Fact> {
    vec![
        fact("Week", week),
        fact("Restricted", number(digest.restricted)),
        fact("Released", number(digest.released)),
        fact("Restricted now", number(digest.active)),
    ]
}

fn section(title: &str, tallies: &[Tally], one: &str, many: &str) -> Section {
    let line = |tally: &Tally| Line {
        name: decent(&tally.name, LONGEST_ADDRESS),
        says: counted(tally.count, one, many),
        url: None,
    };
    let rest = tallies.len().saturating_sub(NAMES_LISTED);
    Section {
        title: title.into(),
        lines: tallies.iter().take(NAMES_LISTED).map(line).collect(),
        more: (rest > 0).then(|| format!("and {rest} more")),
    }
}
