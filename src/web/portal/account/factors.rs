//! What the page shows of second factors, and the page for who has none and must.

use super::own;
use crate::one_time_code::{CodeSecret, Drawing};
use crate::passkey::NotOffered;
use crate::recovery_code::RECOVERY_CODES;
use crate::secret::SecretHash;
use crate::store::{Added, PasskeyRecord};
use crate::web::Shared;
use crate::web::access::Caller;
use crate::web::error::Problem;
use crate::web::portal::frame::{self, Frame};
use crate::web::portal::html;
use askama::Template;
use axum::response::Html;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};

/// The second factors of an operator, and what can be done about them.
pub(crate) struct Factors {
    pub(super) is_local: bool,
    /// Nothing else is open to the operator before there is one.
    pub(super) must_enrol: bool,
    pub(super) required: bool,
    pub(super) codes_since: Option<DateTime<Utc>>,
    pub(super) setup: Option<Setup>,
    pub(super) passkeys: Vec<PasskeyRecord>,
    pub(super) not_offered: Option<&'static str>,
    pub(super) recovery_codes: i64,
    pub(super) of_recovery_codes: usize,
    /// Recovery codes that are shown now and never again.
    pub(super) fresh: Vec<SecretString>,
    pub(super) done: Option<&'static str>,
}

/// One-time codes that are being set up.
pub(crate) struct Setup {
    pub(super) spelled: String,
    pub(super) drawing: Drawing,
}

#[derive(Template)]
#[template(path = "account/changed_factors.html")]
struct Changed {
    factors: Factors,
}

/// The page in place of all others where `require_mfa` asks for a second factor.
#[derive(Template)]
#[template(path = "account/enrolment.html")]
pub(crate) struct Enrolment {
    frame: Frame,
    factors: Factors,
}

pub(crate) async fn enrolment(app: &Shared, caller: &Caller) -> Result<Enrolment, Problem> {
    let frame = frame::frame(app, Some(caller), String::new());
    Ok(Enrolment { frame, factors: Factors::of(app, caller).await? })
}

impl Factors {
    pub(super) async fn of(app: &Shared, caller: &Caller) -> Result<Self, Problem> {
        let session = own(caller)?;
        let known = app.store.second_factors(session.operator_id).await?;
        Ok(Self {
            is_local: session.is_local,
            must_enrol: caller.must_enrol(app),
            required: app.config.require_mfa && known.count() == 1,
            codes_since: known.codes_since,
            setup: None,
            passkeys: known.passkeys,
            not_offered: app.passkeys.not_offered().map(why),
            recovery_codes: known.recovery_codes,
            of_recovery_codes: RECOVERY_CODES,
            fresh: Vec::new(),
            done: None,
        })
    }

    pub(super) fn setting_up(mut self, app: &Shared, caller: &Caller, secret: &CodeSecret) -> Self {
        let drawing = secret.drawing(&caller.actor.name, &app.organization().name);
        self.setup = Some(Setup { spelled: secret.spelled(), drawing });
        self
    }

    pub(super) fn with_fresh(mut self, codes: Vec<SecretString>) -> Self {
        self.fresh = codes;
        self
    }

    /// With the recovery codes, where adding a factor brought them.
    pub(super) fn after(self, added: Added, codes: Vec<SecretString>) -> Self {
        if added == Added::WithRecoveryCodes { self.with_fresh(codes) } else { self }
    }

    pub(super) fn changed(mut self, done: &'static str) -> Html<String> {
        self.done = Some(done);
        html(&Changed { factors: self })
    }

    /// Whether something was done that leaves nothing to read or to type.
    pub(super) fn is_all_told(&self) -> bool {
        self.done.is_some() && self.fresh.is_empty() && self.setup.is_none()
    }

    pub(super) fn has_any(&self) -> bool {
        self.codes_since.is_some() || !self.passkeys.is_empty()
    }
}

/// What the store keeps of recovery codes.
pub(super) fn hashes(codes: &[SecretString]) -> Vec<SecretHash> {
    codes.iter().map(crate::recovery_code::recovery_code_hash).collect()
}

fn why(not_offered: NotOffered) -> &'static str {
    match not_offered {
        NotOffered::IpAddress => {
            "Passkeys belong to a name, and this portal is reached by an IP address. Give it a name and set public_url to \
             it, then they are offered here."
        }
        NotOffered::Insecure => {
            "Browsers take passkeys over https alone. Put the portal behind https and set public_url to that address, \
             then they are offered here."
        }
    }
}
