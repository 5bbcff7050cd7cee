//! The program and the mail servers that ask it.

use crate::documentation::{self, Snippets};
use crate::harness::Database;
use crate::mail_client::{Mail, Replies};
use crate::mail_server::{MailServer, SUBMISSION, Sink};
use crate::server::{OwnAddress, Server};
use crate::service::{Service, policy_port};
use std::net::Ipv4Addr;

/// Where rspamd listens.
const MILTER: u16 = 24_332;

/// Where the service answers look-ups of senders.
const SOCKETMAPS: u16 = 24_041;

/// A service, a mail server, and where the story wants it a filter.
pub struct Rig {
    pub service: Service,
    pub mail_server: MailServer,
    rspamd: Option<Server>,
    address: OwnAddress,
}

impl Rig {
    /// Postfix asks over TCP.
    pub async fn over_tcp() -> Self {
        Self::over_tcp_with(&[]).await
    }

    /// The same with settings of the service, by their names in capitals.
    pub async fn over_tcp_with(settings: &[(&'static str, &str)]) -> Self {
        let address = OwnAddress::take();
        let service = Service::start(address.ip, settings).await;
        let postfix = documentation::postfix(&service_at(address.ip));
        Self::with("postfix", &postfix, service, address).await
    }

    /// Postfix asks as the portal says while no mail server has asked.
    pub async fn as_the_portal_says() -> Self {
        Self::as_the_portal_says_on(Database::create().await).await
    }

    /// The same on a database that the story does something to.
    pub async fn as_the_portal_says_on(database: Database) -> Self {
        let address = OwnAddress::take();
        let service = Service::start_on(database, address.ip, &[]);
        service.sign_in().await;
        let postfix = documentation::postfix_of_the_portal(&service.list_page().await);
        Self::with("postfix", &postfix, service, address).await
    }

    /// Postfix asks over the unix socket of the documentation.
    pub async fn over_unix_socket() -> Self {
        let address = OwnAddress::take();
        let postfix = documentation::postfix("unix:restricted/policy.sock");
        let mail_server = MailServer::start("postfix", &postfix, address.ip).await;
        let socket = mail_server.queue().join("restricted/policy.sock");
        let listen = format!("unix:{}", socket.display());
        let service = Service::start(address.ip, &[("POLICY_LISTEN", &listen)]).await;
        Self { service, mail_server, rspamd: None, address }
    }

    /// Postfix asks over TCP, and looks senders up in a socketmap too.
    pub async fn with_socketmaps() -> Self {
        let address = OwnAddress::take();
        let maps = format!("{}:{SOCKETMAPS}", address.ip);
        let service = Service::start(address.ip, &[("SOCKETMAP_LISTEN", &maps)]).await;
        let postfix = documentation::postfix(&service_at(address.ip))
            .and(&documentation::socketmaps(&format!("inet:{maps}")));
        Self::with("postfix", &postfix, service, address).await
    }

    /// Exim asks over TCP.
    pub async fn with_exim() -> Self {
        let address = OwnAddress::take();
        let service = Service::start(address.ip, &[]).await;
        let exim = documentation::exim(&service_at(address.ip));
        Self::with("exim", &exim, service, address).await
    }

    /// Haraka asks over HTTP.
    pub async fn with_haraka() -> Self {
        let address = OwnAddress::take();
        let service = Service::start(address.ip, &[]).await;
        let haraka = documentation::haraka(&service.url, &service.mail_server_token());
        Self::with("haraka", &haraka, service, address).await
    }

    /// rspamd asks over HTTP, and Postfix asks nobody but rspamd.
    pub async fn with_rspamd_asking() -> Self {
        let address = OwnAddress::take();
        let service = Service::start(address.ip, &[]).await;
        let rule = documentation::rspamd_rule(&service.url, &service.mail_server_token());
        let rspamd = Server::start("rspamd", &rule, address.ip, &[MILTER]).await;
        let postfix = documentation::milter(&rspamd_at(address.ip));
        Self::with("postfix", &postfix, service, address).await.and(rspamd)
    }

    /// Postfix asks over TCP, and rspamd reports its verdicts.
    pub async fn with_rspamd_reporting() -> Self {
        Self::reporting(OwnAddress::take(), &[]).await
    }

    /// The same, and alerts go through this Postfix to somebody inside.
    pub async fn with_alerts_for(recipient: &str) -> Self {
        let address = OwnAddress::take();
        let server = format!("smtp://alerts%40example.org:secret@{}:{SUBMISSION}", address.ip);
        let from = "Restricted Users <noreply@example.org>";
        let settings =
            [("SMTP_URL", &*server), ("ALERT_FROM", from), ("ALERT_RECIPIENTS", recipient)];
        Self::reporting(address, &settings).await
    }

    async fn reporting(address: OwnAddress, settings: &[(&'static str, &str)]) -> Self {
        let service = Service::start(address.ip, settings).await;
        let exporter = documentation::rspamd_exporter(&service.url, &service.mail_server_token());
        let rspamd = Server::start("rspamd", &exporter, address.ip, &[MILTER]).await;
        let postfix = documentation::postfix(&service_at(address.ip))
            .and(&documentation::milter(&rspamd_at(address.ip)));
        Self::with("postfix", &postfix, service, address).await.and(rspamd)
    }

    async fn with(
        mail_server: &str,
        snippets: &Snippets,
        service: Service,
        address: OwnAddress,
    ) -> Self {
        let mail_server = MailServer::start(mail_server, snippets, address.ip).await;
        Self { service, mail_server, rspamd: None, address }
    }

    fn and(self, rspamd: Server) -> Self {
        Self { rspamd: Some(rspamd), ..self }
    }

    /// A mail client signs in as `sender` and sends a message.
    pub fn send(&self, sender: &str, recipients: &[&str]) -> Replies {
        self.mail_server.submit(&Mail::new(sender, recipients))
    }

    /// The same with a message that rspamd takes for spam.
    pub fn send_spam(&self, sender: &str, recipients: &[&str]) -> Replies {
        self.mail_server.submit(&Mail::new(sender, recipients).about("spam"))
    }

    /// The same with a message that rspamd does not even take.
    pub fn send_blatant_spam(&self, sender: &str, recipients: &[&str]) -> Replies {
        self.mail_server.submit(&Mail::new(sender, recipients).about("blatant spam"))
    }

    /// Where all of it listens.
    pub fn ip(&self) -> Ipv4Addr {
        self.address.ip
    }

    /// What was delivered inside the organisation.
    pub fn inside(&self) -> &Sink {
        &self.mail_server.inside
    }

    /// What was delivered to the outside.
    pub fn outside(&self) -> &Sink {
        &self.mail_server.outside
    }

    pub fn stop_rspamd(&mut self) {
        self.rspamd = None;
    }
}

/// Where Postfix and Exim reach the service.
fn service_at(ip: Ipv4Addr) -> String {
    format!("inet:{}", policy_port(ip))
}

/// Where Postfix reaches rspamd.
fn rspamd_at(ip: Ipv4Addr) -> String {
    format!("inet:{ip}:{MILTER}")
}
