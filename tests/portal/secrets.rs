//! What was said in confidence: neither the log nor the store repeats it.

use crate::browser::between;
use crate::harness::{Database, eventually};
use crate::oidc::provider::{Provider, SECRET};
use crate::phone::code_at;
use crate::program::{command, result_of};
use restricted_users::model::clock::Clock;
use std::collections::HashMap;
use std::fs::{File, read_to_string};
use std::process::{Child, Stdio};

const PASSWORD: &str = "a long walk by the sea";
const MISTYPED: &str = "my secret, typed into the wrong field";

/// `serve`, as talkative as it can be, into a file; killed when dropped.
struct Talkative(Child);

impl Drop for Talkative {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn serve(
    database: &Database,
    log: &std::path::Path,
    settings: &[(&str, &str)],
) -> (Talkative, String) {
    let variable = |key: &str| format!("RESTRICTED_USERS_{}", key.to_uppercase());
    let child = command(database, &["serve"])
        .envs(settings.iter().map(|(key, value)| (variable(key), value)))
        .env("RESTRICTED_USERS_LISTEN", "127.0.0.1:0")
        .env("RESTRICTED_USERS_POLICY_LISTEN", "127.0.0.1:0")
        .env("RUST_LOG", "trace")
        .stdout(Stdio::null())
        .stderr(File::create(log).unwrap())
        .spawn();
    let serve = Talkative(child.unwrap());
    let mut url = None;
    eventually("it listens", async || {
        let text = read_to_string(log).unwrap();
        let at =
            text.split(r#""part":"web","address":""#).nth(1).and_then(|it| it.split('"').next());
        url = at.map(|at| format!("http://{at}"));
        url.is_some()
    })
    .await;
    (serve, url.unwrap())
}

#[tokio::test]
async fn no_secret_that_somebody_sends_or_gets_is_in_the_log_or_in_the_database() {
    let database = Database::create().await;
    let link =
        result_of(&database, &["operator", "add", "olivia@example.org", "--role", "global-reader"]);
    let link = link.trim().rsplit('/').next().unwrap();
    let token = result_of(&database, &["token", "create", "--name", "x", "--role", "mail-server"]);
    let token = token.trim();
    let log = database.folder.path().join("log");
    let (_serve, url) = serve(&database, &log, &[]).await;
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let http = http.build().unwrap();
    let post = async |path: &str, fields: &[(&str, &str)]| {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        let request = http.post(format!("{url}{path}")).header("origin", &url);
        request.body(body.extend_pairs(fields).finish()).send().await.unwrap()
    };

    post("/ui/welcome", &[("secret", link)]).await;
    post("/ui/welcome/password", &[("secret", link), ("password", "too short")]).await;
    post("/ui/welcome/password", &[("secret", link), ("password", PASSWORD)]).await;
    post("/sign-in", &[("address", MISTYPED), ("password", "wrong, wrong")]).await;
    let signed_in = post("/sign-in", &[("address", "olivia"), ("password", PASSWORD)]).await;
    let cookies: Vec<_> = signed_in.headers().get_all("set-cookie").iter().collect();
    let cookies = cookies.into_iter().map(|cookie| cookie.to_str().unwrap().split(['=', ';']));
    let cookies: Vec<_> = cookies.map(|mut parts| parts.nth(1).unwrap().to_owned()).collect();
    let asked = http.get(format!("{url}/api/v1/decision?sender=a&recipient=b")).bearer_auth(token);
    assert_eq!(asked.send().await.unwrap().status(), 200);

    let mut places = vec![("log", std::fs::read(&log).unwrap())];
    if !database.is_postgres() {
        for file in ["restricted-users.db", "restricted-users.db-wal"] {
            places.push((file, std::fs::read(database.folder.path().join(file)).unwrap()));
        }
    }
    let secrets = [link, token, PASSWORD, "too short", "wrong, wrong", MISTYPED];
    for (place, bytes) in places {
        let text = String::from_utf8_lossy(&bytes);
        for secret in secrets.into_iter().chain(cookies.iter().map(String::as_str)) {
            assert!(!text.contains(secret), "{secret:?} is in the {place}");
        }
    }
    assert_eq!(cookies.len(), 2);
}

#[tokio::test]
async fn nothing_that_goes_between_the_provider_and_this_service_is_in_the_log() {
    let database = Database::create().await;
    let provider = Provider::start().await;
    let log = database.folder.path().join("log");
    let (_serve, url) = serve(&database, &log, &provider.settings()).await;
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let http = http.build().unwrap();
    let cookie = |answer: &reqwest::Response| {
        let cookie = answer.headers()["set-cookie"].to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    };

    let begun = http.get(format!("{url}/sign-in/oidc")).send().await.unwrap();
    let to = url::Url::parse(begun.headers()["location"].to_str().unwrap()).unwrap();
    let asked: HashMap<_, _> = to.query_pairs().into_owned().collect();
    let mut claims = provider.claims_of(Clock::default().now(), &asked["nonce"]);
    claims["groups"] = "desk".into();
    let token = provider.key().sign(&claims);
    provider.hand_out(token.clone());
    let (state, code) = (&asked["state"], &asked["code_challenge"]);
    let back = http.get(format!("{url}/sign-in/oidc/callback?state={state}&code={code}"));
    let back = back.header("cookie", cookie(&begun)).send().await.unwrap();
    assert_eq!(back.status(), 303);
    let out = http.post(format!("{url}/sign-out")).header("origin", &url);
    let out = out.header("cookie", cookie(&back)).send().await.unwrap();
    assert!(out.headers()["refresh"].to_str().unwrap().contains(&token));

    let text = read_to_string(&log).unwrap();
    let cookies =
        [cookie(&begun), cookie(&back)].map(|it| it.split('=').nth(1).unwrap().to_owned());
    let secrets = [SECRET, state, code, &asked["nonce"], &token, &cookies[0], &cookies[1]];
    for secret in secrets {
        assert!(!text.contains(secret), "{secret:?} is in the log");
    }
}

/// What `Set-Cookie` sets, as a browser sends it back.
fn cookies(answer: &reqwest::Response) -> String {
    let cookies = answer.headers().get_all("set-cookie").iter();
    let pairs = cookies.map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap());
    pairs.collect::<Vec<_>>().join("; ")
}

#[tokio::test]
async fn no_secret_of_a_second_factor_is_in_the_log_and_but_for_the_key_none_in_the_database() {
    let database = Database::create().await;
    let link =
        result_of(&database, &["operator", "add", "olivia@example.org", "--role", "global-reader"]);
    let link = link.trim().rsplit('/').next().unwrap();
    let log = database.folder.path().join("log");
    let (_serve, url) = serve(&database, &log, &[]).await;
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let http = http.build().unwrap();
    let post = async |path: &str, cookies: &str, fields: &[(&str, &str)]| {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        let request = http.post(format!("{url}{path}")).header("origin", &url);
        let body = body.extend_pairs(fields).finish();
        request.header("cookie", cookies).body(body).send().await.unwrap()
    };

    let fields = [("secret", link), ("password", PASSWORD)];
    let session = cookies(&post("/ui/welcome/password", "", &fields).await);
    let set_up = post("/ui/account/codes", &session, &[("password", PASSWORD)]).await;
    let spelled = set_up.text().await.unwrap();
    let spelled = between(&spelled, "<code id=\"key\">", "</code>");
    let key = spelled.replace(' ', "");
    let code = code_at(&key, Clock::default().now());
    let on = post("/ui/account/codes/confirm", &session, &[("code", &code)]).await;
    let on = on.text().await.unwrap();
    let recovery = between(&on, "<pre id=\"fresh-codes\">", "\n");
    let fields = [("address", "olivia"), ("password", PASSWORD)];
    let half = cookies(&post("/sign-in", "", &fields).await);
    let signed_in = post("/sign-in/recovery-code", &half, &[("code", recovery)]).await;
    assert_eq!(signed_in.status(), 303);

    let half = half.strip_prefix("half-sign-in=").unwrap();
    let plain = recovery.replace('-', "");
    let mut told = vec![("log", std::fs::read(&log).unwrap(), vec![spelled, &key])];
    if !database.is_postgres() {
        for file in ["restricted-users.db", "restricted-users.db-wal"] {
            told.push((file, std::fs::read(database.folder.path().join(file)).unwrap(), vec![]));
        }
    }
    for (place, bytes, more) in told {
        let text = String::from_utf8_lossy(&bytes);
        for secret in [recovery, &plain, half].into_iter().chain(more) {
            assert!(!text.contains(secret), "{secret:?} is in the {place}");
        }
    }
}
