//! A browser that keeps its cookies, and an operator in front of it.

use crate::harness::{Answer, Portal, minutes};
use reqwest::Method;
use restricted_users::model::address::Address;
use restricted_users::model::operator::{Actor, RoleGroup};
use restricted_users::secret::{PasswordHash, SecretHash};
use std::cell::RefCell;
use std::collections::BTreeMap;

pub const OLIVIA: &str = "olivia@example.org";
pub const PASSWORD: &str = "a long walk by the sea";

/// The agent of the browsers here.
const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0";

pub struct Browser<'a> {
    portal: &'a Portal,
    cookies: RefCell<BTreeMap<String, String>>,
}

impl<'a> Browser<'a> {
    pub fn new(portal: &'a Portal) -> Self {
        Self { portal, cookies: RefCell::default() }
    }

    /// The same cookies in another hand.
    pub fn copied(&self) -> Self {
        Self { portal: self.portal, cookies: self.cookies.clone() }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.portal.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        let body = body.extend_pairs(fields).finish();
        let request = self.portal.request(Method::POST, path).header("origin", &self.portal.url);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(body)).await
    }

    fn cookie(&self) -> String {
        let cookies = self.cookies.borrow();
        let pairs = cookies.iter().map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let request = request.header("cookie", self.cookie()).header("user-agent", AGENT);
        let answer = self.portal.send(request).await;
        for cookie in answer.headers.get_all("set-cookie") {
            let (pair, rest) = cookie.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let mut cookies = self.cookies.borrow_mut();
            if rest.contains("Max-Age=0") {
                cookies.remove(name);
            } else {
                cookies.insert(name.into(), value.into());
            }
        }
        answer
    }

    pub async fn sign_in(&self, password: &str) -> Answer {
        self.post("/sign-in", &[("address", OLIVIA), ("password", password)]).await
    }

    pub async fn is_signed_in(&self) -> bool {
        self.get("/ui/account").await.status == 200
    }

    /// The text on the account's page.
    pub async fn account(&self) -> String {
        let page = self.get("/ui/account").await;
        assert_eq!(page.status, 200, "{page:?}");
        page.text
    }
}

/// Makes olivia an operator who has the usual password.
pub async fn add_olivia(portal: &Portal, role: RoleGroup) {
    let (store, now) = (&portal.app.store, portal.clock.now());
    let (address, secret) = (Address::stored(OLIVIA), SecretHash::of("olivia's link"));
    let link = (&secret, now + minutes(60));
    let actor = Actor::command_line();
    assert!(store.add_operator(&address, role, link, &actor, now).await.unwrap());
    let password = PasswordHash::of(&PASSWORD.into());
    assert!(store.set_password(&secret, &password, None, now).await.unwrap().is_some());
}

/// What stands between two marks of a page.
pub fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let rest = text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}")).1;
    rest.split_once(after).unwrap_or_else(|| panic!("no {after} in {rest}")).0
}
