//! Who may send and ask over a network. Names of files enter, tokens and TLS leave; a token is compared, and never shown.

use std::fmt;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use subtle::ConstantTimeEq;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{self, RootCertStore};

use super::spec::{Address, Spec};
use crate::config::{Exposed, ServerConfig, exposed};
use crate::label::Label;

/// Shortest token: 16 letters and digits are 95 bits.
const LEAST_TOKEN: usize = 16;
/// Largest file of tokens.
const MAX_FILE: u64 = 64 << 10;
/// The name of a token that has none.
const NAMELESS: &str = "token";

/// What a listener asks of whoever comes.
#[derive(Clone, Debug, Default)]
pub struct Access {
    tokens: Arc<[Token]>,
    lines: Option<Tls>,
    http: Option<Tls>,
    /// Whoever speaks TLS shows a certificate.
    certified: bool,
}

#[derive(Clone)]
struct Tls(TlsAcceptor);

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

struct Token {
    name: Label,
    secret: Box<[u8]>,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Why access cannot be given as configured.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// A file cannot be read.
    #[error("{what} '{}' cannot be read ({error}): name a readable file in [server]", path.display())]
    Read {
        /// `token_file`, `certificate`…
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Somebody else could put in a token of theirs.
    #[error("{0} of [server]: {1}")]
    Shared(&'static str, Exposed),
    /// A variable that is not there.
    #[error("variable '{0}' of 'token_env' in [server] is not set: put the token into it, or use 'token_file'")]
    Variable(String),
    /// No token at all.
    #[error("{0} of [server] holds no token: write one a line, or a name and a token")]
    NoToken(&'static str),
    /// Not NAME TOKEN.
    #[error("{0} of [server], line {1}: write a token, or a name and a token with a blank between")]
    TokenLine(&'static str, usize),
    /// It can be guessed.
    #[error(
        "{0} of [server], line {1}: a token has at least {LEAST_TOKEN} characters: make one with 'openssl rand -hex 32'"
    )]
    Weak(&'static str, usize),
    /// Not what TLS needs.
    #[error("{what} '{}' of [server] is refused ({why}): name a PEM file", path.display())]
    Pem {
        /// `certificate`, `key`, `client_ca`.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Everybody could send.
    #[error("source '{0}' is open to other machines: {1}, or listen on 127.0.0.1")]
    Exposed(Label, &'static str),
    /// TLS without a certificate.
    #[error("source '{0}' speaks TLS and has no certificate: name 'certificate' and 'key' in [server]")]
    NoCertificate(Label),
}

impl Access {
    /// Reads what the configuration names. `environment` looks up a variable.
    pub fn load(config: &ServerConfig, environment: impl Fn(&str) -> Option<String>) -> Result<Access, AccessError> {
        let tokens = match (&config.token_file, &config.token_env) {
            (Some(path), _) => tokens("token_file", &read_private("token_file", path)?)?,
            (None, Some(name)) => {
                let text = environment(name).ok_or_else(|| AccessError::Variable(name.clone()))?;
                tokens("token_env", text.as_bytes())?
            }
            (None, None) => Vec::new(),
        };
        let tls = match (&config.certificate, &config.key) {
            (Some(certificate), Some(key)) => Some(tls(certificate, key, config.client_ca.as_deref())?),
            _ => None,
        };
        let speaks = |protocols: &[&[u8]]| {
            tls.clone().map(|mut tls| {
                tls.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
                Tls(Arc::new(tls).into())
            })
        };
        Ok(Access {
            tokens: tokens.into(),
            lines: speaks(&[]),
            http: speaks(&[b"h2", b"http/1.1"]),
            certified: config.client_ca.is_some(),
        })
    }

    /// Refuses a listener on which anybody could send.
    pub fn guards(&self, name: &Label, spec: &Spec) -> Result<(), AccessError> {
        let (Address { at, tls }, need) = match spec {
            Spec::Tcp(address) if address.tls && self.certified => (address, None),
            Spec::Tcp(address) if address.tls => (address, Some("name 'client_ca' in [server]")),
            Spec::Tcp(address) => {
                (address, Some("lines have no place for a token: use tls:// with 'client_ca' in [server]"))
            }
            Spec::Http(_) if !self.tokens.is_empty() => return self.has_certificate(name, spec),
            Spec::Http(address) if address.tls && self.certified => (address, None),
            Spec::Http(address) if address.tls => (address, Some("name 'token_file' or 'client_ca' in [server]")),
            Spec::Http(address) => (address, Some("name 'token_file' in [server]")),
            Spec::Udp(address) => {
                let (open, why) = (!address.ip().is_loopback(), "datagrams have no place for a token: use http://");
                return if open { Err(AccessError::Exposed(name.clone(), why)) } else { Ok(()) };
            }
            _ => return Ok(()),
        };
        match need {
            Some(need) if !at.ip().is_loopback() => Err(AccessError::Exposed(name.clone(), need)),
            _ if *tls => self.has_certificate(name, spec),
            _ => Ok(()),
        }
    }

    fn has_certificate(&self, name: &Label, spec: &Spec) -> Result<(), AccessError> {
        let (Spec::Tcp(address) | Spec::Http(address)) = spec else { return Ok(()) };
        if address.tls && self.http.is_none() { Err(AccessError::NoCertificate(name.clone())) } else { Ok(()) }
    }

    /// How HTTP is spoken over TLS.
    pub(super) fn http_tls(&self) -> Option<TlsAcceptor> {
        self.http.as_ref().map(|tls| tls.0.clone())
    }

    /// How lines are spoken over TLS.
    pub(super) fn lines_tls(&self) -> Option<TlsAcceptor> {
        self.lines.as_ref().map(|tls| tls.0.clone())
    }

    /// Whether a token has to be shown.
    pub(super) fn asks(&self) -> bool {
        !self.tokens.is_empty()
    }

    /// Whose token `authorization`, the header of that name, shows. How long this takes says nothing of any token but its length.
    pub(super) fn holder(&self, authorization: &[u8]) -> Option<&Label> {
        let (scheme, shown) = authorization.split_at_checked(7)?;
        if !scheme.eq_ignore_ascii_case(b"bearer ") {
            return None;
        }
        let mut holder = None;
        for token in &*self.tokens {
            if bool::from(token.secret.ct_eq(shown)) {
                holder = Some(&token.name);
            }
        }
        holder
    }
}

fn read_private(what: &'static str, path: &Path) -> Result<Vec<u8>, AccessError> {
    let failed = |error| AccessError::Read { what, path: path.to_owned(), error };
    if let Some(exposed) = exposed(path).map_err(failed)? {
        return Err(AccessError::Shared(what, exposed));
    }
    let file = fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// One a line, with a name or without; blank lines and those that begin with `#` are passed over.
fn tokens(what: &'static str, text: &[u8]) -> Result<Vec<Token>, AccessError> {
    let mut tokens = Vec::new();
    for (at, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let words: Vec<&[u8]> = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
        let (name, secret) = match words[..] {
            [secret] => (Label::new(NAMELESS), secret),
            [name, secret] => (Label::from_bytes(name), secret),
            _ => return Err(AccessError::TokenLine(what, at + 1)),
        };
        if secret.len() < LEAST_TOKEN {
            return Err(AccessError::Weak(what, at + 1));
        }
        tokens.push(Token { name, secret: secret.into() });
    }
    if tokens.is_empty() { Err(AccessError::NoToken(what)) } else { Ok(tokens) }
}

fn tls(certificate: &Path, key: &Path, client_ca: Option<&Path>) -> Result<rustls::ServerConfig, AccessError> {
    let refused = |what, path: &Path, why: &dyn fmt::Display| AccessError::Pem {
        what,
        path: path.to_owned(),
        why: why.to_string(),
    };
    let certificates = |what, path: &Path| {
        let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
        match found {
            Ok(found) if found.is_empty() => Err(refused(what, path, &"no certificate in it")),
            Ok(found) => Ok(found),
            Err(error) => Err(refused(what, path, &error)),
        }
    };
    let chain = certificates("certificate", certificate)?;
    let secret = PrivateKeyDer::from_pem_slice(&read_private("key", key)?);
    let secret = secret.map_err(|error| refused("key", key, &error))?;
    let provider = Arc::new(ring::default_provider());
    let versions = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| refused("certificate", certificate, &error))?;
    let clients = match client_ca {
        None => versions.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for root in certificates("client_ca", path)? {
                roots.add(root).map_err(|error| refused("client_ca", path, &error))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            versions.with_client_cert_verifier(verifier.map_err(|error| refused("client_ca", path, &error))?)
        }
    };
    clients.with_single_cert(chain, secret).map_err(|error| refused("key", key, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_tokens(text: &str) -> Result<Access, AccessError> {
        let config = ServerConfig { token_env: Some("T".to_owned()), ..ServerConfig::default() };
        Access::load(&config, |name| (name == "T").then(|| text.to_owned()))
    }

    #[test]
    fn a_token_is_known_by_its_holder_and_shown_nowhere() {
        let access = with_tokens("# tokens\n0123456789abcdef\r\nci fedcba9876543210-ci\n").unwrap();
        let holder = |shown: &str| access.holder(shown.as_bytes()).map(Label::as_str);
        assert_eq!(holder("Bearer 0123456789abcdef"), Some("token"));
        assert_eq!(holder("bearer fedcba9876543210-ci"), Some("ci"));
        for wrong in [
            "",
            "Bearer",
            "Bearer ",
            "Basic 0123456789abcdef",
            "Bearer 0123456789abcde",
            "Bearer 0123456789abcdef ",
            "Bearer ci",
        ] {
            assert_eq!(holder(wrong), None, "{wrong}");
        }
        assert!(!format!("{access:?}").contains("fedcba"));
    }

    #[test]
    fn what_is_no_token_is_refused_without_repeating_it() {
        for (text, told) in [
            ("", "no token"),
            ("short-secret", "line 1"),
            ("a b c-d-e-f-g-h-i-j-k", "line 1"),
            ("# x\n\nci short-secret", "line 3"),
        ] {
            let error = with_tokens(text).unwrap_err().to_string();
            assert!(error.contains(told) && !error.contains("secret"), "{error}");
        }
        let config = ServerConfig { token_env: Some("T".to_owned()), ..ServerConfig::default() };
        assert!(matches!(Access::load(&config, |_| None), Err(AccessError::Variable(_))));
    }

    #[test]
    fn nothing_is_open_to_other_machines_without_a_token_or_a_certificate() {
        let guards = |access: &Access, text: &str| access.guards(&Label::new(text), &Spec::parse(text).unwrap());
        let (open, token) = (Access::default(), with_tokens("0123456789abcdef").unwrap());
        let certified = Access { certified: true, lines: None, ..Access::default() };
        for text in ["http://127.0.0.1:1", "tcp://[::1]:1", "http://localhost:1", "udp://127.0.0.1:1", "unix:/tmp/s"] {
            assert!(guards(&open, text).is_ok(), "{text}");
        }
        for text in [
            "http://0.0.0.0:1",
            "tcp://10.0.0.1:1",
            "http://[::]:1",
            "udp://0.0.0.0:1",
            "tls://[::]:1",
            "https://[::]:1",
        ] {
            assert!(matches!(guards(&open, text), Err(AccessError::Exposed(..))), "{text}");
        }
        assert!(guards(&token, "http://0.0.0.0:1").is_ok());
        assert!(matches!(guards(&token, "tcp://0.0.0.0:1"), Err(AccessError::Exposed(..))));
        for text in ["https://127.0.0.1:1", "tls://127.0.0.1:1", "https://0.0.0.0:1", "tls://0.0.0.0:1"] {
            assert!(matches!(guards(&certified, text), Err(AccessError::NoCertificate(_))), "{text}");
        }
        assert!(matches!(guards(&token, "https://0.0.0.0:1"), Err(AccessError::NoCertificate(_))));
        assert!(matches!(guards(&certified, "http://0.0.0.0:1"), Err(AccessError::Exposed(..))));
    }
}
