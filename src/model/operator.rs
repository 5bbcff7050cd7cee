//! Operators, role groups and what each allows.

use serde::{Deserialize, Serialize};
use std::{fmt, net::IpAddr, str::FromStr};
use utoipa::ToSchema;
use uuid::Uuid;

/// A role group: what an operator or a token may do. The names are Exchange's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum RoleGroup {
    /// Everything.
    OrganizationManagement,
    /// Restrict, unblock, cancel an unblock, work on alerts, change policies.
    SecurityAdministrator,
    /// Look, never change.
    GlobalReader,
    /// Look, never change.
    SecurityReader,
    /// Look, never change.
    ViewOnlyOrganizationManagement,
    /// For tokens of mail servers alone: report mail and ask for decisions.
    MailServer,
}

/// Something that a route asks for and a role group allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// See restricted users, their history and the audit log.
    Look,
    /// Look after the own account: password, second factors, sessions.
    OwnAccount,
    /// Restrict, unblock, cancel an unblock.
    ChangeRestrictions,
    /// Unblock a sender who was unblocked too often already.
    ExceedUnblockLimit,
    /// Take, comment, resolve and reopen alerts.
    WorkOnAlerts,
    /// Create, change and delete the policies that judge senders, and change those that alert.
    ChangePolicies,
    /// Add, change and remove operators and API tokens.
    ManageAccess,
    /// Ask for the decision on a message, as a mail server does.
    AskDecision,
    /// Tell of outbound messages and what filters say of them, as a mail server does.
    ReportMail,
    /// Any token at all, whatever its role group.
    AnyToken,
}

impl Permission {
    /// The role groups that allow this. This table is the only place that says so: routes, pages
    /// and the store all ask here.
    pub const fn role_groups(self) -> &'static [RoleGroup] {
        use RoleGroup::{
            GlobalReader, MailServer, OrganizationManagement, SecurityAdministrator,
            SecurityReader, ViewOnlyOrganizationManagement,
        };
        match self {
            Self::Look | Self::OwnAccount => &[
                OrganizationManagement,
                SecurityAdministrator,
                GlobalReader,
                SecurityReader,
                ViewOnlyOrganizationManagement,
            ],
            Self::ChangeRestrictions | Self::WorkOnAlerts | Self::ChangePolicies => {
                &[OrganizationManagement, SecurityAdministrator]
            }
            Self::ExceedUnblockLimit | Self::ManageAccess => &[OrganizationManagement],
            Self::AskDecision | Self::ReportMail => &[OrganizationManagement, MailServer],
            Self::AnyToken => &RoleGroup::ALL,
        }
    }
}

impl RoleGroup {
    /// All role groups, the mightiest first.
    pub const ALL: [Self; 6] = [
        Self::OrganizationManagement,
        Self::SecurityAdministrator,
        Self::GlobalReader,
        Self::SecurityReader,
        Self::ViewOnlyOrganizationManagement,
        Self::MailServer,
    ];

    /// Those that a person may have; the others are for tokens alone.
    pub const OF_PEOPLE: &'static [Self] = Permission::Look.role_groups();

    /// Whether this role group allows `permission`.
    pub fn may(self, permission: Permission) -> bool {
        permission.role_groups().contains(&self)
    }

    /// The name that the API and the store use.
    pub fn slug(self) -> String {
        self.name().to_lowercase().replace([' ', '-'], "_")
    }

    /// The name that people read.
    pub fn name(self) -> &'static str {
        match self {
            Self::OrganizationManagement => "Organization Management",
            Self::SecurityAdministrator => "Security Administrator",
            Self::GlobalReader => "Global Reader",
            Self::SecurityReader => "Security Reader",
            Self::ViewOnlyOrganizationManagement => "View-Only Organization Management",
            Self::MailServer => "Mail Server",
        }
    }
}

impl fmt::Display for RoleGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names no role group.
#[derive(Debug, thiserror::Error)]
#[error("a role group is one of {}", RoleGroup::ALL.map(RoleGroup::name).join(", "))]
pub struct UnknownRoleGroup;

impl FromStr for RoleGroup {
    type Err = UnknownRoleGroup;

    /// Takes the name in any case, hyphens for spaces allowed.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let spelled = |text: &str| text.to_lowercase().replace(' ', "-");
        Self::ALL
            .into_iter()
            .find(|role| spelled(role.name()) == spelled(text))
            .ok_or(UnknownRoleGroup)
    }
}

/// Who does something, as history and audit log name them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// An operator's address, a token's name, `command line` or `system`.
    pub name: String,
    pub kind: ActorKind,
    /// Where the request came from.
    pub client_address: Option<IpAddr>,
    /// The id of the session it was done in, in the portal.
    pub session: Option<Uuid>,
}

/// What kind of actor did something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum ActorKind {
    /// A person who signed in.
    Operator,
    /// A script with an API token.
    Token,
    /// Somebody at the command line of the machine.
    CommandLine,
    /// The service itself.
    System,
}

impl Actor {
    /// The service itself, acting because a time has come.
    pub fn system() -> Self {
        Self::named("system", ActorKind::System)
    }

    /// Whoever runs a command on the machine.
    pub fn command_line() -> Self {
        Self::named("command line", ActorKind::CommandLine)
    }

    fn named(name: &str, kind: ActorKind) -> Self {
        Self { name: name.into(), kind, client_address: None, session: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_and_the_pages_call_a_role_group_the_same() {
        for role in RoleGroup::ALL {
            assert_eq!(serde_json::to_value(role).unwrap(), role.slug());
        }
    }

    #[test]
    fn a_role_group_is_read_in_any_case_with_hyphens_or_spaces() {
        for text in ["security-administrator", "Security Administrator", "SECURITY-administrator"] {
            assert_eq!(text.parse::<RoleGroup>().unwrap(), RoleGroup::SecurityAdministrator);
        }
        assert_eq!(
            "view-only-organization-management".parse::<RoleGroup>().unwrap(),
            RoleGroup::ViewOnlyOrganizationManagement
        );
        assert!("security".parse::<RoleGroup>().is_err());
    }
}
