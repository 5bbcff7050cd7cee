//! Where settings come from: a TOML file, overridden by the environment.

use super::{ConfigError, Result};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

const PREFIX: &str = "RESTRICTED_USERS_";
const DEFAULT_FILE: &str = "restricted-users.toml";
/// systemd's, where a unit has `StateDirectory=` (systemd.exec(5)).
const STATE_DIRECTORY: &str = "STATE_DIRECTORY";
/// Variables that the client commands take; no settings, but ours.
const CLIENT_VARIABLES: [&str; 2] = ["url", "token"];
/// Settings that are secrets as they stand: whoever knows the URL of a webhook of Slack's can write there.
const SECRETS: [&str; 3] = ["alert_webhook_secret", "alert_webhooks", "oidc_client_secret"];
/// A file larger than this is not a file of settings.
const LARGEST_FILE: u64 = 1024 * 1024;

/// A setting as it was written.
#[derive(Debug)]
pub(super) enum Value {
    Variable(String),
    Toml(toml::Value),
}

/// The settings as they were written; each is taken out once, so that what is left is unknown.
#[derive(Debug, Default)]
pub(super) struct Source {
    file: Option<(PathBuf, toml::Table)>,
    variables: BTreeMap<String, String>,
    taken: Vec<&'static str>,
    /// Where systemd lets the service keep its state.
    state_directory: Option<PathBuf>,
}

impl Source {
    pub(super) fn load(
        file: Option<&Path>,
        variables: impl Iterator<Item = (OsString, OsString)>,
    ) -> Result<Self> {
        let mut source = Self::variables(variables);
        let default = Path::new(DEFAULT_FILE);
        if let Some(path) = file.or_else(|| default.exists().then_some(default)) {
            source.file = Some((path.to_owned(), read(path)?));
        }
        Ok(source)
    }

    /// The file, where it holds a secret; for as long as nothing was taken out.
    pub(super) fn file_with_secrets(&self) -> Option<PathBuf> {
        let (path, table) = self.file.as_ref()?;
        table.iter().any(|(key, value)| is_secret(key, value)).then(|| path.clone())
    }

    pub(super) fn variables(variables: impl Iterator<Item = (OsString, OsString)>) -> Self {
        let mut source = Self::default();
        for (key, value) in variables {
            let Some(key) = key.to_str() else { continue };
            let value = value.to_string_lossy();
            if let Some(key) = key.strip_prefix(PREFIX) {
                source.variables.insert(key.to_ascii_lowercase(), value.into_owned());
            } else if key == STATE_DIRECTORY {
                // Of several, with colons between, the first is the service's own.
                source.state_directory = value.split(':').next().map(Into::into);
            }
        }
        source
    }

    /// Takes the setting `state_directory`, or else what systemd says.
    pub(super) fn state_directory(&mut self) -> Result<Option<PathBuf>> {
        let folder = |text: &str| Some(PathBuf::from(text)).filter(|folder| folder.is_dir());
        let set = self.one("state_directory", "a folder that is there", folder)?;
        Ok(set.or_else(|| self.state_directory.take()))
    }

