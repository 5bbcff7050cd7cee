//! One-time codes of an authenticator app (TOTP, RFC 6238).

use chrono::{DateTime, Utc};
use qrcodegen::{QrCode, QrCodeEcc};
use secrecy::{ExposeSecret, SecretString};
use std::fmt::Write;
use totp_rs::{Builder, Secret, Totp};

/// The length that RFC 4226 recommends.
const SECRET_BYTES: usize = 20;

/// Scanners want this many light modules around a QR code (ISO/IEC 18004).
const QUIET: i32 = 4;

/// The secret that an operator's app and we share. Codes are computed from it, so no hash of it
/// would do; whoever reads the database can make codes.
#[derive(Debug, Clone)]
pub struct CodeSecret(SecretString);

/// A QR code as an SVG draws it.
#[derive(Debug)]
pub struct Drawing {
    /// Modules on each side, the light ones around it included.
    pub size: i32,
    pub path: String,
}

impl CodeSecret {
    /// A new random secret.
    ///
    /// # Panics
    /// When the system has no random bytes to give, without which nothing here is safe.
    pub fn random() -> Self {
        let mut bytes = [0; SECRET_BYTES];
        getrandom::fill(&mut bytes).expect("the system gives random bytes");
        Self(Secret::new_stack(bytes).to_base32().into())
    }

    /// A secret from the store.
    pub(crate) fn stored(base32: String) -> Self {
        Self(base32.into())
    }

    pub(crate) fn base32(&self) -> &str {
        self.0.expose_secret()
    }

    /// The secret for typing: in groups of four.
    pub fn spelled(&self) -> String {
        let groups = self.base32().as_bytes().chunks(4);
        groups.map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
    }

    /// The time step that `code` belongs to: the one at `now`, the one before or the one after.
    /// Nothing when it is no code of these.
    pub fn step_of(&self, code: &str, now: DateTime<Utc>) -> Option<i64> {
        let code: String = code.chars().filter(|character| !character.is_whitespace()).collect();
        let now = u64::try_from(now.timestamp()).ok()?;
        let step = self.totp("", "").check(&code, now)?;
        i64::try_from(step).ok()
    }

    /// The QR code that an app scans.
    ///
    /// # Panics
    /// Never: an address and a name of at most 100 characters fit into a QR code.
    pub fn drawing(&self, account: &str, organization: &str) -> Drawing {
        let issuer = format!("{organization} Restricted Users");
        let url = self.totp(account, &issuer).to_url().expect("the account is an address");
        let code = QrCode::encode_text(&url, QrCodeEcc::Medium).expect("it is short enough");
        draw(&code)
    }

    /// SHA-1, six digits and 30 seconds: apps ignore what else a QR code asks for.
    fn totp(&self, account: &str, issuer: &str) -> Totp {
        let secret = Secret::try_from_base32(self.base32()).expect("it was written as base32");
        // A colon parts issuer and account.
        let (account, issuer) = (account.replace(':', " "), issuer.replace(':', " "));
        let builder = Builder::new().with_secret(secret).with_skew(1);
        builder.with_account_name(account).with_issuer(Some(issuer)).build_noncompliant()
    }
}

fn draw(code: &QrCode) -> Drawing {
    let mut path = String::new();
    for (x, y) in (0..code.size()).flat_map(|y| (0..code.size()).map(move |x| (x, y))) {
        if code.get_module(x, y) {
            write!(path, "M{} {}h1v1h-1z", x + QUIET, y + QUIET).expect("a string grows");
        }
    }
    Drawing { size: code.size() + 2 * QUIET, path }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret and the codes of RFC 6238, appendix B, six digits of them.
    const RFC: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn a_code_is_good_in_its_step_and_the_ones_beside_it() {
        let secret = CodeSecret::stored(RFC.into());
        assert_eq!(secret.step_of("287082", at(59)), Some(1));
        assert_eq!(secret.step_of("287 082", at(60)), Some(1));
        assert_eq!(secret.step_of("287082", at(15)), Some(1));
        assert_eq!(secret.step_of("287082", at(90)), None);
        assert_eq!(secret.step_of("081804", at(1_111_111_109)), Some(37_037_036));
        assert_eq!(secret.step_of("+28708", at(59)), None);
        assert_eq!(secret.step_of("", at(59)), None);
    }

    #[test]
    fn it_is_spelled_for_typing_and_never_printed() {
        let secret = CodeSecret::random();
        assert_eq!(secret.spelled().replace(' ', ""), secret.base32());
        assert!(!format!("{secret:?}").contains(secret.base32()));
    }

    #[test]
    fn the_longest_names_fit_into_the_drawing() {
        let account = format!("{}@{}", "a".repeat(64), "b".repeat(255));
        let drawing = CodeSecret::random().drawing(&account, &"Ö:".repeat(50));
        assert!(drawing.size > 2 * QUIET && drawing.path.starts_with('M'));
    }
}
