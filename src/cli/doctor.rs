//! `doctor`: finds what stands in the way, and says what to write.

use super::{print, table};
use crate::config::{Config, ConfigError};
use crate::doctor::live::{self, Target};
use crate::doctor::{
    Finding, Level, Unread, asked, examine, examine_files, examine_settings, read,
};
use clap::Args;
use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Another folder with main.cf and master.cf than Postfix' own.
    #[arg(long, value_name = "FOLDER")]
    postfix_config: Option<PathBuf>,
    /// How to write what was found.
    #[arg(long, value_enum, default_value_t = table::Format::Text)]
    format: table::Format,
}

pub(super) async fn run(
    arguments: &Arguments,
    config: Result<Config, ConfigError>,
) -> anyhow::Result<ExitCode> {
    let findings = match config {
        Ok(config) => all(&config, arguments).await,
        Err(error) => vec![Finding::problem(error.to_string())],
    };
    show(&findings, arguments.format);
    let healthy = findings.iter().all(|finding| finding.level != Level::Problem);
    Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn all(config: &Config, arguments: &Arguments) -> Vec<Finding> {
    let mut findings = examine_settings(config);
    findings.extend(examine_files(config));
    findings.extend(live::database(config).await);
    let mut targets: BTreeSet<Target> = config.policy_listen.iter().map(Target::from).collect();
    match read(arguments.postfix_config.as_deref()).await {
        Ok(postconf) => {
            findings.extend(examine(&postconf, config));
            targets.extend(asked(&postconf, config));
        }
        Err(unread) => findings.push(not_looked_at(&unread, arguments)),
    }
    for target in &targets {
        findings.push(live::policy_service(target).await);
    }
    findings
}

/// Postfix may well run on another machine, unless its settings were asked for.
fn not_looked_at(unread: &Unread, arguments: &Arguments) -> Finding {
    let says = format!("Postfix was not looked at: {unread}");
    if arguments.postfix_config.is_some() { Finding::problem(says) } else { Finding::note(says) }
}

fn show(findings: &[Finding], format: table::Format) {
    if format == table::Format::Text && std::io::stdout().is_terminal() {
        return findings.iter().for_each(show_to_people);
    }
    let rows: Vec<_> = findings
        .iter()
        .map(|finding| {
            let write = finding.write.clone().unwrap_or_default();
            [finding.level.name().to_owned(), finding.says.clone(), write]
        })
        .collect();
    table::show(format, ["level", "finding", "write"], &rows);
}

fn show_to_people(finding: &Finding) {
    print(&format!("{:8} {}", finding.level.name(), finding.says));
    if let Some(line) = &finding.write {
        print(&format!("         write  {line}"));
    }
}