    /// Takes a setting of one value; `takes` says what it takes.
    pub(super) fn one<T>(
        &mut self,
        key: &'static str,
        takes: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>> {
        let Some(value) = self.take(key) else { return Ok(None) };
        let text = value.text();
        parse(&text).map(Some).ok_or_else(|| bad(key, text, takes))
    }

    /// Takes a setting that no message shall show.
    pub(super) fn secret<T>(
        &mut self,
        key: &'static str,
        takes: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>> {
        let Some(value) = self.take(key) else { return Ok(None) };
        parse(&value.text()).map(Some).ok_or_else(|| bad(key, "***".into(), takes))
    }

    /// Takes a setting that is a list; empty where it is not set.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        takes: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Vec<T>> {
        let Some(value) = self.take(key) else { return Ok(Vec::new()) };
        let one = |text: String| parse(&text).ok_or_else(|| bad(key, text, takes));
        value.texts().into_iter().map(one).collect()
    }

    /// Takes a setting that is a table; empty where it is not set.
    pub(super) fn pairs<T>(
        &mut self,
        key: &'static str,
        takes: &str,
        parse: impl Fn(&str, &str) -> Option<T>,
    ) -> Result<Vec<T>> {
        let Some(value) = self.take(key) else { return Ok(Vec::new()) };
        let text = value.text();
        let pairs = value.pairs().ok_or_else(|| bad(key, text, takes))?;
        let one = |(name, value): (String, String)| {
            parse(&name, &value).ok_or_else(|| bad(key, format!("{name}={value}"), takes))
        };
        pairs.into_iter().map(one).collect()
    }

    fn take(&mut self, key: &'static str) -> Option<Value> {
        self.taken.push(key);
        let in_file = self.file.as_mut().and_then(|(_, table)| table.remove(key));
        self.variables.remove(key).map(Value::Variable).or(in_file.map(Value::Toml))
    }

    /// The variables that nobody took.
    ///
    /// # Errors
    /// When nobody took a key of the file.
    pub(super) fn finish(self) -> Result<Vec<String>> {
        if let Some((path, table)) = self.file
            && let Some(key) = table.keys().next()
        {
            let (key, settings) = (key.clone(), self.taken.join(", "));
            return Err(ConfigError::Unknown { key, path, settings });
        }
        let unknown =
            self.variables.into_keys().filter(|key| !CLIENT_VARIABLES.contains(&key.as_str()));
        Ok(unknown.map(|key| format!("{PREFIX}{}", key.to_ascii_uppercase())).collect())
    }
}

impl Value {
    fn text(&self) -> String {
        match self {
            Self::Variable(text) | Self::Toml(toml::Value::String(text)) => text.trim().to_owned(),
            Self::Toml(other) => other.to_string(),
        }
    }

    fn texts(self) -> Vec<String> {
        match self {
            Self::Toml(toml::Value::Array(values)) => {
                values.into_iter().map(|value| Self::Toml(value).text()).collect()
            }
            one => one
                .text()
                .split(',')
                .map(|part| part.trim().to_owned())
                .filter(|part| !part.is_empty())
                .collect(),
        }
    }

    /// A table, or `name=value` with commas between; a name may hold `=`, a value may not.
    fn pairs(self) -> Option<Vec<(String, String)>> {
        if let Self::Toml(toml::Value::Table(table)) = self {
            let text = |value: toml::Value| Self::Toml(value).text();
            return Some(table.into_iter().map(|(name, value)| (name, text(value))).collect());
        }
        let pair = |text: String| {
            let (name, value) = text.rsplit_once('=')?;
            Some((name.trim().to_owned(), value.trim().to_owned()))
        };
        self.texts().into_iter().map(pair).collect()
    }
}

/// Whether a setting is a secret, or a URL with a password; Postgres takes it as a parameter too.
fn is_secret(key: &str, value: &toml::Value) -> bool {
    let url = value.as_str().and_then(|text| url::Url::parse(text).ok());
    let has_password = |url: url::Url| {
        url.password().is_some() || url.query_pairs().any(|(name, _)| name == "password")
    };
    SECRETS.contains(&key) || url.is_some_and(has_password)
}

fn bad(key: &'static str, got: String, takes: &str) -> ConfigError {
    ConfigError::Bad { key, got: without_password(got), takes: takes.into() }
}

/// A URL may hold a password, which no message shall show.
fn without_password(text: String) -> String {
    match url::Url::parse(&text) {
        Ok(mut url) if url.password().is_some() => match url.set_password(Some("***")) {
            Ok(()) => url.into(),
            Err(()) => "***".into(),
        },
        // What is no URL may still have been meant to be one.
        _ => match (text.find("://"), text.rfind('@')) {
            (Some(scheme), Some(at)) if scheme < at => {
                format!("{}://***{}", &text[..scheme], &text[at..])
            }
            _ => text,
        },
    }
}

fn read(path: &Path) -> Result<toml::Table> {
    let file = |problem: String| ConfigError::File { path: path.to_owned(), problem };
    let size = std::fs::metadata(path).map_err(|error| file(error.to_string()))?.len();
    if size > LARGEST_FILE {
        return Err(file(format!("it has {size} bytes, and {LARGEST_FILE} are taken")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| file(error.to_string()))?;
    text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| text[..span.start].lines().count().max(1));
        file(format!("line {line}: {}", error.message()))
    })
}
