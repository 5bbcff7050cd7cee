//! One call of a cmdlet, whether it came by itself or in a batch.

use super::answer::Answer;
use super::cmdlets::{Call, Cmdlet};
use super::options::Options;
use super::paging::{PageAsked, SkipToken};
use super::parameters::Parameters;
use super::preferences::Preferences;
use super::refusal::Refusal;
use crate::web::Shared;
use crate::web::access::Caller;
use crate::web::extract::shortened;
use serde::Deserialize;
use serde::de::IgnoredAny;
use utoipa::ToSchema;

/// The body of a call.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CmdletCall)]
pub(super) struct Body {
    /// The cmdlet and its parameters.
    #[serde(rename = "CmdletInput")]
    input: Input,
}

/// A cmdlet and its parameters.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
#[schema(as = CmdletInput)]
struct Input {
    /// `Get-BlockedSenderAddress`, `Remove-BlockedSenderAddress`, `Get-HostedOutboundSpamFilterPolicy`
    /// or `Set-HostedOutboundSpamFilterPolicy`, in any case.
    cmdlet_name: String,
    /// The parameters by name, in any case; null stands for none. `SenderAddress`; for the removal
    /// also `Reason`; for policies `Identity`, `Default` where it is missing, and to set one
    /// `RecipientLimitExternalPerHour`, `RecipientLimitInternalPerHour`, `RecipientLimitPerDay`,
    /// `ActionWhenThresholdReached` and `WhatIf`.
    #[schema(value_type = Option<Object>)]
    parameters: Option<Parameters>,
    /// Names the only type that this can have.
    #[serde(rename = "@odata.type")]
    #[schema(value_type = Value, required = false)]
    _type: Option<IgnoredAny>,
}

/// Where and by whom cmdlets are called.
pub(super) struct Service<'a> {
    pub(super) app: &'a Shared,
    pub(super) caller: &'a Caller,
    /// The address of the tenant, to which `/InvokeCommand` is added.
    pub(super) root: String,
}

impl<'a> Service<'a> {
    pub(super) fn at(app: &'a Shared, caller: &'a Caller, path: &str) -> Self {
        let tenant = path.rsplit_once('/').map_or(path, |(tenant, _)| tenant);
        Self { app, caller, root: format!("{}{tenant}", app.public_url) }
    }
}

/// One call of a cmdlet.
pub(super) struct Request {
    /// Nothing where a link to the next page is followed without saying again what was called.
    input: Option<Input>,
    options: Options,
    preferences: Preferences,
}

impl Request {
    pub(super) fn post(
        query: Option<&str>,
        preferences: Preferences,
        body: Body,
    ) -> Result<Self, Refusal> {
        Ok(Self { input: Some(body.input), options: Options::read(query)?, preferences })
    }

    pub(super) fn get(query: Option<&str>, preferences: Preferences) -> Result<Self, Refusal> {
        let options = Options::read(query)?;
        if options.skip_token.is_none() {
            let why = "A GET follows an @odata.nextLink, and $skiptoken is missing. Call a cmdlet \
                       with POST.";
            return Err(Refusal::bad_request(why));
        }
        Ok(Self { input: None, options, preferences })
    }

    pub(super) async fn answer(self, service: &Service<'_>) -> Result<Answer, Refusal> {
        let (cmdlet, parameters) = match self.input {
            Some(input) => (called(&input.cmdlet_name)?, input.parameters.unwrap_or_default()),
            None => (Cmdlet::GetBlockedSenderAddress, Parameters::default()),
        };
        if !service.caller.may(cmdlet.permission()) {
            return Err(Refusal::not_allowed(cmdlet.name()));
        }
        let token = self.options.skip_token.as_deref().map(SkipToken::read).transpose()?;
        if token.is_some() && !cmdlet.has_pages() {
            return Err(SkipToken::of_another_call());
        }
        let page = PageAsked::new(self.preferences.page_size, token);
        let call = Call { app: service.app, caller: service.caller, parameters, page };
        Ok(Answer::new(cmdlet.run(call).await?, self.options.select, &service.root))
    }
}

fn called(name: &str) -> Result<Cmdlet, Refusal> {
    Cmdlet::named(name).ok_or_else(|| {
        let taken = Cmdlet::ALL.map(Cmdlet::name).join(", ");
        let message = format!("There is no cmdlet {:?} here; there are {taken}.", shortened(name));
        Refusal::thrown("System.Management.Automation.CommandNotFoundException", message)
    })
}
