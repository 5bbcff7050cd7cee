//! Why somebody who comes from the identity provider is not let in, in sentences.

use crate::oidc::{Provider, Refused};
use crate::web::Shared;
use crate::web::extract::shortened;
use crate::web::portal::frame::sign_in;
use crate::web::portal::html;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// The most values of a claim that a sentence repeats.
const VALUES_SHOWN: usize = 5;

/// Why somebody is not let in.
pub(super) enum NotLetIn {
    /// The answer belongs to no sign-in of this browser.
    Stale,
    /// The provider says no, for a reason of its own.
    TurnedAway(String),
    /// The provider's answer does not pass the checks, or there is none, or no role group in it.
    Refused(Refused),
    Removed,
    /// Too many sign-ins begin in this network.
    TooMany,
}

impl From<Refused> for NotLetIn {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl NotLetIn {
    /// The sign-in page, which says why.
    pub(super) fn page(&self, app: &Shared, provider: &Provider) -> Response {
        let mut page = sign_in(app, String::new(), None);
        if let Some(door) = &mut page.provider {
            door.message = Some(self.sentence(provider));
        }
        (self.status(), html(&page)).into_response()
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Stale | Self::TurnedAway(_) | Self::Refused(Refused::Unproven) => {
                StatusCode::UNAUTHORIZED
            }
            Self::Refused(Refused::NoRole { .. }) | Self::Removed => StatusCode::FORBIDDEN,
            Self::Refused(Refused::Away) => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    fn sentence(&self, provider: &Provider) -> String {
        match self {
            Self::Stale => "This sign-in began in another browser or tab, was used already, or took longer than ten \
                            minutes. Please begin again."
                .into(),
            Self::TurnedAway(why) => {
                format!("The identity provider did not sign you in: {}.", shortened(why))
            }
            Self::Refused(Refused::Away) => format!(
                "The identity provider, {}, does not answer. Try again in a minute, or use a password.",
                provider.host()
            ),
            Self::Refused(Refused::Unproven) => {
                "The identity provider's answer could not be verified, so nobody was signed in. Try again; if it \
                 happens again, the log of this service says why."
                    .into()
            }
            Self::Refused(Refused::NoRole { values, .. }) => no_role(provider, values),
            Self::Removed => {
                "Your operator was removed here. Ask Organization Management to add it again.".into()
            }
            Self::TooMany => {
                "Too many sign-ins begin in your network. Wait a quarter of an hour.".into()
            }
        }
    }
}

fn no_role(provider: &Provider, values: &[String]) -> String {
    let claim = &provider.settings().role_claim;
    if values.is_empty() {
        return format!(
            "The identity provider says nothing of you in the claim “{claim}”, which gives the role group here. Ask \
             whoever runs it."
        );
    }
    let shown = values.iter().take(VALUES_SHOWN).map(|value| format!("“{}”", shortened(value)));
    let shown = shown.collect::<Vec<_>>().join(", ");
    let more = if values.len() > VALUES_SHOWN { " and more" } else { "" };
    format!(
        "The claim “{claim}” of your account holds {shown}{more}, and none of it gives a role group here. Ask \
         Organization Management."
    )
}
