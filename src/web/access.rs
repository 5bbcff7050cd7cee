//! Who may pass: the one place where tokens, sessions and role groups are checked.

use super::Shared;
use super::client_address::ClientAddress;
use super::error::Problem;
use super::extract::{NoParameters, Query};
use super::idempotency::answer_once;
use super::rate_limit;
use super::security_headers::{NOT_FROM_HERE, from_another_site, same_origin};
use super::session_cookie;
use crate::model::operator::{Actor, ActorKind, Permission, RoleGroup};
use crate::secret::SecretHash;
use crate::store::{Asker, SessionRecord};
use crate::token_memory::Remembered;
use crate::token_uses::TokenUse;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;

/// Who asks, known and allowed.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) actor: Actor,
    pub(crate) role: RoleGroup,
    /// The session of a person; tokens have none.
    pub(crate) session: Option<SessionRecord>,
}

impl Caller {
    /// Whether this is somebody whom nothing is open to but the page to add a second factor.
    pub(crate) fn must_enrol(&self, app: &Shared) -> bool {
        app.config.require_mfa && self.lacks_second_factor()
    }

    /// Whether the password alone is enough to be this operator. Who comes from an identity
    /// provider has that one's second factors.
    pub(crate) fn lacks_second_factor(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.is_local && !session.has_second_factor)
    }

    pub(crate) fn asker(&self) -> Asker<'_> {
        Asker { actor: &self.actor, role: self.role }
    }

    pub(crate) fn may(&self, permission: Permission) -> bool {
        self.role.may(permission)
    }
}

/// The doors of the API or of the portal: routes behind them are open to who has a permission.
#[derive(Clone)]
pub(crate) struct Doors {
    app: Shared,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Api,
    Portal,
}

#[derive(Clone)]
struct Door {
    doors: Doors,
    permission: Permission,
    query: TakesQuery,
}

/// Whether a route looks at the query of an address; else what a misspelt parameter asks for would
/// be lost in it.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum TakesQuery {
    Yes,
    No,
}

impl Doors {
    pub(crate) fn of_the_api(app: &Shared) -> Self {
        Self { app: Arc::clone(app), kind: Kind::Api }
    }

    pub(crate) fn of_the_portal(app: &Shared) -> Self {
        Self { app: Arc::clone(app), kind: Kind::Portal }
    }

    /// Whether a cookie, which a browser sends along for other sites too, is enough for a change.
    pub(crate) fn take_sessions_for_changes(&self) -> bool {
        self.kind == Kind::Portal
    }

    /// Opens `routes` to whoever has `permission`.
    pub(crate) fn open_to(
        &self,
        permission: Permission,
        query: TakesQuery,
        routes: MethodRouter<Shared>,
    ) -> MethodRouter<Shared> {
        let door = Door { doors: self.clone(), permission, query };
        routes.route_layer(from_fn_with_state(door, pass))
    }

    /// Lets nobody change anything but pages of ours.
    pub(crate) fn to_our_pages_alone(&self, routes: MethodRouter<Shared>) -> MethodRouter<Shared> {
        routes.route_layer(from_fn_with_state(Arc::clone(&self.app), same_origin))
    }

    /// Lets a script send a change again without doing it again.
    pub(crate) fn answering_once(&self, routes: MethodRouter<Shared>) -> MethodRouter<Shared> {
        routes.route_layer(from_fn_with_state(Arc::clone(&self.app), answer_once))
    }

    async fn caller(
        &self,
        headers: &HeaderMap,
        method: &Method,
        from: Option<ClientAddress>,
    ) -> Result<Option<Caller>, Problem> {
        if self.kind == Kind::Api
            && let Some(token) = token(headers)
        {
            return by_token(&self.app, &token, from).await;
        }
        if self.kind == Kind::Portal || *method == Method::GET {
            return by_session(&self.app, headers, from).await;
        }
        Ok(None)
    }
}

async fn pass(State(door): State<Door>, request: Request, next: Next) -> Result<Response, Problem> {
    let changes = !request.method().is_safe();
    if changes && door.doors.kind == Kind::Api && from_another_site(request.headers()) {
        return Err(NOT_FROM_HERE);
    }
    let from = request.extensions().get().copied();
    let caller = door.doors.caller(request.headers(), request.method(), from).await?;
    let caller = caller.ok_or(Problem::SignedOut)?;
    let Some(allowance) = rate_limit::take(&door.doors.app, &caller, request.headers()).await?
    else {
        return door.admit(caller, request, next).await;
    };
    let answer = if allowance.is_used_up {
        Err(Problem::RateLimited(allowance))
    } else {
        door.admit(caller, request, next).await
    };
    let mut answer = answer.into_response();
    rate_limit::tell(&allowance, answer.headers_mut());
    Ok(answer)
}

impl Door {
    /// Lets somebody through who may.
    async fn admit(
        &self,
        caller: Caller,
        mut request: Request,
        next: Next,
    ) -> Result<Response, Problem> {
        if !caller.may(self.permission) {
            return Err(Problem::Forbidden(refusal(self.permission)));
        }
        if self.permission != Permission::OwnAccount && caller.must_enrol(&self.doors.app) {
            return Err(Problem::Forbidden(ENROL_FIRST));
        }
        if self.query == TakesQuery::No {
            Query::<NoParameters>::of(request.uri())?;
        }
        request.extensions_mut().insert(caller);
        Ok(next.run(request).await)
    }
}

/// What somebody is told who has a password alone where that is not enough.
const ENROL_FIRST: &str =
    "Your organisation asks for a second factor. Load the page again and add one first.";

