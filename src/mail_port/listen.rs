//! Where mail servers reach us: addresses as the settings write them, and the sockets made of them.

use std::fmt;
use std::fs::{Metadata, Permissions};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// Octets in the path of a unix socket, which the kernel keeps in 108 with a NUL behind it (unix(7)).
const LONGEST_PATH: usize = 107;

/// An address to listen on: `host:port`, `[::1]:port` or `unix:/path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenAddress {
    Tcp {
        /// A host name, or an IP address without brackets.
        host: String,
        /// The port; 0 takes a free one.
        port: u16,
    },
    Unix(PathBuf),
}

/// Why a text is no [`ListenAddress`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListenAddressError {
    #[error("\"{0}\" is neither host:port nor unix:/path")]
    Form(String),
    /// The host is neither a name nor an IP address.
    #[error("\"{0}\" begins with no host name or IP address (IPv6 stands in brackets)")]
    Host(String),
    /// The path does not begin with `/`, or is too long for a socket.
    #[error("\"{0}\" must name a path that begins with / and has at most {LONGEST_PATH} octets")]
    Path(String),
}

impl FromStr for ListenAddress {
    type Err = ListenAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("unix:") {
            return unix_address(path).ok_or_else(|| ListenAddressError::Path(text.into()));
        }
        let (host, port) = text
            .rsplit_once(':')
            .and_then(|(host, port)| Some((host, port.parse().ok()?)))
            .ok_or_else(|| ListenAddressError::Form(text.into()))?;
        let host = host_name(host).ok_or_else(|| ListenAddressError::Host(text.into()))?;
        Ok(Self::Tcp { host: host.into(), port })
    }
}

fn unix_address(path: &str) -> Option<ListenAddress> {
    let usable = path.starts_with('/') && path.len() <= LONGEST_PATH && !path.contains('\0');
    usable.then(|| ListenAddress::Unix(path.into()))
}

fn host_name(text: &str) -> Option<&str> {
    if let Some(inner) = text.strip_prefix('[') {
        return inner.strip_suffix(']').filter(|inner| inner.parse::<Ipv6Addr>().is_ok());
    }
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
    };
    // No top-level domain is a number (RFC 3696 §2), so 127.0.0.256 is a slip and no name.
    let is_number = text.rsplit('.').next()?.bytes().all(|octet| octet.is_ascii_digit());
    let is_host =
        if is_number { text.parse::<IpAddr>().is_ok() } else { text.split('.').all(is_label) };
    is_host.then_some(text)
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl ListenAddress {
    /// Whether only this machine reaches it. Others need `mail_server_networks`.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp { host, .. } => {
                host.eq_ignore_ascii_case("localhost")
                    || host.parse().is_ok_and(|host: IpAddr| host.to_canonical().is_loopback())
            }
            Self::Unix(_) => true,
        }
    }
}

/// A socket that clients can connect to; the file of a unix socket goes with it.
#[derive(Debug)]
pub struct Listener(Socket);

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    // The file comes first and so goes first: while we still answer, nobody who starts takes the
    // socket for a left one, replaces it, and then loses the new file to us.
    Unix(SocketFile, UnixListener),
}

#[derive(Debug)]
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // It may be gone already, and nobody is left to be told.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("cannot listen on {0}: another process answers there")]
    Answered(ListenAddress),
    #[error("cannot listen on {0}: the path exists and is no socket")]
    NoSocket(ListenAddress),
    #[error("cannot listen on {0}")]
    System(ListenAddress, #[source] io::Error),
}

/// A client's connection.
pub(super) enum Accepted {
    Tcp(TcpStream, IpAddr),
    Unix(UnixStream),
}

impl Listener {
    /// Listens on `address`. A unix socket that a killed process left is replaced.
    ///
    /// # Errors
    /// When somebody answers there already, or the system does not let us.
    pub async fn bind(address: &ListenAddress) -> Result<Self, ListenError> {
        match address {
            ListenAddress::Tcp { host, port } => TcpListener::bind((host.as_str(), *port))
                .await
                .map(|listener| Self(Socket::Tcp(listener)))
                .map_err(|error| match error.kind() {
                    ErrorKind::AddrInUse => ListenError::Answered(address.clone()),
                    _ => ListenError::System(address.clone(), error),
                }),
            ListenAddress::Unix(path) => {
                make_way(address, path).await?;
                bind_unix(path).map_err(|error| ListenError::System(address.clone(), error))
            }
        }
    }

    /// The address that clients connect to, with the port that was free where 0 was asked for.
    pub fn address(&self) -> ListenAddress {
        match &self.0 {
            Socket::Tcp(listener) => tcp_address(listener.local_addr()),
            Socket::Unix(file, _) => ListenAddress::Unix(file.0.clone()),
        }
    }

