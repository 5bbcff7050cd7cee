//! All that the provider says about a person: in the token, and to who asks for more.

use super::Provider;
use super::claims::Claims;
use super::description::KEPT;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use openidconnect::http::{HeaderValue, Request, header};
use openidconnect::{AccessToken, AsyncHttpClient};

impl Provider {
    /// These claims of a proven token; where they lack the one that matters, what the provider tells
    /// who asks it besides.
    pub(super) async fn with_user_info(
        &self,
        claims: Claims,
        subject: &str,
        access_token: &AccessToken,
    ) -> Claims {
        if claims.contains_key(&self.settings.role_claim) {
            return claims;
        }
        let more = self.user_info(access_token).await.unwrap_or_default();
        // An answer about somebody else could be mixed in (OpenID Connect Core 1.0, section 5.3.2).
        if more.get("sub").and_then(|sub| sub.as_str()) != Some(subject) {
            return claims;
        }
        more.into_iter().chain(claims).collect()
    }

    async fn user_info(&self, access_token: &AccessToken) -> Option<Claims> {
        let description = self.description(KEPT).await.ok()?;
        let url = description.userinfo_endpoint()?.url().as_str();
        let bearer = format!("Bearer {}", access_token.secret());
        let mut bearer = HeaderValue::try_from(bearer).ok()?;
        bearer.set_sensitive(true);
        let request = Request::get(url).header(header::AUTHORIZATION, bearer).body(Vec::new());
        let answer = self.http.call(request.ok()?).await.ok()?;
        serde_json::from_slice(answer.body()).ok()
    }
}

/// The claims of a token whose signature was verified, all of them: the library drops some.
pub(super) fn payload(id_token: &str) -> Option<Claims> {
    let payload = id_token.split('.').nth(1)?;
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}
