//! Passkeys: where browsers have them, and what an authenticator is asked and answers.

use serde_json::Value;
use url::{Host, Url};
use uuid::Uuid;
use webauthn_rs::prelude::{
    DiscoverableAuthentication, Passkey, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Webauthn, WebauthnBuilder,
};

/// Why browsers would refuse passkeys here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotOffered {
    /// A passkey belongs to a name, and `public_url` has an IP address.
    IpAddress,
    /// `public_url` is neither https nor on this machine.
    Insecure,
}

/// Passkeys, where `public_url` lets browsers have them.
#[derive(Debug)]
pub struct Passkeys(Result<Webauthn, NotOffered>);

/// An authenticator's answer that cannot be believed. Why is nobody's business but the log's.
#[derive(Debug, thiserror::Error)]
#[error("the passkey's answer is not good: {0}")]
pub struct Refused(String);

impl Refused {
    /// Nothing was asked in this browser, or too long ago.
    pub fn nothing_asked() -> Self {
        Self("nothing was asked, or too long ago".into())
    }

    /// The passkey is nobody's.
    pub fn unknown() -> Self {
        Self("it is nobody's".into())
    }
}

impl From<webauthn_rs::prelude::WebauthnError> for Refused {
    fn from(error: webauthn_rs::prelude::WebauthnError) -> Self {
        Self(format!("{error:?}"))
    }
}

impl From<serde_json::Error> for Refused {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

/// A question to an authenticator, and what is needed to judge its answer. Never let the second
/// leave the server.
#[derive(Debug)]
pub struct Challenge {
    /// The options of `navigator.credentials`, as JSON.
    pub options: Value,
    /// What to keep until the answer comes.
    pub state: String,
}

impl Passkeys {
    /// Passkeys for the name in `public_url`.
    ///
    /// # Panics
    /// Never: `public_url` was read as a URL.
    pub fn of(public_url: &str, organization: &str) -> Self {
        let url = Url::parse(public_url).expect("public_url is a URL");
        Self(offered(&url).map(|()| webauthn(&url, organization)))
    }

    /// Why there are none; nothing where there are.
    pub fn not_offered(&self) -> Option<NotOffered> {
        self.0.as_ref().err().copied()
    }

    /// Asks an authenticator for a new passkey of `operator`, and not of one that has any of
    /// `known` already.
    pub fn ask_for_new(
        &self,
        operator: Uuid,
        address: &str,
        known: &[Passkey],
    ) -> Result<Challenge, Refused> {
        let known = known.iter().map(|passkey| passkey.cred_id().clone()).collect();
        let webauthn = self.webauthn()?;
        let asked = webauthn.start_passkey_registration(operator, address, address, Some(known))?;
        let mut options = serde_json::to_value(&asked.0)?["publicKey"].take();
        // Only a passkey that the authenticator itself finds can sign in without an address first.
        options["authenticatorSelection"]["residentKey"] = "required".into();
        options["authenticatorSelection"]["requireResidentKey"] = true.into();
        Ok(Challenge { options, state: serde_json::to_string(&asked.1)? })
    }

    /// The new passkey.
    ///
    /// # Errors
    /// When the answer is not one to this state.
    pub fn accept_new(&self, state: &str, answer: &str) -> Result<Passkey, Refused> {
        let state: PasskeyRegistration = serde_json::from_str(state)?;
        let answer: RegisterPublicKeyCredential = serde_json::from_str(answer)?;
        Ok(self.webauthn()?.finish_passkey_registration(&answer, &state)?)
    }

    /// Asks any authenticator for a passkey of ours.
    pub fn ask_who(&self) -> Result<Challenge, Refused> {
        let (question, state) = self.webauthn()?.start_discoverable_authentication()?;
        let options = serde_json::to_value(&question)?["publicKey"].take();
        Ok(Challenge { options, state: serde_json::to_string(&state)? })
    }

    /// The operator and the passkey's id that an answer claims to be of. Nothing is proved yet.
    ///
    /// # Errors
    /// When it is no answer, or when passkeys are not offered.
    pub fn claimed(&self, answer: &str) -> Result<(Uuid, String), Refused> {
        let answer: PublicKeyCredential = serde_json::from_str(answer)?;
        let (operator, id) = self.webauthn()?.identify_discoverable_authentication(&answer)?;
        Ok((operator, credential_id(id)))
    }

    /// Whether the answer is one to this state and by `passkey`, whose holder was verified by a
    /// fingerprint, a face or a PIN. Answers the passkey where it has changed.
    pub fn verify(
        &self,
        state: &str,
        answer: &str,
        passkey: &Passkey,
    ) -> Result<Option<Passkey>, Refused> {
        let state: DiscoverableAuthentication = serde_json::from_str(state)?;
        let answer: PublicKeyCredential = serde_json::from_str(answer)?;
        let webauthn = self.webauthn()?;
        let proof = webauthn.finish_discoverable_authentication_v2(&answer, state, passkey)?;
        if !proof.user_verified() {
            return Err(Refused("the authenticator did not verify who holds it".into()));
        }
        let mut changed = passkey.clone();
        Ok(changed.update_credential(&proof).unwrap_or_default().then_some(changed))
    }

    fn webauthn(&self) -> Result<&Webauthn, Refused> {
        self.0.as_ref().map_err(|why| Refused(format!("{why:?}")))
    }
}

/// A passkey's id as the store keeps it.
pub fn credential_id(id: &[u8]) -> String {
    hex::encode(id)
}

/// Browsers offer passkeys to names alone, over https or on this machine.
fn offered(public_url: &Url) -> Result<(), NotOffered> {
    match public_url.host() {
        Some(Host::Domain(name)) => {
            let local = name == "localhost" || name.ends_with(".localhost");
            let secure = public_url.scheme() == "https" || local;
            if secure { Ok(()) } else { Err(NotOffered::Insecure) }
        }
        _ => Err(NotOffered::IpAddress),
    }
}

fn webauthn(public_url: &Url, organization: &str) -> Webauthn {
    let name = public_url.host_str().expect("it has a name");
    let label = format!("Restricted Users, {organization}");
    let builder = WebauthnBuilder::new(name, public_url).expect("the name is the URL's own");
    builder.rp_name(&label).build().expect("a name and an origin are all it takes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_are_for_names_over_https_or_on_this_machine() {
        let offered = |url| Passkeys::of(url, "Example Org").not_offered();
        assert_eq!(offered("https://restricted.example.org"), None);
        assert_eq!(offered("http://localhost:8080"), None);
        assert_eq!(offered("https://192.0.2.1"), Some(NotOffered::IpAddress));
        assert_eq!(offered("https://[2001:db8::1]:8443"), Some(NotOffered::IpAddress));
        assert_eq!(offered("http://restricted.example.org"), Some(NotOffered::Insecure));
    }

    #[test]
    fn an_authenticator_is_asked_to_verify_its_holder_and_to_be_found_without_an_address() {
        let passkeys = Passkeys::of("http://localhost:8080", "Example Org");
        let asked = passkeys.ask_for_new(Uuid::nil(), "olivia@example.org", &[]).unwrap().options;
        assert_eq!(asked["authenticatorSelection"]["userVerification"], "required");
        assert_eq!(asked["authenticatorSelection"]["residentKey"], "required");
        assert_eq!(asked["rp"]["id"], "localhost");
        let asked = passkeys.ask_who().unwrap().options;
        assert_eq!(asked["userVerification"], "required");
    }
}
