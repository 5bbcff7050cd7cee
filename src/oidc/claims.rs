//! What the provider says about somebody who signs in.

use crate::model::address::Address;
use serde_json::{Map, Value};

/// The claims about one person.
pub(super) type Claims = Map<String, Value>;

/// The values of a claim that is a text or a list of texts; nothing where it is not there.
pub(super) fn values(claims: &Claims, name: &str) -> Vec<String> {
    let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
    match claims.get(name) {
        Some(Value::Array(values)) => values.iter().filter_map(text).collect(),
        Some(value) => text(value).into_iter().collect(),
        None => Vec::new(),
    }
}

/// The address to show, where there is one. It names the person to others and lets nobody in:
/// providers let people change it.
pub(super) fn address(claims: &Claims) -> Option<Address> {
    let disowned = claims.get("email_verified") == Some(&Value::Bool(false));
    let email = claims.get("email").filter(|_| !disowned);
    [email, claims.get("preferred_username")]
        .into_iter()
        .flatten()
        .filter_map(|text| Address::parse(text.as_str()?, None).ok())
        .find(|address| !address.domain().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn claims(value: Value) -> Claims {
        match value {
            Value::Object(claims) => claims,
            other => unreachable!("{other}"),
        }
    }

    #[test]
    fn a_claim_is_a_text_or_a_list_of_texts() {
        let claims = claims(json!({ "one": "a", "some": ["a", 1, "b"], "other": { "a": "b" } }));
        assert_eq!(values(&claims, "one"), ["a"]);
        assert_eq!(values(&claims, "some"), ["a", "b"]);
        assert!(values(&claims, "other").is_empty());
        assert!(values(&claims, "none").is_empty());
    }

    #[test]
    fn an_address_that_the_provider_has_not_verified_is_not_shown() {
        let shown = |email_verified: bool| {
            let claims = claims(json!({
                "email": "Olivia@Example.org",
                "email_verified": email_verified,
                "preferred_username": "olivia@corp.example",
            }));
            address(&claims).unwrap().to_string()
        };
        assert_eq!(shown(true), "olivia@example.org");
        assert_eq!(shown(false), "olivia@corp.example");
        assert_eq!(address(&claims(json!({ "preferred_username": "olivia" }))), None);
    }
}
