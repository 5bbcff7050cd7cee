//! The query of an address: `$select` and `$skiptoken`.

use super::refusal::Refusal;
use crate::web::extract::shortened;
use utoipa::IntoParams;

/// Properties that are asked for by name; an entry has fewer.
const MOST_PROPERTIES: usize = 100;

/// What the query asks for.
#[derive(Debug, Default, PartialEq, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Options {
    /// The properties asked for, with commas between them; all of them where it is missing.
    #[param(rename = "$select", value_type = Option<String>)]
    pub(super) select: Option<Vec<String>>,
    /// Where the page before ended, as its `@odata.nextLink` says.
    #[param(rename = "$skiptoken", format = "cursor")]
    pub(super) skip_token: Option<String>,
}

impl Options {
    pub(super) fn read(query: Option<&str>) -> Result<Self, Refusal> {
        let mut options = Self::default();
        let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        for (name, value) in pairs.filter(|(_, value)| !value.is_empty()) {
            let taken = match &*name {
                "$select" => options.select.replace(properties(&value)?).is_none(),
                "$skiptoken" => options.skip_token.replace(value.into_owned()).is_none(),
                _ => return Err(unknown(&name)),
            };
            if !taken {
                return Err(Refusal::bad_request(format!("{name} is given twice.")));
            }
        }
        // A star among them is all of them.
        options.select = options.select.filter(|names| !names.iter().any(|name| name == "*"));
        Ok(options)
    }
}

fn properties(list: &str) -> Result<Vec<String>, Refusal> {
    let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
    let names: Vec<_> = names.map(str::to_owned).collect();
    if names.len() > MOST_PROPERTIES {
        let count = names.len();
        let why = format!("$select has {count} names, at most {MOST_PROPERTIES} are taken.");
        return Err(Refusal::bad_request(why));
    }
    Ok(names)
}

fn unknown(name: &str) -> Refusal {
    let name = shortened(name);
    let why = format!("The query has {name:?}; $select and $skiptoken are taken.");
    Refusal::bad_request(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_are_selected_by_name_or_all_of_them_by_a_star() {
        let select = |query| Options::read(Some(query)).unwrap().select;
        let names = ["SenderAddress", "Reason"].map(str::to_owned).to_vec();
        assert_eq!(select("$select=SenderAddress,Reason"), Some(names.clone()));
        assert_eq!(select("%24select=SenderAddress%2C+Reason%2C"), Some(names));
        assert_eq!(select("$select=SenderAddress,*"), None);
        assert_eq!(select("$select="), None);
        assert_eq!(select(""), None);
    }

    #[test]
    fn what_would_change_the_answer_and_is_not_known_is_refused() {
        let long = format!("$select={}", "A,".repeat(101));
        for query in ["$filter=x", "$top=5", "colour=red", "$select=A&$select=B", &long] {
            assert!(Options::read(Some(query)).is_err(), "{query}");
        }
    }
}
