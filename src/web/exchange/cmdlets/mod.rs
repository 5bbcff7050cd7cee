//! The cmdlets, one file each.

mod get_blocked_sender_address;
mod get_hosted_outbound_spam_filter_policy;
mod remove_blocked_sender_address;
mod set_hosted_outbound_spam_filter_policy;

use super::answer::Record;
use super::paging::{PageAsked, SkipToken};
use super::parameters::Parameters;
use super::refusal::Refusal;
use crate::model::OutboundSpamPolicy;
use crate::model::address::Address;
use crate::model::operator::Permission;
use crate::web::Shared;
use crate::web::access::Caller;
use crate::web::extract::shortened;
use uuid::Uuid;

/// No address is longer: 64 octets, the `@`, 255 octets.
const LONGEST_ADDRESS: usize = 320;
/// No policy has a longer name.
const LONGEST_NAME: usize = 64;

/// A cmdlet that is answered here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cmdlet {
    GetBlockedSenderAddress,
    RemoveBlockedSenderAddress,
    GetHostedOutboundSpamFilterPolicy,
    SetHostedOutboundSpamFilterPolicy,
}

/// A call of a cmdlet by somebody who may call it.
pub(super) struct Call<'a> {
    pub(super) app: &'a Shared,
    pub(super) caller: &'a Caller,
    pub(super) parameters: Parameters,
    pub(super) page: PageAsked,
}

/// What came of a call.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) records: Vec<Record>,
    pub(super) warnings: Vec<String>,
    /// What would have been done, where that alone was asked.
    pub(super) would: Option<String>,
    pub(super) next: Option<SkipToken>,
}

impl Cmdlet {
    pub(super) const ALL: [Self; 4] = [
        Self::GetBlockedSenderAddress,
        Self::RemoveBlockedSenderAddress,
        Self::GetHostedOutboundSpamFilterPolicy,
        Self::SetHostedOutboundSpamFilterPolicy,
    ];

    /// The cmdlet of this name, in any case.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cmdlet| cmdlet.name().eq_ignore_ascii_case(name))
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::GetBlockedSenderAddress => "Get-BlockedSenderAddress",
            Self::RemoveBlockedSenderAddress => "Remove-BlockedSenderAddress",
            Self::GetHostedOutboundSpamFilterPolicy => "Get-HostedOutboundSpamFilterPolicy",
            Self::SetHostedOutboundSpamFilterPolicy => "Set-HostedOutboundSpamFilterPolicy",
        }
    }

    pub(super) fn permission(self) -> Permission {
        match self {
            Self::GetBlockedSenderAddress | Self::GetHostedOutboundSpamFilterPolicy => {
                Permission::Look
            }
            Self::RemoveBlockedSenderAddress => Permission::ChangeRestrictions,
            Self::SetHostedOutboundSpamFilterPolicy => Permission::ChangePolicies,
        }
    }

    /// Whether the answer may be longer than a page.
    pub(super) fn has_pages(self) -> bool {
        self == Self::GetBlockedSenderAddress
    }

    pub(super) async fn run(self, call: Call<'_>) -> Result<Outcome, Refusal> {
        match self {
            Self::GetBlockedSenderAddress => get_blocked_sender_address::run(call).await,
            // In boxes, so that the one above, which is called most, is not as large as these.
            Self::RemoveBlockedSenderAddress => {
                Box::pin(remove_blocked_sender_address::run(call)).await
            }
            Self::GetHostedOutboundSpamFilterPolicy => {
                Box::pin(get_hosted_outbound_spam_filter_policy::run(call)).await
            }
            Self::SetHostedOutboundSpamFilterPolicy => {
                Box::pin(set_hosted_outbound_spam_filter_policy::run(call)).await
            }
        }
    }
}

impl Call<'_> {
    /// `-SenderAddress`, where it is given.
    fn sender_address(&mut self) -> Result<Option<Address>, Refusal> {
        let Some(text) = self.parameters.name("SenderAddress", 1..=LONGEST_ADDRESS)? else {
            return Ok(None);
        };
        Ok(Some(self.app.organization().sender(&text)))
    }

    /// `-Identity` of a policy: its name in any case or its id. Where nothing is said it is the
    /// default policy, which is found by the word as well when it has another name.
    fn identity(&mut self) -> Result<Identity, Refusal> {
        let identity = self.parameters.name("Identity", 1..=LONGEST_NAME)?;
        Ok(Identity(identity.unwrap_or_else(|| "Default".into())))
    }
}

/// Which policy is meant.
struct Identity(String);

impl Identity {
    fn find(&self, policies: Vec<OutboundSpamPolicy>) -> Result<OutboundSpamPolicy, Refusal> {
        let name = self.0.trim().to_lowercase();
        let (id, is_default) = (Uuid::try_parse(&name).ok(), name == "default");
        let named = |policy: &OutboundSpamPolicy| policy.name.to_lowercase() == name;
        let at = policies.iter().position(named).or_else(|| {
            let is_meant =
                |it: &OutboundSpamPolicy| Some(it.id) == id || is_default && it.is_default();
            policies.iter().position(is_meant)
        });
        let policy = at.and_then(|at| policies.into_iter().nth(at));
        policy.ok_or_else(|| {
            let name = shortened(&self.0);
            Refusal::object_not_found(format!("There is no outbound spam policy {name:?}."))
        })
    }
}
