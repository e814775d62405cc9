//! The other end: questions and orders to a running costtop leave, its answers enter. It reads no state and believes no answer more than
//! a log's line.

mod connection;
mod tls;

use std::path::PathBuf;
use std::time::Duration;

use hyper::Method;

pub use connection::Connection;
pub use tls::Distrust;

use crate::label::clean;

/// An answer longer than this is none of ours.
const MAX_ANSWER: usize = 64 << 20;
/// A process that does not take a connection within this time is not there.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// An answer takes no longer than this, unless told otherwise; a listener gives up on one after ten seconds.
pub const ANSWERED_WITHIN: Duration = Duration::from_secs(15);

/// Where a running costtop answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// The socket in a state's folder.
    Socket(PathBuf),
    /// A URL.
    Url {
        /// By TLS.
        secure: bool,
        /// Name or address of the machine, without brackets.
        host: String,
        /// Its port.
        port: u16,
    },
}

/// What is shown to whoever answers.
#[derive(Clone, Default)]
pub struct Credentials {
    /// A bearer token.
    pub token: Option<String>,
    /// Certificates that are trusted, in PEM.
    pub authorities: Option<PathBuf>,
    /// The certificate that is shown, where one is asked for.
    pub own: Option<OwnCertificate>,
}

/// Who asks, for a costtop that asks for certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnCertificate {
    /// The certificate, and those that lead to who signed it, in PEM.
    pub certificate: PathBuf,
    /// Its key, in PEM.
    pub key: PathBuf,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Not a URL of ours.
    #[error("'{0}' is no URL of a costtop: write http://HOST:PORT or https://HOST:PORT")]
    Url(String),
    /// A certificate that cannot be used.
    #[error("cannot use the certificates in '{0}' ({1}): name a file with certificates in PEM")]
    Authorities(String, String),
    /// Nobody to trust.
    #[error("'{0}' is asked by TLS: name whom to trust with --ca-file FILE")]
    NobodyTrusted(String),
    /// A certificate of one's own that cannot be used.
    #[error("cannot show the certificate in '{0}' with the key in '{1}' ({2}): name a certificate and its key in PEM")]
    Own(String, String, String),
    /// One of the two does not believe the other's certificate.
    #[error("{0} {1}")]
    Distrusted(String, Distrust),
    /// It wants a token, and was shown none or a wrong one.
    #[error("{place} {}: name a file with one of its tokens with --token-file, or set COSTTOP_TOKEN", if *.shown { "does not know this token" } else { "asks for a token" })]
    Unauthorized {
        /// Who.
        place: String,
        /// One was shown.
        shown: bool,
    },
    /// A token that no header can hold.
    #[error("the token holds what no header can: write one line of visible characters")]
    Token,
    /// Nobody there.
    #[error("no answer from {0} ({1})")]
    Unreachable(String, String),
    /// The machine gives no runtime.
    #[error("cannot open a connection ({0}): check the limit of open files")]
    System(#[from] std::io::Error),
    /// It answered, and refused.
    #[error("{place} refuses: {why}")]
    Refused {
        /// Who.
        place: String,
        /// The HTTP status.
        status: u16,
        /// Its reason, cleaned.
        why: String,
    },
    /// Something else than costtop answers there.
    #[error("{0} does not answer as costtop does ({1}): is it the right address, and the same version?")]
    Foreign(String, String),
}

impl Address {
    /// Reads `http://HOST:PORT` or `https://HOST:PORT`; without a port 4318.
    ///
    /// # Errors
    /// [`ClientError::Url`].
    pub fn parse(url: &str) -> Result<Address, ClientError> {
        let refuse = || ClientError::Url(clean(url).into_owned());
        let (secure, rest) = match (url.strip_prefix("http://"), url.strip_prefix("https://")) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            _ => return Err(refuse()),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, "4318"),
            Some((host, port)) => (host, port.strip_prefix(':').ok_or_else(refuse)?),
            None => rest.rsplit_once(':').unwrap_or((rest, "4318")),
        };
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'_');
        if host.is_empty() || !host.bytes().all(is_host) {
            return Err(refuse());
        }
        Ok(Address::Url { secure, host: host.to_owned(), port: port.parse().map_err(|_| refuse())? })
    }

    /// As errors and screens name it.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Address::Socket(path) => format!("'{}'", path.display()),
            Address::Url { secure, .. } => {
                format!("'{}://{}'", if *secure { "https" } else { "http" }, self.authority())
            }
        }
    }

    /// What stands in the `Host` header.
    fn authority(&self) -> String {
        match self {
            Address::Socket(_) => "localhost".to_owned(),
            Address::Url { host, port, .. } if host.contains(':') => format!("[{host}]:{port}"),
            Address::Url { host, port, .. } => format!("{host}:{port}"),
        }
    }
}

/// Asks one thing and waits at most this long for its answer: the body of a 2xx.
///
/// # Errors
/// See [`ClientError`].
pub fn ask(
    address: &Address,
    credentials: &Credentials,
    method: Method,
    path: &str,
    body: Vec<u8>,
    within: Duration,
) -> Result<Vec<u8>, ClientError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Inside, as a clock needs its runtime.
    let asked = runtime.block_on(async {
        let asking = async { Connection::open(address, credentials).await?.ask(method, path, body).await };
        tokio::time::timeout(within, asking).await
    });
    asked.unwrap_or_else(|_| Err(ClientError::Unreachable(address.name(), "it takes too long".to_owned())))
}

/// The reason in the body of a refusal.
fn reason(status: u16, body: &[u8]) -> String {
    let said = serde_json::from_slice::<serde_json::Value>(body).ok();
    let said = said.as_ref().and_then(|said| said.get("error")).and_then(serde_json::Value::as_str);
    match said {
        Some(said) => crate::label::arrived::cleaned(said),
        None => format!("HTTP status {status}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_and_nothing_else() {
        let url = |secure, host: &str, port| Address::Url { secure, host: host.to_owned(), port };
        for (text, address) in [
            ("http://127.0.0.1:4318", url(false, "127.0.0.1", 4318)),
            ("http://costs.example/", url(false, "costs.example", 4318)),
            ("https://[::1]:9", url(true, "::1", 9)),
            ("http://[::1]", url(false, "::1", 4318)),
        ] {
            assert_eq!(Address::parse(text).unwrap(), address, "{text}");
        }
        assert_eq!(Address::parse("https://[::1]:9").unwrap().name(), "'https://[::1]:9'");
        for text in
            ["", "localhost:4318", "ftp://a", "http://", "http://a b", "http://a:x", "http://[::1]9", "http://a/b:1"]
        {
            assert!(matches!(Address::parse(text), Err(ClientError::Url(_))), "{text}");
        }
    }

    #[test]
    fn a_refusal_says_why_and_moves_no_cursor() {
        assert_eq!(reason(404, br#"{"error":"no alarm 'a\u001b[2J'"}"#), "no alarm 'a\u{fffd}[2J'");
        assert_eq!(reason(502, b"<html>"), "HTTP status 502");
    }
}
