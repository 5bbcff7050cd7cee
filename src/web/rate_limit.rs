//! `api_rate_limit`: requests a minute of each token, told as draft-ietf-httpapi-ratelimit-headers
//! says.

use super::Shared;
use super::access::{Caller, token};
use super::error::Problem;
use crate::model::operator::RoleGroup;
use crate::rate_limit::Allowance;
use crate::secret::SecretHash;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use secrecy::ExposeSecret;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LEFT: HeaderName = HeaderName::from_static("ratelimit");

/// Takes a request off what its token has left; nothing where there is no limit for it. Mail servers
/// and filters, whose mail would go uncounted, have none.
pub(super) async fn take(
    app: &Shared,
    caller: &Caller,
    headers: &HeaderMap,
) -> Result<Option<Allowance>, Problem> {
    let limit = app.config.api_rate_limit;
    // While the database is away nothing is changed, and what is only kept for it must come in.
    if limit == 0 || caller.role == RoleGroup::MailServer || app.meter.is_away() {
        return Ok(None);
    }
    let Some(token) = token(headers).filter(|_| caller.session.is_none()) else { return Ok(None) };
    let (token, now) = (SecretHash::of(token.expose_secret()), app.clock.now());
    if app.used_up.contains(&token, now) {
        return Ok(Some(Allowance::after(i64::MAX, limit, now)));
    }
    let used = match app.store.count_request(&token, now).await {
        Err(error) if error.is_outage() => return Ok(None),
        used => used?,
    };
    let allowance = Allowance::after(used, limit, now);
    if allowance.is_used_up {
        app.used_up.note(token, now);
    }
    Ok(Some(allowance))
}

/// Tells what is left.
pub(super) fn tell(allowance: &Allowance, headers: &mut HeaderMap) {
    let Allowance { limit, left, seconds_left, .. } = allowance;
    let value = |text: String| HeaderValue::try_from(text).expect("it is made of digits");
    headers.insert(POLICY, value(format!("\"minute\";q={limit};w=60")));
    headers.insert(LEFT, value(format!("\"minute\";r={left};t={seconds_left}")));
}