    pub(super) async fn accept(&self) -> io::Result<Accepted> {
        match &self.0 {
            Socket::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok(Accepted::Tcp(stream, peer.ip().to_canonical()))
            }
            Socket::Unix(_, listener) => Ok(Accepted::Unix(listener.accept().await?.0)),
        }
    }
}

fn tcp_address(bound: io::Result<SocketAddr>) -> ListenAddress {
    let bound = bound.expect("a bound socket has an address");
    ListenAddress::Tcp { host: bound.ip().to_string(), port: bound.port() }
}

/// Removes the socket that a killed process left at `path`.
async fn make_way(address: &ListenAddress, path: &Path) -> Result<(), ListenError> {
    let system = |error| ListenError::System(address.clone(), error);
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(system(error)),
        Ok(found) if !found.file_type().is_socket() => Err(ListenError::NoSocket(address.clone())),
        Ok(_) => match UnixStream::connect(path).await {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                std::fs::remove_file(path).map_err(system)
            }
            // A full backlog: it answers, only not now.
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(system(error)),
            _ => Err(ListenError::Answered(address.clone())),
        },
    }
}

/// Mail servers run as another user and share the group of the folder with us.
fn bind_unix(path: &Path) -> io::Result<Listener> {
    let listener = UnixListener::bind(path)?;
    let file = SocketFile(path.to_owned());
    let folder = path.parent().map(Path::metadata).transpose()?;
    std::os::unix::fs::chown(path, None, folder.as_ref().map(Metadata::gid))?;
    std::fs::set_permissions(path, Permissions::from_mode(0o660))?;
    Ok(Listener(Socket::Unix(file, listener)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> ListenAddress {
        text.parse().unwrap()
    }

    fn folder_and_address() -> (tempfile::TempDir, PathBuf, ListenAddress) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.sock");
        (folder, path.clone(), ListenAddress::Unix(path))
    }

    #[test]
    fn addresses_are_shown_as_they_are_read() {
        for text in ["127.0.0.1:10040", "[::1]:10040", "mail-1.example.org:1", "unix:/run/p.sock"] {
            assert_eq!(address(text).to_string(), text);
        }
    }

    #[test]
    fn what_is_no_address_is_told_in_one_sentence() {
        for (text, sentence) in [
            ("10040", "\"10040\" is neither host:port nor unix:/path"),
            ("localhost:70000", "\"localhost:70000\" is neither host:port nor unix:/path"),
            (
                "::1:10040",
                "\"::1:10040\" begins with no host name or IP address (IPv6 stands in brackets)",
            ),
            (
                "127.0.0.256:1",
                "\"127.0.0.256:1\" begins with no host name or IP address (IPv6 stands in brackets)",
            ),
            (
                "unix:run/p.sock",
                "\"unix:run/p.sock\" must name a path that begins with / and has at most 107 octets",
            ),
        ] {
            assert_eq!(text.parse::<ListenAddress>().unwrap_err().to_string(), sentence);
        }
        for text in [":10040", "[]:1", "[127.0.0.1]:1", "*:1", "a b:1", "http://a:1", "unix:", ""] {
            assert!(text.parse::<ListenAddress>().is_err(), "{text}");
        }
    }

    #[test]
    fn loopback_and_unix_sockets_are_local() {
        for local in ["127.0.0.9:1", "[::1]:1", "LocalHost:1", "[::ffff:127.0.0.1]:1", "unix:/p"] {
            assert!(address(local).is_local(), "{local}");
        }
        for open in ["0.0.0.0:1", "[::]:1", "192.0.2.1:1", "localhost.example:1"] {
            assert!(!address(open).is_local(), "{open}");
        }
    }

    #[tokio::test]
    async fn a_unix_socket_is_for_the_group_of_its_folder_and_goes_with_its_listener() {
        let (folder, path, address) = folder_and_address();
        let listener = Listener::bind(&address).await.unwrap();
        let socket = std::fs::metadata(&path).unwrap();
        assert_eq!(socket.mode() & 0o7777, 0o660);
        assert_eq!(socket.gid(), folder.path().metadata().unwrap().gid());
        assert_eq!(listener.address(), address);
        drop(listener);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_left_socket_is_replaced_and_one_that_answers_is_not() {
        let (_folder, path, address) = folder_and_address();
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let _answers = Listener::bind(&address).await.unwrap();
        let error = Listener::bind(&address).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("cannot listen on {address}: another process answers there")
        );
        assert!(path.exists());
    }

    #[tokio::test]
    async fn a_file_that_is_no_socket_stays() {
        let (_folder, path, address) = folder_and_address();
        std::fs::write(&path, "precious").unwrap();
        assert!(matches!(Listener::bind(&address).await, Err(ListenError::NoSocket(_))));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_told() {
        let listener = Listener::bind(&address("[::1]:0")).await.unwrap();
        let error = Listener::bind(&listener.address()).await.unwrap_err();
        assert!(matches!(error, ListenError::Answered(_)), "{error}");
    }
}
