//! What follows when somebody has proved to be an operator: a session, or the second step.

use crate::model::address::Address;
use crate::model::operator::ActorKind;
use crate::secret::{SecretHash, random_secret};
use crate::store::NewSession;
use crate::web::access::actor;
use crate::web::browser::browser;
use crate::web::client_address::ClientAddress;
use crate::web::error::Problem;
use crate::web::step_cookie::StepCookie;
use crate::web::{Shared, session_cookie};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::AppendHeaders;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use std::iter;
use uuid::Uuid;

/// How long the second factor is waited for: long enough to look for a phone.
const SECOND_STEP_WITHIN: TimeDelta = TimeDelta::minutes(10);

/// The cookies to set.
pub(crate) type Cookies = AppendHeaders<Vec<(HeaderName, HeaderValue)>>;

/// A browser whose user wants to be let in.
#[derive(Clone, Copy)]
pub(crate) struct Arrival<'a> {
    pub(crate) app: &'a Shared,
    pub(crate) from: ClientAddress,
    pub(crate) headers: &'a HeaderMap,
}

impl Arrival<'_> {
    /// After the right password, or a new one set through a link: lets the operator in, unless
    /// there is a second factor to ask for.
    pub(crate) async fn after_password(
        &self,
        operator: Uuid,
        address: String,
        with: &'static str,
    ) -> Result<Cookies, Problem> {
        if self.app.store.second_factors(operator).await?.count() == 0 {
            return self.let_in(operator, address, with).await;
        }
        let (secret, now) = (random_secret(), self.app.clock.now());
        let hash = SecretHash::of(secret.expose_secret());
        let until = now + SECOND_STEP_WITHIN;
        self.app.store.begin_half_sign_in(&hash, operator, until, now).await?;
        // Else the page would go on as whoever was signed in here before.
        self.drop_earlier_session().await?;
        let half = StepCookie::HalfSignIn.begin(&secret, self.app.config.is_https());
        Ok(set(vec![half]))
    }

    /// Begins a session of an operator who has proved everything that is asked for, `with` that.
    pub(crate) async fn let_in(
        &self,
        operator: Uuid,
        address: String,
        with: &'static str,
    ) -> Result<Cookies, Problem> {
        let device = self.remember_device(operator, &Address::stored(&address)).await?;
        let (_, mut cookies) = self.begin_session(operator, address, with).await?;
        cookies.push(device);
        Ok(set(cookies))
    }

    /// Begins a session of an operator whom the identity provider vouches for. The browser is not
    /// remembered: without a password there are no attempts that it could be trusted with.
    pub(crate) async fn let_in_vouched_for(
        &self,
        operator: Uuid,
        name: String,
        id_token: &SecretString,
    ) -> Result<Cookies, Problem> {
        let (session, cookies) = self.begin_session(operator, name, "identity provider").await?;
        self.app.store.keep_id_token(&session, id_token).await?;
        Ok(set(cookies))
    }

    /// Begins a session in place of the one that the browser had, and ends what it had half done.
    async fn begin_session(
        &self,
        operator: Uuid,
        address: String,
        with: &'static str,
    ) -> Result<(SecretHash, Vec<HeaderValue>), Problem> {
        self.drop_earlier_session().await?;
        let (https, secret) = (self.app.config.is_https(), random_secret());
        let hash = SecretHash::of(secret.expose_secret());
        let browser = browser(self.headers);
        let new = NewSession { secret: &hash, operator, browser: browser.as_deref(), with };
        let actor = actor(address, ActorKind::Operator, Some(self.from));
        self.app.store.begin_session(new, &actor, self.app.clock.now()).await?;
        let steps = [StepCookie::HalfSignIn, StepCookie::Challenge].into_iter();
        let begun = steps.filter(|step| step.read(self.headers, https).is_some());
        let cookie = session_cookie::begin(&secret, https);
        Ok((hash, iter::once(cookie).chain(begun.map(|step| step.end(https))).collect()))
    }

    async fn drop_earlier_session(&self) -> Result<(), Problem> {
        if let Some(earlier) = session_cookie::read(self.headers, self.app.config.is_https()) {
            self.app.store.drop_session(&SecretHash::of(earlier)).await?;
        }
        Ok(())
    }

    async fn remember_device(
        &self,
        operator: Uuid,
        address: &Address,
    ) -> Result<HeaderValue, Problem> {
        let now = self.app.clock.now();
        // Only a secret that we gave out is kept: somebody else could know any other.
        let device = match self.known_device(address, now).await? {
            Some(device) => device.to_owned().into(),
            None => random_secret(),
        };
        let hash = SecretHash::of(device.expose_secret());
        self.app.store.remember_device(&hash, operator, now).await?;
        Ok(session_cookie::remember_device(&device, self.app.config.is_https()))
    }

    /// The secret of a browser that this account was signed in with before.
    pub(crate) async fn known_device(
        &self,
        account: &Address,
        now: DateTime<Utc>,
    ) -> Result<Option<&str>, Problem> {
        let https = self.app.config.is_https();
        let Some(device) = session_cookie::read_device(self.headers, https) else {
            return Ok(None);
        };
        let known = self.app.store.knows_device(&SecretHash::of(device), account, now).await?;
        Ok(known.then_some(device))
    }
}

fn set(cookies: Vec<HeaderValue>) -> Cookies {
    AppendHeaders(cookies.into_iter().map(|cookie| (SET_COOKIE, cookie)).collect())
}
