//! What a request prefers: `Prefer` (RFC 7240) and `X-ResponseFormat`.

use super::paging::LARGEST_PAGE;
use super::refusal::Refusal;
use crate::web::extract::shortened;
use axum::http::HeaderMap;
use utoipa::IntoParams;

/// The headers that say what a request prefers.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it describes what `Preferences` reads")]
pub(super) struct PreferenceHeaders {
    /// `odata.maxpagesize=N` for pages of N entries, 1,000 at most; for a batch
    /// `odata.continue-on-error` to go on after a request that failed.
    #[param(rename = "Prefer", nullable = false)]
    prefer: Option<String>,
}

/// What a request prefers.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(super) struct Preferences {
    /// Entries of a page, at most [`LARGEST_PAGE`] however many were asked for.
    pub(super) page_size: Option<usize>,
    /// Whether a batch goes on after a request that failed.
    pub(super) continue_on_error: bool,
}

impl Preferences {
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        let headers = headers.iter();
        let text = headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        Self::among(text)
    }

    /// The preferences among these headers, whatever the case of their names.
    pub(super) fn among<'a>(
        headers: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, Refusal> {
        let mut preferences = Self::default();
        for (name, value) in headers {
            // Scripts are about that write the second.
            if ["prefer", "x-prefer"].iter().any(|known| name.eq_ignore_ascii_case(known)) {
                preferences.read(value)?;
            }
            if name.eq_ignore_ascii_case("x-responseformat") {
                json_alone(value)?;
            }
        }
        Ok(preferences)
    }

    /// RFC 7240 puts commas between preferences; scripts are about that put semicolons.
    fn read(&mut self, value: &str) -> Result<(), Refusal> {
        for preference in value.split([',', ';']) {
            let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
            let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().trim_matches('"'));
            match name.strip_prefix("odata.").unwrap_or(&name) {
                // Of preferences given twice the first counts (RFC 7240 §2).
                "maxpagesize" => {
                    let size = page_size(value)?;
                    self.page_size.get_or_insert(size);
                }
                "continue-on-error" => {
                    self.continue_on_error = !value.eq_ignore_ascii_case("false");
                }
                // Preferences are wishes: those that mean nothing here are passed over.
                _ => {}
            }
        }
        Ok(())
    }
}

fn page_size(value: &str) -> Result<usize, Refusal> {
    let is_number = !value.is_empty() && value.bytes().all(|digit| digit.is_ascii_digit());
    match value.parse() {
        Ok(size @ 1..) => Ok(LARGEST_PAGE.min(size)),
        // More than a number can hold is more than a page can hold.
        Err(_) if is_number => Ok(LARGEST_PAGE),
        _ => {
            let why = format!(
                "Prefer: odata.maxpagesize is {:?}; a number from 1 on is taken.",
                shortened(value)
            );
            Err(Refusal::bad_request(why))
        }
    }
}

fn json_alone(format: &str) -> Result<(), Refusal> {
    if format.trim().eq_ignore_ascii_case("json") {
        return Ok(());
    }
    let format = shortened(format);
    Err(Refusal::bad_request(format!("X-ResponseFormat is {format:?}; json alone is answered.")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn prefer(value: &str) -> Result<Preferences, Refusal> {
        Preferences::among([("PREFER", value)].into_iter())
    }

    #[test]
    fn preferences_are_read_as_scripts_write_them() {
        for (value, page_size, continue_on_error) in [
            ("odata.maxpagesize=1000", Some(1_000), false),
            ("odata.maxpagesize = 50;odata.continue-on-error", Some(50), true),
            ("maxpagesize=\"5\", continue-on-error=true", Some(5), true),
            ("odata.maxpagesize=7, odata.maxpagesize=9", Some(7), false),
            ("odata.continue-on-error=false", None, false),
            ("return=minimal, respond-async", None, false),
            ("odata.maxpagesize=5000", Some(1_000), false),
            ("odata.maxpagesize=99999999999999999999999", Some(1_000), false),
            ("", None, false),
        ] {
            let expected = Preferences { page_size, continue_on_error };
            assert_eq!(prefer(value).unwrap(), expected, "{value}");
        }
    }

    #[test]
    fn a_page_that_holds_nothing_and_a_format_that_is_not_answered_are_refused() {
        for value in ["0", "-1", "ten", "", "1e3", "1.5"] {
            assert!(prefer(&format!("odata.maxpagesize={value}")).is_err(), "{value}");
        }
        let format = |value| Preferences::among([("X-ResponseFormat", value)].into_iter());
        assert!(format("JSON").is_ok());
        assert!(format("clixml").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_a_preference_or_refused(value in "(odata.maxpagesize|[ -~])?[=;, ]?[ -~]{0,20}") {
            if let Ok(preferences) = prefer(&value) {
                prop_assert!(preferences.page_size.is_none_or(|size| (1..=LARGEST_PAGE).contains(&size)));
            }
        }
    }
}
