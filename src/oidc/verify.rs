//! Whether an ID token proves what it says (OpenID Connect Core 1.0, section 3.1.3.7).

use super::claims::Claims;
use super::description::{AGAIN_AFTER, Description, KEPT};
use super::tokens::{Refused, unproven};
use super::{Begun, Provider};
use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::core::{CoreIdToken, CoreIdTokenClaims, CoreJwsSigningAlgorithm as Algorithm};
use openidconnect::{ClaimsVerificationError, Nonce, SignatureVerificationError};
use secrecy::ExposeSecret;

/// The signatures that are taken. Those made with a shared secret and `none` are not among them:
/// whoever knows a public key or nothing at all could make them.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RsaSsaPkcs1V15Sha256,
    Algorithm::RsaSsaPkcs1V15Sha384,
    Algorithm::RsaSsaPkcs1V15Sha512,
    Algorithm::RsaSsaPssSha256,
    Algorithm::RsaSsaPssSha384,
    Algorithm::RsaSsaPssSha512,
    Algorithm::EcdsaP256Sha256,
    Algorithm::EcdsaP384Sha384,
    Algorithm::EdDsa,
];

/// How far the provider's clock may be ahead of ours.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(1);

impl Provider {
    /// The claims of a token that is proven. Where nobody has its key the keys are asked for again:
    /// providers change them.
    pub(super) async fn verified<'a>(
        &self,
        id_token: &'a CoreIdToken,
        begun: &Begun,
    ) -> Result<&'a CoreIdTokenClaims, Refused> {
        use SignatureVerificationError::NoMatchingKey;
        let mut verified = self.verify(&self.description(KEPT).await?, id_token, begun);
        if verified == Err(ClaimsVerificationError::SignatureVerification(NoMatchingKey)) {
            verified = self.verify(&self.description(AGAIN_AFTER).await?, id_token, begun);
        }
        let claims = verified.map_err(|error| unproven(&error))?;
        // The library checks the audience alone (OpenID Connect Core 1.0, section 3.1.3.7).
        let party = claims.authorized_party();
        if party.is_some_and(|party| party.as_str() != self.settings.client_id) {
            return Err(unproven(&"the token was made for another client"));
        }
        if claims.issue_time() > self.latest() {
            return Err(unproven(&"the token was made later than now"));
        }
        Ok(claims)
    }

    fn verify<'a>(
        &self,
        description: &Description,
        id_token: &'a CoreIdToken,
        begun: &Begun,
    ) -> Result<&'a CoreIdTokenClaims, ClaimsVerificationError> {
        let nonce = Nonce::new(begun.nonce.expose_secret().into());
        let now = || self.clock.now();
        let client = self.client(description);
        let verifier = client.id_token_verifier().set_allowed_algs(ALGORITHMS).set_time_fn(now);
        id_token.claims(&verifier, &nonce)
    }

    /// Whether the proven token is good only later; the library checks the end of its time alone
    /// (RFC 7519, section 4.1.5).
    pub(super) fn is_too_early(&self, claims: &Claims) -> bool {
        let latest = self.latest().timestamp();
        claims.get("nbf").is_some_and(|from| from.as_i64().is_none_or(|from| from > latest))
    }

    /// What the provider's clock shows at most.
    fn latest(&self) -> DateTime<Utc> {
        self.clock.now() + CLOCKS_DIFFER
    }
}
