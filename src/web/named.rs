//! Operators, tokens, policies and alerts as paths name them.

use super::Shared;
use super::error::Problem;
use crate::model::DEFAULT_POLICY;
use crate::model::address::Address;
use crate::model::alert::AlertPolicyId;
use crate::token::TokenName;
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use utoipa::IntoParams;
use uuid::Uuid;

/// The address in a path, of whoever is meant.
#[derive(Debug, IntoParams)]
#[into_params(names("address"), parameter_in = Path)]
pub(crate) struct Named(
    /// The operator's address.
    #[param(value_type = String)]
    pub(crate) Address,
);

impl FromRequestParts<Shared> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Problem> {
        let params = RawPathParams::from_request_parts(parts, app).await;
        let params = params.map_err(|_| Problem::NoSuchOperator)?;
        let (_, address) = params.iter().next().ok_or(Problem::NoSuchOperator)?;
        app.organization().operator(address).map(Self).map_err(|_| Problem::NoSuchOperator)
    }
}

/// The name in a path, of whichever token is meant.
#[derive(Debug, IntoParams)]
#[into_params(names("name"), parameter_in = Path)]
pub(crate) struct Called(
    /// The token's name.
    pub(crate) String,
);

impl FromRequestParts<Shared> for Called {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Problem> {
        let params = RawPathParams::from_request_parts(parts, app).await;
        let params = params.map_err(|_| Problem::NoSuchToken)?;
        let (_, name) = params.iter().next().ok_or(Problem::NoSuchToken)?;
        // A name that none can have, such as one with a NUL, is none of ours.
        let name: TokenName = name.parse().map_err(|_| Problem::NoSuchToken)?;
        Ok(Self(name.to_string()))
    }
}

/// The id of the policy in a path; the default policy may be named by word.
#[derive(Debug, IntoParams)]
#[into_params(names("id"), parameter_in = Path)]
pub(crate) struct PolicyId(
    /// The id of the policy; `default` names the default policy.
    #[param(value_type = String)]
    pub(crate) Uuid,
);

impl FromRequestParts<Shared> for PolicyId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Problem> {
        let params = RawPathParams::from_request_parts(parts, app).await;
        let params = params.map_err(|_| Problem::NoSuchPolicy)?;
        let (_, id) = params.iter().next().ok_or(Problem::NoSuchPolicy)?;
        if id == "default" {
            return Ok(Self(DEFAULT_POLICY));
        }
        Uuid::try_parse(id).map(Self).map_err(|_| Problem::NoSuchPolicy)
    }
}

/// The alert policy in a path.
#[derive(Debug, IntoParams)]
#[into_params(names("id"), parameter_in = Path)]
pub(crate) struct AlertPolicyNamed(
    /// Which policy.
    pub(crate) AlertPolicyId,
);

impl FromRequestParts<Shared> for AlertPolicyNamed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Problem> {
        let params = RawPathParams::from_request_parts(parts, app).await;
        let params = params.map_err(|_| Problem::NoSuchPolicy)?;
        let (_, id) = params.iter().next().ok_or(Problem::NoSuchPolicy)?;
        AlertPolicyId::parse(id).map(Self).ok_or(Problem::NoSuchPolicy)
    }
}

/// The id of the alert in a path.
#[derive(Debug, IntoParams)]
#[into_params(names("id"), parameter_in = Path)]
pub(crate) struct AlertNamed(
    /// The id of the alert.
    pub(crate) Uuid,
);

impl FromRequestParts<Shared> for AlertNamed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Problem> {
        let params = RawPathParams::from_request_parts(parts, app).await;
        let params = params.map_err(|_| Problem::NoSuchAlert)?;
        let (_, id) = params.iter().next().ok_or(Problem::NoSuchAlert)?;
        Uuid::try_parse(id).map(Self).map_err(|_| Problem::NoSuchAlert)
    }
}
