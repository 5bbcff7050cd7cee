//! The one full page: the frame around every other, or the sign-in page.

use super::account;
use super::html;
use super::rows;
use super::second_step;
use super::static_files::address_of;
use crate::model::operator::Permission;
use crate::web::Shared;
use crate::web::access::{Caller, by_session};
use crate::web::error::Problem;
use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Redirect, Response};

/// What surrounds every page.
pub(crate) struct Frame {
    pub(crate) organization: String,
    pub(crate) css: String,
    pub(crate) js: String,
    pub(crate) passkeys_js: String,
    pub(crate) live_js: String,
    pub(crate) selection_js: String,
    pub(crate) icon: String,
    pub(crate) operator: Option<Operator>,
    pub(crate) restricted: String,
    pub(crate) new_alerts: Option<String>,
    /// Who is signed in must add a second factor first.
    pub(crate) must_enrol: bool,
    /// Who is signed in had better add a second factor.
    pub(crate) advises_second_factor: bool,
}

impl Frame {
    /// Whether somebody is signed in to whom the pages are open.
    pub(crate) fn is_open(&self) -> bool {
        self.operator.is_some() && !self.must_enrol
    }
}

/// Who is signed in.
pub(crate) struct Operator {
    pub(crate) address: String,
    pub(crate) role_group: &'static str,
    pub(crate) may_look: bool,
    pub(crate) may_manage: bool,
}

#[derive(Template)]
#[template(path = "frame.html")]
struct Portal {
    frame: Frame,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
pub(crate) struct SignIn {
    pub(crate) frame: Frame,
    pub(crate) address: String,
    pub(crate) message: Option<&'static str>,
    pub(crate) passkeys: bool,
    pub(crate) provider: Option<ProviderDoor>,
}

/// The other way in, where there is one.
#[derive(Default)]
pub(crate) struct ProviderDoor {
    /// Why it did not let in the last time.
    pub(crate) message: Option<String>,
}

/// The pages that a link may name after `?hash=`.
const PAGES: [&str; 8] = [
    "/restrictedusers",
    "/alerts",
    "/alertpolicies",
    "/messagetrace",
    "/outboundspam",
    "/permissions",
    "/auditlog",
    "/account",
];

pub(crate) async fn page(
    State(app): State<Shared>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Problem> {
    if let Some(hash) = hash_parameter(&uri) {
        let page = PAGES.into_iter().find(|page| is_within(&hash, page));
        let hash = if page.is_some() { &hash } else { PAGES[0] };
        return Ok(Redirect::to(&format!("/#{hash}")).into_response());
    }
    match by_session(&app, &headers, None).await? {
        Some(caller) if caller.must_enrol(&app) => {
            Ok(html(&account::enrolment(&app, &caller).await?).into_response())
        }
        Some(caller) => {
            let counts = rows::counts(&app).await?;
            let frame = frame(&app, Some(&caller), counts.restricted);
            let frame = Frame { new_alerts: counts.new_alerts, ..frame };
            Ok(html(&Portal { frame }).into_response())
        }
        None => match second_step::page(&app, &headers, None).await? {
            Some(page) => Ok(page.into_response()),
            None => Ok(html(&sign_in(&app, String::new(), None)).into_response()),
        },
    }
}

/// The sign-in page, with what went wrong the last time.
pub(crate) fn sign_in(app: &Shared, address: String, message: Option<&'static str>) -> SignIn {
    let passkeys = app.passkeys.not_offered().is_none();
    let provider = app.provider.as_ref().map(|_| ProviderDoor::default());
    let frame = frame(app, None, String::new());
    SignIn { frame, address, message, passkeys, provider }
}

pub(super) fn frame(app: &Shared, caller: Option<&Caller>, restricted: String) -> Frame {
    Frame {
        organization: app.organization().name.clone(),
        css: address_of("portal.css"),
        js: address_of("portal.js"),
        passkeys_js: address_of("passkeys.js"),
        live_js: address_of("live.js"),
        selection_js: address_of("selection.js"),
        icon: address_of("icon.svg"),
        operator: caller.map(|caller| Operator {
            address: caller.actor.name.clone(),
            role_group: caller.role.name(),
            may_look: caller.may(Permission::Look),
            may_manage: caller.may(Permission::ManageAccess),
        }),
        restricted,
        new_alerts: None,
        must_enrol: caller.is_some_and(|caller| caller.must_enrol(app)),
        advises_second_factor: caller.is_some_and(|caller| {
            caller.may(Permission::ChangeRestrictions)
                && caller.lacks_second_factor()
                && !caller.must_enrol(app)
        }),
    }
}

/// Where `?hash=/restrictedusers` of Microsoft's old links wants to go.
fn hash_parameter(uri: &Uri) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(uri.query()?.as_bytes());
    pairs.find(|(name, _)| name == "hash").map(|(_, hash)| hash.into_owned())
}

/// Whether `hash` names `page` or something in it, in characters that a `Location` may hold.
fn is_within(hash: &str, page: &str) -> bool {
    hash.strip_prefix(page).is_some_and(|rest| {
        (rest.is_empty() || rest.starts_with('/'))
            && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-".contains(&byte))
    })
}