/// What somebody is told whose role group lacks this permission.
fn refusal(permission: Permission) -> &'static str {
    match permission {
        Permission::ChangeRestrictions => {
            "Your role group may not restrict or unblock anybody. Ask somebody in Security \
             Administrator or Organization Management."
        }
        Permission::WorkOnAlerts => {
            "Your role group may not work on alerts. Ask somebody in Security Administrator or \
             Organization Management."
        }
        Permission::ChangePolicies => {
            "Your role group may not change policies. Ask somebody in Security Administrator or \
             Organization Management."
        }
        Permission::ManageAccess => {
            "Operators and API tokens are for Organization Management alone. Ask somebody there."
        }
        _ => "Your role group does not allow this.",
    }
}

/// Who has this token, while it is good.
pub(crate) async fn by_token(
    app: &Shared,
    token: &SecretString,
    from: Option<ClientAddress>,
) -> Result<Option<Caller>, Problem> {
    by_token_hash(app, &SecretHash::of(token.expose_secret()), from).await
}

async fn by_token_hash(
    app: &Shared,
    secret: &SecretHash,
    from: Option<ClientAddress>,
) -> Result<Option<Caller>, Problem> {
    let now = app.clock.now();
    if let Some(token) = app.token_memory.fresh(secret, now) {
        return Ok(Some(remembered(token, from)));
    }
    let remembered = || app.token_memory.get(secret, now).map(|token| remembered(token, from));
    if app.meter.is_away()
        && let Some(caller) = remembered()
    {
        return Ok(Some(caller));
    }
    let token = match app.store.token(secret, now).await {
        Err(error) if error.is_outage() => {
            return remembered().map_or(Err(error.into()), |it| Ok(Some(it)));
        }
        token => token?,
    };
    let Some(token) = token else {
        app.token_memory.missed(secret);
        return Ok(None);
    };
    app.token_memory.found(secret, &token, now);
    let actor = actor(token.name.clone(), ActorKind::Token, from);
    if token.is_use_news(now) {
        app.token_uses.note(secret.clone(), TokenUse { at: now, from: actor.client_address });
    }
    Ok(Some(Caller { actor, role: token.role_group, session: None }))
}

/// Who has a token that was good of late, or before the database went away. What needs the database
/// fails all the same.
fn remembered(token: Remembered, from: Option<ClientAddress>) -> Caller {
    let actor = actor(token.name, ActorKind::Token, from);
    Caller { actor, role: token.role_group, session: None }
}

/// Who is signed in, while the session lasts.
pub(crate) async fn by_session(
    app: &Shared,
    headers: &HeaderMap,
    from: Option<ClientAddress>,
) -> Result<Option<Caller>, Problem> {
    let https = app.config.is_https();
    let Some(secret) = session_cookie::read(headers, https) else { return Ok(None) };
    let session = app.store.session(&SecretHash::of(secret), app.clock.now()).await?;
    Ok(session.map(|session| Caller {
        actor: Actor {
            session: Some(session.id),
            ..actor(session.address.clone(), ActorKind::Operator, from)
        },
        role: session.role_group,
        session: Some(session),
    }))
}

/// What somebody got in with, to be looked at again while an answer goes on.
#[derive(Debug, Clone)]
pub(crate) struct Ticket {
    pub(crate) secret: SecretHash,
    /// A session, by the time it was looked at last; nothing for a token, which has a memory of its own.
    session_seen: Option<DateTime<Utc>>,
    from: Option<ClientAddress>,
}

/// For so long a session is not looked up again.
const SEEN_EVERY: TimeDelta = TimeDelta::seconds(1);

impl Ticket {
    /// The one that a caller has just shown.
    pub(crate) fn of(app: &Shared, caller: &Caller, headers: &HeaderMap) -> Result<Self, Problem> {
        let from = caller.actor.client_address.map(ClientAddress);
        if caller.session.is_none() {
            let token = token(headers).ok_or(Problem::SignedOut)?;
            let secret = SecretHash::of(token.expose_secret());
            return Ok(Self { secret, session_seen: None, from });
        }
        let secret = session_cookie::read(headers, app.config.is_https());
        let secret = SecretHash::of(secret.ok_or(Problem::SignedOut)?);
        Ok(Self { secret, session_seen: Some(app.clock.now()), from })
    }

    /// Whether it would still let anybody in. Looking keeps no session alive.
    pub(crate) async fn is_good(&mut self, app: &Shared) -> Result<bool, Problem> {
        let Some(seen) = &mut self.session_seen else {
            return Ok(by_token_hash(app, &self.secret, self.from).await?.is_some());
        };
        let now = app.clock.now();
        if (TimeDelta::zero()..SEEN_EVERY).contains(&(now - *seen)) {
            return Ok(true);
        }
        *seen = now;
        Ok(app.store.find_session(&self.secret, now).await?.is_some())
    }
}

pub(crate) fn actor(name: String, kind: ActorKind, from: Option<ClientAddress>) -> Actor {
    let client_address = from.map(|ClientAddress(address)| address);
    Actor { name, kind, client_address, session: None }
}

/// The token of a request: after `Bearer`, or as the password of HTTP Basic (RFC 7617).
pub(crate) fn token(headers: &HeaderMap) -> Option<SecretString> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, credentials) = value.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(credentials.trim().into());
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let pair = String::from_utf8(BASE64_STANDARD.decode(credentials.trim()).ok()?).ok()?;
        return pair.split_once(':').map(|(_, password)| password.into());
    }
    None
}
