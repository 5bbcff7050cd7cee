//! The reverse proxies of the documentation, as it sets them up: what a client writes into the headers
//! that proxies write gets it nowhere.

use crate::documentation::{block, section};
use crate::harness::{Portal, eventually};
use reqwest::{Client, Method, RequestBuilder};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

const PAGE: &str = include_str!("../../docs/reverse-proxy.md");
/// Where the page says that the service listens.
const SERVICE: &str = "127.0.0.1:8080";

/// A proxy, ended with the story.
struct Proxy {
    url: String,
    process: Child,
    _folder: TempDir,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Proxy {
    /// Starts what `command` says for a folder that has `settings`, where the proxy listens on a port
    /// and asks the portal.
    async fn start(
        portal: &Portal,
        settings: impl FnOnce(&str, u16, &Path) -> String,
        lines: &str,
        command: impl FnOnce(&Path) -> Command,
    ) -> Self {
        let folder = TempDir::new().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let lines = lines.replace(SERVICE, portal.url.trim_start_matches("http://"));
        std::fs::write(folder.path().join("settings"), settings(&lines, port, folder.path()))
            .unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let mut command = command(folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let proxy = Self {
            url: format!("http://127.0.0.1:{port}"),
            process: command.spawn().unwrap(),
            _folder: folder,
        };
        let answers =
            async || proxy.get("/healthz").send().await.is_ok_and(|it| it.status() == 200);
        eventually("the proxy answers", answers).await;
        proxy
    }

    /// A request of somebody who is not on this machine, as far as the proxy can tell.
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let client = Client::builder()
            .local_address(Some(Ipv4Addr::new(127, 0, 0, 2).into()))
            .redirect(reqwest::redirect::Policy::none())
            .build();
        client.unwrap().request(method, format!("{}{path}", self.url))
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    /// What wrong passwords of one client are answered that says of itself to be another each time.
    async fn guesses(&self, count: u8) -> BTreeMap<u16, u8> {
        let mut statuses = BTreeMap::new();
        for number in 0..count {
            let body = format!("address=user{number}@example.org&password=a+guess");
            let request = self.request(Method::POST, "/sign-in").header("origin", &self.url);
            let request = request.header("content-type", "application/x-www-form-urlencoded");
            let answer =
                forged(request, &format!("192.0.2.{number}")).body(body).send().await.unwrap();
            *statuses.entry(answer.status().as_u16()).or_default() += 1;
        }
        statuses
    }
}

/// Every header that a proxy might believe.
fn forged(request: RequestBuilder, address: &str) -> RequestBuilder {
    let request = request.header("forwarded", format!("for={address}"));
    request.header("x-forwarded-for", address).header("x-real-ip", address)
}

async fn portal() -> Portal {
    Portal::with(&[("trusted_proxies", "127.0.0.1")]).await
}

async fn lets_nobody_say_who_it_is(proxy: &Proxy) {
    for address in ["127.0.0.1", "[::1]", "127.0.0.2"] {
        let answer = forged(proxy.get("/metrics"), address).send().await.unwrap();
        assert_eq!(answer.status(), 401, "{address}");
    }
    let answer = proxy.get("/metrics").send().await.unwrap();
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.headers()["strict-transport-security"], "max-age=31536000");
    assert_eq!(proxy.guesses(60).await, BTreeMap::from([(401, 50), (429, 10)]));
}

#[tokio::test]
async fn behind_nginx_a_client_cannot_say_that_it_is_another() {
    let portal = portal().await;
    let settings = |location: &str, port, folder: &Path| {
        let folder = folder.display();
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {folder}/{kind};"))
            .join("\n");
        format!(
            "daemon off; master_process off; pid {folder}/pid; error_log stderr;\n\
             events {{}}\n\
             http {{ access_log off; {temporary}\n\
             server {{ listen 127.0.0.1:{port};\n{location}}} }}"
        )
    };
    let run = |folder: &Path| {
        let mut nginx = Command::new("nginx");
        nginx.arg("-p").arg(folder).arg("-c").arg(folder.join("settings"));
        nginx.env("PATH", path());
        nginx
    };
    let lines = block(section(PAGE, "## nginx"), "nginx");
    lets_nobody_say_who_it_is(&Proxy::start(&portal, settings, lines, run).await).await;
}

#[tokio::test]
async fn behind_caddy_a_client_cannot_say_that_it_is_another() {
    let portal = portal().await;
    let settings = |site: &str, port, _: &Path| {
        // A certificate is nothing to get here.
        let site = site.replace("restricted.example.org", &format!("http://127.0.0.1:{port}"));
        format!("{{\nadmin off\n}}\n{site}")
    };
    let run = |folder: &Path| {
        let mut caddy = Command::new("caddy");
        caddy.args(["run", "--adapter", "caddyfile", "--config"]).arg(folder.join("settings"));
        caddy.env("HOME", folder).env("XDG_DATA_HOME", folder).env("XDG_CONFIG_HOME", folder);
        caddy
    };
    let lines = block(section(PAGE, "## Caddy"), "caddyfile");
    lets_nobody_say_who_it_is(&Proxy::start(&portal, settings, lines, run).await).await;
}

#[tokio::test]
async fn behind_apache_a_client_cannot_say_that_it_is_another() {
    let portal = portal().await;
    let settings = |lines: &str, port, folder: &Path| {
        let modules = ["mpm_event", "authz_core", "proxy", "proxy_http", "headers"].map(|name| {
            format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n")
        });
        format!(
            "{}Listen 127.0.0.1:{port}\nServerName localhost\nUser www-data\nGroup www-data\n\
             PidFile {folder}/pid\nErrorLog {folder}/errors\nDefaultRuntimeDir {folder}\n\
             <VirtualHost *:{port}>\n{lines}</VirtualHost>\n",
            modules.concat(),
            folder = folder.display(),
        )
    };
    let run = |folder: &Path| {
        let mut apache = Command::new("apache2");
        apache.args(["-X", "-d"]).arg(folder).arg("-f").arg(folder.join("settings"));
        apache.env("PATH", path());
        apache
    };
    let lines = block(section(PAGE, "## Apache"), "apache");
    lets_nobody_say_who_it_is(&Proxy::start(&portal, settings, lines, run).await).await;
}

/// Debian's folders of servers are not on everybody's path.
fn path() -> String {
    format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default())
}
