//! New recovery codes on demand.

use super::factors::{Factors, hashes};
use super::one_time_codes::Password;
use super::{confirm, own};
use crate::recovery_code::new_recovery_codes;
use crate::web::Shared;
use crate::web::access::Caller;
use crate::web::error::Problem;
use crate::web::extract::Form;
use axum::Extension;
use axum::extract::State;
use axum::response::Html;

/// The old ones are void from here on.
pub(crate) async fn renew(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    Form(fields): Form<Password>,
) -> Result<Html<String>, Problem> {
    confirm(&app, &caller, fields.password).await?;
    let operator = own(&caller)?.operator_id;
    if app.store.second_factors(operator).await?.count() == 0 {
        return Err(Problem::invalid(
            "codes",
            "Recovery codes stand in for a second factor. Add one first",
        ));
    }
    let codes = new_recovery_codes();
    let now = app.clock.now();
    app.store.replace_recovery_codes(operator, &hashes(&codes), &caller.actor, now).await?;
    let factors = Factors::of(&app, &caller).await?.with_fresh(codes);
    Ok(factors.changed("These are your new recovery codes. The old ones are void."))
}
