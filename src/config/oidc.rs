//! The organisation's identity provider: five settings that are needed together.

use super::source::Source;
use super::{ConfigError, Result, names_nobody, web_url};
use crate::model::operator::RoleGroup;
use openidconnect::IssuerUrl;
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::net::IpAddr;
use url::{Host, Url};

const ISSUER: &str = "an https URL without query and fragment (http on loopback alone), such as \
                      https://login.example.org/realms/staff";
const ROLES: &str = "claim values with the role group of each, such as admins=Organization Management; \
                     Mail Server is for tokens alone";

/// How operators sign in with the organisation's identity provider.
#[derive(Debug, Clone)]
pub struct Oidc {
    pub issuer: IssuerUrl,
    /// What the provider calls this service.
    pub client_id: String,
    /// How this service shows the provider that it is the one.
    pub client_secret: SecretString,
    /// The claim that says what somebody may do.
    pub role_claim: String,
    /// The role group of each of its values.
    pub role_map: BTreeMap<String, RoleGroup>,
}

impl Oidc {
    pub(super) fn from_source(source: &mut Source) -> Result<Option<Self>> {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let issuer = source.one("oidc_issuer", ISSUER, issuer)?;
        let client_id = source.one("oidc_client_id", "the id of a client", text)?;
        let client_secret = source.one("oidc_client_secret", "the secret of a client", text)?;
        let role_claim = source.one("oidc_role_claim", "the name of a claim", text)?;
        let role_map = source.pairs("oidc_role_map", ROLES, role)?;
        let set = [
            ("oidc_issuer", issuer.is_some()),
            ("oidc_client_id", client_id.is_some()),
            ("oidc_client_secret", client_secret.is_some()),
            ("oidc_role_claim", role_claim.is_some()),
            ("oidc_role_map", !role_map.is_empty()),
        ];
        all_or_none(set)?;
        let values = issuer.zip(client_id).zip(client_secret.zip(role_claim));
        Ok(values.map(|((issuer, client_id), (client_secret, role_claim))| Self {
            issuer,
            client_id,
            client_secret: client_secret.into(),
            role_claim,
            role_map: role_map.into_iter().collect(),
        }))
    }

    /// The highest role group that the values of the claim map to.
    pub fn role_of(&self, values: &[String]) -> Option<RoleGroup> {
        let mapped: Vec<_> = values.iter().filter_map(|value| self.role_map.get(value)).collect();
        RoleGroup::ALL.into_iter().find(|role| mapped.contains(&role))
    }
}

fn all_or_none(settings: [(&'static str, bool); 5]) -> Result<()> {
    let first = |wanted| settings.into_iter().find(|(_, is_set)| *is_set == wanted);
    match (first(true), first(false)) {
        (Some((because, _)), Some((key, _))) => Err(ConfigError::Missing { key, because }),
        _ => Ok(()),
    }
}

/// The URL stays as it was written: providers compare it letter by letter.
fn issuer(text: &str) -> Option<IssuerUrl> {
    let url = web_url(text)?;
    let plain = url.query().is_none() && url.fragment().is_none() && names_nobody(&url);
    let safe = url.scheme() == "https" || is_loopback(&url);
    (plain && safe).then(|| IssuerUrl::new(text.into()).ok())?
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => false,
    }
}

fn role(value: &str, role: &str) -> Option<(String, RoleGroup)> {
    let role = role.parse().ok().filter(|role| *role != RoleGroup::MailServer)?;
    (!value.is_empty()).then(|| (value.to_owned(), role))
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    const GOOD: [(&str, &str); 5] = [
        ("ISSUER", "https://login.example.org/realms/staff"),
        ("CLIENT_ID", "restricted-users"),
        ("CLIENT_SECRET", "hunter2"),
        ("ROLE_CLAIM", "groups"),
        ("ROLE_MAP", "admins=Organization Management, cn=help desk=security-reader"),
    ];

    fn with(changed: &str, value: Option<&str>) -> Result<Oidc> {
        let settings = GOOD.into_iter().filter_map(|(key, good)| {
            let value = if key == changed { value? } else { good };
            Some((format!("RESTRICTED_USERS_OIDC_{key}"), value))
        });
        Config::from_variables(settings).map(|config| config.oidc.unwrap())
    }

    #[test]
    fn the_highest_of_several_role_groups_counts_and_an_unknown_value_counts_for_nothing() {
        let oidc = with("", None).unwrap();
        let role = |values: &[&str]| {
            oidc.role_of(&values.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(role(&["cn=help desk", "admins"]), Some(RoleGroup::OrganizationManagement));
        assert_eq!(role(&["sales", "cn=help desk"]), Some(RoleGroup::SecurityReader));
        assert_eq!(role(&["Admins"]), None);
        assert_eq!(role(&[]), None);
    }

    #[test]
    fn one_setting_without_the_others_is_told_in_a_sentence() {
        for (key, _) in GOOD {
            let told = with(key, None).unwrap_err().to_string();
            let because = if key == "ISSUER" { "client_id" } else { "issuer" };
            let key = key.to_lowercase();
            assert_eq!(
                told,
                format!("oidc_{key} is not set, but oidc_{because} is, which needs it")
            );
        }
    }

    #[test]
    fn an_issuer_is_reached_over_https_or_on_this_machine() {
        for good in
            ["http://localhost:3000", "http://127.0.0.1:3000/x", "https://login.example.org/"]
        {
            assert_eq!(with("ISSUER", Some(good)).unwrap().issuer.as_str(), good);
        }
        for bad in ["http://login.example.org", "https://login.example.org/?x", "login.example.org"]
        {
            let told = with("ISSUER", Some(bad)).unwrap_err().to_string();
            assert!(told.starts_with(&format!("oidc_issuer is {bad:?}, but it takes")), "{told}");
        }
    }

    #[test]
    fn a_role_map_names_role_groups_of_people() {
        for bad in ["admins=Mail Server", "admins=Wizards", "admins", "=Global Reader"] {
            let told = with("ROLE_MAP", Some(bad)).unwrap_err().to_string();
            assert!(told.starts_with(&format!("oidc_role_map is {bad:?}, but it takes")), "{told}");
        }
    }

    #[test]
    fn the_secret_of_the_client_is_never_shown() {
        let shown = format!("{:?}", with("", None).unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
