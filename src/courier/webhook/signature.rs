//! Signatures as Standard Webhooks asks for (<https://www.standardwebhooks.com>, 1.0).

use crate::config::WebhookSecret;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::{HeaderMap, HeaderValue};
use secrecy::ExposeSecret;
use sha2::Sha256;

/// What tells a receiver that a call is ours, of now, and which one: the id stays at each attempt.
pub(super) fn headers(
    secret: &WebhookSecret,
    id: &str,
    now: DateTime<Utc>,
    body: &str,
) -> HeaderMap {
    let timestamp = now.timestamp();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret())
        .expect("HMAC takes keys of any length");
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
    let value = |text: String| HeaderValue::from_str(&text).expect("it is ASCII and printable");
    HeaderMap::from_iter(
        [
            ("webhook-id", value(id.to_owned())),
            ("webhook-timestamp", value(timestamp.to_string())),
            ("webhook-signature", value(format!("v1,{signature}"))),
        ]
        .map(|(name, value)| (reqwest::header::HeaderName::from_static(name), value)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::SecretBox;

    /// The example of the specification's own library.
    #[test]
    fn a_call_is_signed_as_the_specification_signs_it() {
        let key = BASE64_STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let secret: WebhookSecret = SecretBox::new(key.into_boxed_slice());
        let now = DateTime::from_timestamp(1_614_265_330, 0).unwrap();
        let headers =
            headers(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", now, r#"{"test": 2432232314}"#);
        assert_eq!(headers["webhook-id"], "msg_p5jXN8AQM9LWM0D4loKWxJek");
        assert_eq!(headers["webhook-timestamp"], "1614265330");
        let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(headers["webhook-signature"], signature);
    }
}
