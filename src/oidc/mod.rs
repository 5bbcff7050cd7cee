//! Sign-in with the organisation's identity provider (OpenID Connect Core 1.0, code flow with PKCE).

mod claims;
mod description;
mod http;
mod tokens;
mod user_info;
mod verify;

pub use description::Away;

use crate::config::Oidc;
use crate::model::clock::Clock;
use description::{AGAIN_AFTER, Description, Descriptions, KEPT};
use http::Http;
use openidconnect::core::{CoreAuthenticationFlow, CoreClient};
use openidconnect::{
    ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet, EndpointSet,
    LogoutRequest, Nonce, PkceCodeChallenge, PostLogoutRedirectUrl, RedirectUrl, Scope,
};
use secrecy::{ExposeSecret, SecretString};
pub use tokens::{Person, Refused};
use url::Url;

/// Where the provider sends browsers back to.
pub const CALLBACK: &str = "/sign-in/oidc/callback";

/// An ID token longer than this is not sent back at sign-out: servers refuse such addresses.
const LONGEST_HINT: usize = 4_000;

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// The organisation's identity provider.
#[derive(Debug)]
pub struct Provider {
    settings: Oidc,
    callback: RedirectUrl,
    home: PostLogoutRedirectUrl,
    clock: Clock,
    http: Http,
    descriptions: Descriptions,
}

/// A sign-in that has begun; what only this side and the provider may know until it ends.
#[derive(Debug)]
pub struct Begun {
    pub state: SecretString,
    pub nonce: SecretString,
    /// Proves to the provider that the code was meant for us (RFC 7636).
    pub verifier: SecretString,
}

impl Provider {
    /// The provider of the settings; it is not asked for anything yet, so that one that is down
    /// keeps nothing from starting.
    ///
    /// # Panics
    /// Never: the settings hold an http or https URL, and so does `public_url`.
    pub fn new(settings: Oidc, public_url: &str, clock: Clock) -> Self {
        let ours = "public_url is a URL";
        Self {
            callback: RedirectUrl::new(format!("{public_url}{CALLBACK}")).expect(ours),
            home: PostLogoutRedirectUrl::new(format!("{public_url}/")).expect(ours),
            http: Http::new(settings.issuer.url().scheme() == "https"),
            descriptions: Descriptions::default(),
            settings,
            clock,
        }
    }

    /// The settings.
    pub fn settings(&self) -> &Oidc {
        &self.settings
    }

    /// Where people know the provider to be.
    pub fn host(&self) -> &str {
        self.settings.issuer.url().host_str().unwrap_or_default()
    }

    /// Begins a sign-in: the address at the provider to send the browser to, and what to keep. The
    /// provider is asked first, so that no browser is sent to one that is down.
    pub async fn begin(&self) -> Result<(Url, Begun), Away> {
        let description = self.description(AGAIN_AFTER).await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (url, state, nonce) = self
            .client(&description)
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .add_scopes(self.scopes(&description))
            .set_pkce_challenge(challenge)
            .url();
        let secret = |text: &String| text.as_str().into();
        let begun = Begun {
            state: secret(state.secret()),
            nonce: secret(nonce.secret()),
            verifier: secret(verifier.secret()),
        };
        Ok((url, begun))
    }

    /// The address at the provider that ends the session there too, where it has one.
    pub async fn sign_out(&self, id_token: &SecretString) -> Option<Url> {
        let description = self.description(KEPT).await.ok()?;
        let end = description.additional_metadata().end_session_endpoint.clone()?;
        let request = LogoutRequest::from(end)
            .set_client_id(ClientId::new(self.settings.client_id.clone()))
            .set_post_logout_redirect_uri(self.home.clone());
        let mut url = request.http_get_url();
        let id_token = id_token.expose_secret();
        if id_token.len() <= LONGEST_HINT {
            url.query_pairs_mut().append_pair("id_token_hint", id_token);
        }
        Some(url)
    }

    async fn description(&self, age: chrono::TimeDelta) -> Result<Description, Away> {
        let now = self.clock.now();
        self.descriptions.within(age, now, &self.settings.issuer, &self.http).await
    }

    fn client(&self, description: &Description) -> Client {
        let secret = self.settings.client_secret.expose_secret();
        CoreClient::from_provider_metadata(
            (**description).clone(),
            ClientId::new(self.settings.client_id.clone()),
            Some(ClientSecret::new(secret.into())),
        )
        .set_auth_type(tokens::auth_type(description))
        .set_redirect_uri(self.callback.clone())
    }

    /// Some providers tell the claim only to who asks for a scope of its name.
    fn scopes(&self, description: &Description) -> Vec<Scope> {
        let of_the_claim = Scope::new(self.settings.role_claim.clone());
        let offered = description.scopes_supported().is_some_and(|all| all.contains(&of_the_claim));
        let usual = ["email", "profile"].map(|name| Scope::new(name.into()));
        usual.into_iter().chain(offered.then_some(of_the_claim)).collect()
    }
}
