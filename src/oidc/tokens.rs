//! Turning the provider's code into a person, once every check has passed.

use super::claims;
use super::description::{Away, Description, KEPT};
use super::user_info::payload;
use super::{Begun, Provider};
use crate::model::address::Address;
use crate::model::operator::RoleGroup;
use openidconnect::core::{CoreClientAuthMethod, CoreTokenResponse};
use openidconnect::{
    AuthType, AuthorizationCode, OAuth2TokenResponse, PkceCodeVerifier, RequestTokenError,
    TokenResponse,
};
use secrecy::{ExposeSecret, SecretString};
use std::error::Error;

/// The most characters of a subject (OpenID Connect Core 1.0, section 2).
const LONGEST_SUBJECT: usize = 255;

/// Somebody whom the provider vouches for.
#[derive(Debug)]
pub struct Person {
    /// Who it is, for the issuer of the settings and for ever.
    pub subject: String,
    pub address: Option<Address>,
    pub role: RoleGroup,
    /// The ID token, for the sign-out at the provider.
    pub id_token: SecretString,
}

/// Why somebody is not let in.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    Away,
    /// The provider's answer does not pass the checks; the log says which.
    Unproven,
    /// Nothing in the claim maps to a role group.
    NoRole {
        /// Who it is.
        subject: String,
        /// The values of the claim.
        values: Vec<String>,
    },
}

impl From<Away> for Refused {
    fn from(Away: Away) -> Self {
        Self::Away
    }
}

impl Provider {
    /// Turns the code that a browser brought into a person.
    ///
    /// # Errors
    /// When the provider does not answer, the answer is not proven, or the person has no role.
    pub async fn finish(&self, code: String, begun: &Begun) -> Result<Person, Refused> {
        let tokens = self.tokens(code, begun).await?;
        let id_token = tokens.id_token().ok_or_else(|| unproven(&"there is no ID token"))?;
        let subject = self.verified(id_token, begun).await?.subject().to_string();
        if !is_subject(&subject) {
            return Err(unproven(&"the subject is empty, too long or no text"));
        }
        let id_token = id_token.to_string();
        let claims = payload(&id_token).ok_or_else(|| unproven(&"the token holds no claims"))?;
        if self.is_too_early(&claims) {
            return Err(unproven(&"the token is not good yet"));
        }
        let claims = self.with_user_info(claims, &subject, tokens.access_token()).await;
        let values = claims::values(&claims, &self.settings.role_claim);
        let Some(role) = self.settings.role_of(&values) else {
            return Err(Refused::NoRole { subject, values });
        };
        let address = claims::address(&claims);
        Ok(Person { subject, address, role, id_token: id_token.into() })
    }

    async fn tokens(&self, code: String, begun: &Begun) -> Result<CoreTokenResponse, Refused> {
        let description = self.description(KEPT).await?;
        let verifier = PkceCodeVerifier::new(begun.verifier.expose_secret().into());
        let client = self.client(&description);
        let request = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|error| unproven(&error))?
            .set_pkce_verifier(verifier);
        request.request_async(&self.http).await.map_err(|error| match error {
            RequestTokenError::Request(error) => {
                tracing::warn!(error = &error as &dyn Error, "the identity provider is away");
                Refused::Away
            }
            other => unproven(&other),
        })
    }
}

/// A subject is a name in the database and in pages too.
fn is_subject(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST_SUBJECT && !text.contains(char::is_control)
}

pub(super) fn unproven(why: &dyn std::fmt::Display) -> Refused {
    tracing::warn!(%why, "the identity provider's answer is not proven");
    Refused::Unproven
}

/// HTTP Basic, which every provider has to take, unless it says that it does not.
pub(super) fn auth_type(description: &Description) -> AuthType {
    let offered = description.token_endpoint_auth_methods_supported();
    let takes = |method| offered.is_none_or(|offered| offered.contains(&method));
    let basic = takes(CoreClientAuthMethod::ClientSecretBasic);
    if basic { AuthType::BasicAuth } else { AuthType::RequestBody }
}
