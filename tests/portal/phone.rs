//! An operator with an authenticator app on a phone.

use crate::browser::{Browser, PASSWORD, add_olivia, between};
use crate::harness::Portal;
use chrono::{DateTime, TimeDelta, Utc};
use restricted_users::model::operator::RoleGroup;
use totp_rs::{Builder, Secret};

/// The app on a phone.
pub struct Phone<'a> {
    portal: &'a Portal,
    key: String,
}

impl Phone<'_> {
    pub fn code(&self) -> String {
        code_at(&self.key, self.portal.clock.now())
    }

    /// The code of the next step: each is good once.
    pub fn next_code(&self) -> String {
        self.portal.clock.advance(TimeDelta::seconds(30));
        self.code()
    }
}

/// What an authenticator app with this key shows.
pub fn code_at(key: &str, now: DateTime<Utc>) -> String {
    let secret = Secret::try_from_base32(key).unwrap();
    let now = u64::try_from(now.timestamp()).unwrap();
    Builder::new().with_secret(secret).build_noncompliant().generate(now).to_string()
}

/// Sets one-time codes up in a browser that is signed in; also the recovery codes.
pub async fn enrol<'a>(portal: &'a Portal, browser: &Browser<'_>) -> (Phone<'a>, Vec<String>) {
    let set_up = browser.post("/ui/account/codes", &[("password", PASSWORD)]).await;
    assert_eq!(set_up.status, 200, "{set_up:?}");
    let key = between(&set_up.text, "<code id=\"key\">", "</code>").replace(' ', "");
    let phone = Phone { portal, key };
    let code = phone.code();
    let on = browser.post("/ui/account/codes/confirm", &[("code", &code)]).await;
    assert_eq!(on.status, 200, "{on:?}");
    (phone, recovery_codes(&on.text))
}

pub fn recovery_codes(page: &str) -> Vec<String> {
    let codes = between(page, "<pre id=\"fresh-codes\">", "</pre>");
    codes.lines().map(str::to_owned).collect()
}

/// Signs olivia in with the password alone.
pub async fn olivia(portal: &Portal) -> Browser<'_> {
    add_olivia(portal, RoleGroup::SecurityAdministrator).await;
    let browser = Browser::new(portal);
    browser.sign_in(PASSWORD).await;
    assert!(browser.is_signed_in().await);
    browser
}
