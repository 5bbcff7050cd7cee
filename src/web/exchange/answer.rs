//! What a cmdlet answers, in the envelope that Exchange puts around it.

use super::cmdlets::Outcome;
use super::paging::SkipToken;
use super::preferences::Preferences;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use utoipa::ToSchema;

/// The content type of every answer.
pub(super) const JSON: &str = "application/json; odata.metadata=minimal; charset=utf-8";

/// A JSON text.
pub(super) fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("answers are text, numbers and lists")
}

/// JSON as it is sent, for a place inside other JSON.
pub(super) fn raw(value: &impl Serialize) -> Box<RawValue> {
    to_raw_value(value).expect("answers are text, numbers and lists")
}

/// An object among those that a cmdlet answers, its properties in the order in which they are shown.
#[derive(Debug, PartialEq)]
pub(super) struct Record(pub(super) Vec<(&'static str, Value)>);

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl Record {
    /// An open type has no property that it must not be asked for: an unknown one is not there.
    fn select(&mut self, properties: &[String]) {
        let is_asked_for =
            |name: &str| properties.iter().any(|asked| asked.eq_ignore_ascii_case(name));
        self.0.retain(|(name, _)| is_asked_for(name));
    }
}

/// The answer to a call that went well.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CmdletAnswer)]
pub(super) struct Answer {
    /// What the values are, as OData says it.
    #[serde(rename = "@odata.context")]
    context: String,
    /// What the caller should know, such as when an unblock takes effect.
    #[serde(rename = "@adminapi.warnings")]
    warnings: Vec<String>,
    /// What would have been done, where `WhatIf` asked for that alone.
    #[serde(rename = "@adminapi.confirmationmessage", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    would: Option<String>,
    /// What the cmdlet found, with Exchange's properties, or those that `$select` names.
    #[schema(value_type = Vec<Object>)]
    value: Vec<Record>,
    /// Where the next page is, with POST and with GET.
    #[serde(rename = "@odata.nextLink", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next_link: Option<String>,
}

impl Answer {
    /// What came of a call at `root`, of which only the properties `select` are told.
    pub(super) fn new(outcome: Outcome, select: Option<Vec<String>>, root: &str) -> Self {
        let next_link = outcome.next.map(|token| next_link(root, select.as_deref(), &token));
        let mut value = outcome.records;
        if let Some(properties) = select {
            for record in &mut value {
                record.select(&properties);
            }
        }
        Self {
            context: format!("{root}/$metadata#Collection(Exchange.GenericHashTable)"),
            warnings: outcome.warnings,
            would: outcome.would,
            value,
            next_link,
        }
    }

    pub(super) fn into_response(self, preferences: &Preferences) -> Response {
        let version = (HeaderName::from_static("odata-version"), "4.0");
        let headers = [(header::CONTENT_TYPE, JSON), version];
        let mut response = (headers, text(&self)).into_response();
        if let Some(size) = preferences.page_size {
            let applied = format!("odata.maxpagesize={size}");
            let applied = applied.try_into().expect("a number has no characters that headers lack");
            response.headers_mut().insert(HeaderName::from_static("preference-applied"), applied);
        }
        response
    }
}

/// Scripts follow it as it stands, so it is whole and leads to where browsers reach this service.
fn next_link(root: &str, select: Option<&[String]>, token: &SkipToken) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if let Some(properties) = select {
        query.append_pair("$select", &properties.join(","));
    }
    query.append_pair("$skiptoken", &token.write());
    format!("{root}/InvokeCommand?{}", query.finish())
}
