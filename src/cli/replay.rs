//! `replay`: who would have been restricted, by the logs of Postfix.

use super::table;
use crate::config::Config;
use crate::model::clock::Clock;
use crate::model::{Action, OutboundSpamPolicy};
use crate::replay::{Outcome, Replay, Times};
use anyhow::Context;
use chrono::{DateTime, Local, NaiveDateTime, SecondsFormat, TimeZone, Utc};
use clap::Args;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use std::fs::File;
use std::io::{Read, stdin};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Logs of Postfix, the oldest first, packed with gzip or not; - for standard input.
    #[arg(required = true, value_name = "MAILLOG")]
    logs: Vec<PathBuf>,
    #[command(flatten)]
    limits: Limits,
    /// How to write the list.
    #[arg(long, value_enum, default_value_t = table::Format::Text)]
    format: table::Format,
}

/// The limits of an outbound spam policy. Where none is given it is the default policy's.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
struct Limits {
    /// Recipients outside in an hour, 0 for 500.
    #[arg(long, value_name = "N", value_parser = number, allow_hyphen_values = true)]
    recipient_limit_external_per_hour: Option<i64>,
    /// Recipients inside in an hour, 0 for 1,000.
    #[arg(long, value_name = "N", value_parser = number, allow_hyphen_values = true)]
    recipient_limit_internal_per_hour: Option<i64>,
    /// Recipients in 24 hours, 0 for 1,000.
    #[arg(long, value_name = "N", value_parser = number, allow_hyphen_values = true)]
    recipient_limit_per_day: Option<i64>,
    /// What happens to whoever crosses one of these: block-user, block-user-for-today or alert.
    #[arg(long, value_name = "ACTION", value_parser = action)]
    action_when_threshold_reached: Option<Action>,
    /// So many spam messages ...
    #[arg(long, value_name = "N", value_parser = number, allow_hyphen_values = true)]
    spam_messages: Option<i64>,
    /// ... in so many minutes restrict.
    #[arg(long, value_name = "MINUTES", value_parser = number, allow_hyphen_values = true)]
    spam_messages_minutes: Option<i64>,
    /// So many per cent of the messages of 24 hours ...
    #[arg(long, value_name = "PERCENT", value_parser = number, allow_hyphen_values = true)]
    spam_percent: Option<i64>,
    /// ... of at least so many messages restrict.
    #[arg(long, value_name = "N", value_parser = number, allow_hyphen_values = true)]
    spam_percent_of_at_least: Option<i64>,
}

fn number(text: &str) -> Result<i64, &'static str> {
    text.parse().map_err(|_| "it takes a whole number")
}

/// As the API writes it, hyphens for underscores allowed.
fn action(text: &str) -> Result<Action, &'static str> {
    serde_json::from_value(text.replace('-', "_").into())
        .map_err(|_| "it takes block-user, block-user-for-today or alert")
}

pub(super) fn run(arguments: &Arguments, config: &Config) -> anyhow::Result<ExitCode> {
    let policy = match arguments.limits.policy() {
        Ok(policy) => policy,
        Err(problem) => {
            eprintln!("restricted-users: {problem}");
            return Ok(ExitCode::from(2));
        }
    };
    let organization = config.organization.clone();
    if organization.domains.is_empty() {
        eprintln!("organization_domains is not set: every recipient with a domain is outside");
    }
    let mut replay = Replay::new(organization, vec![policy], config.restriction_scope);
    for log in &arguments.logs {
        read(&mut replay, log).with_context(|| format!("cannot read {}", log.display()))?;
    }
    show(arguments.format, &replay.finish());
    Ok(ExitCode::SUCCESS)
}

impl Limits {
    /// The policy with these limits, or which of them cannot be used.
    fn policy(&self) -> Result<OutboundSpamPolicy, String> {
        let mut policy = OutboundSpamPolicy::default_policy();
        for (given, field) in [
            (self.recipient_limit_external_per_hour, &mut policy.recipient_limit_external_per_hour),
            (self.recipient_limit_internal_per_hour, &mut policy.recipient_limit_internal_per_hour),
            (self.recipient_limit_per_day, &mut policy.recipient_limit_per_day),
            (self.spam_messages, &mut policy.spam_messages),
            (self.spam_messages_minutes, &mut policy.spam_messages_minutes),
            (self.spam_percent, &mut policy.spam_percent),
            (self.spam_percent_of_at_least, &mut policy.spam_percent_of_at_least),
        ] {
            *field = given.unwrap_or(*field);
        }
        policy.action_when_threshold_reached =
            self.action_when_threshold_reached.unwrap_or_default();
        policy.checked().map_err(|problems| {
            let flag = |field: &str| field.replace('_', "-");
            let told = problems.iter().map(|it| format!("--{}: {}", flag(&it.field), it.detail));
            told.collect::<Vec<_>>().join("; ")
        })
    }
}

fn read(replay: &mut Replay, path: &Path) -> std::io::Result<()> {
    let now = Clock::default().now();
    let (log, bar, written_at): (Box<dyn Read>, _, _) = if path == Path::new("-") {
        (Box::new(stdin()), ProgressBar::new_spinner(), now)
    } else {
        let file = File::open(path)?;
        let about = file.metadata()?;
        // Where a file system keeps no time, it is as if it was written to right now.
        let written_at = about.modified().map_or(now, DateTime::from);
        (Box::new(file), ProgressBar::new(about.len()).with_style(style()), written_at)
    };
    bar.set_message(path.display().to_string());
    replay.read(bar.wrap_read(log), Times::new(local_time, written_at, now))?;
    bar.finish_and_clear();
    Ok(())
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:40} {percent} % of {msg}, {eta} left")
        .expect("the template is good")
}

/// In the zone of this machine, `TZ` where that is set.
fn local_time(naive: NaiveDateTime) -> Option<DateTime<Utc>> {
    Local.from_local_datetime(&naive).earliest().map(|at| at.to_utc())
}

fn show(format: table::Format, outcome: &Outcome) {
    let rows: Vec<_> = outcome
        .findings
        .iter()
        .map(|found| {
            let at = found.at.to_rfc3339_opts(SecondsFormat::Secs, true);
            [at, found.sender.to_string(), found.what.name().into(), found.why.sentence()]
        })
        .collect();
    if !rows.is_empty() || format == table::Format::Json {
        table::show(format, ["at", "sender", "what", "why"], &rows);
    }
    eprintln!("{}", summary(outcome));
}

fn summary(outcome: &Outcome) -> String {
    let summary = format!(
        "{} lines read, {} messages of {} senders, {} lines not understood",
        HumanCount(outcome.lines),
        HumanCount(outcome.messages),
        HumanCount(outcome.senders as u64),
        HumanCount(outcome.not_understood),
    );
    if outcome.out_of_order == 0 {
        return summary;
    }
    let lines = HumanCount(outcome.out_of_order);
    format!(
        "{summary}; {lines} lines left out, which are older than those before them: give the \
         oldest log first"
    )
}
