//! Whom a client trusts and what it shows: files enter, a TLS configuration leaves; why one of the two did not believe the other, in words
//! that say what to do. It opens no connection.

use std::error::Error;
use std::fmt;
use std::path::Path;

use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{AlertDescription, CertificateError, ClientConfig, RootCertStore};

use super::{Address, ClientError, Credentials, OwnCertificate};

/// Why a certificate was not believed, by us or by the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Distrust {
    /// Theirs is past its end.
    Expired,
    /// Theirs begins later.
    NotYet,
    /// Theirs is for another name.
    OtherName,
    /// Theirs is signed by nobody whom we trust.
    Unknown,
    /// Theirs has another fault.
    Faulty(String),
    /// They want one, and none was shown.
    OursWanted,
    /// Ours is past its end.
    OursExpired,
    /// Ours is signed by nobody whom they trust, or has another fault.
    OursRefused,
}

impl fmt::Display for Distrust {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Distrust::Expired => "shows a certificate that has expired: renew it there, or set the clock here",
            Distrust::NotYet => "shows a certificate that is not valid yet: set the clock here, or there",
            Distrust::OtherName => "shows a certificate for another name: ask it by a name that the certificate holds",
            Distrust::Unknown => {
                "shows a certificate that nobody in --ca-file has signed: name who did, or do not trust it"
            }
            Distrust::Faulty(why) => {
                return write!(out, "shows a certificate that cannot be trusted ({why}): let it be made anew there");
            }
            Distrust::OursWanted => "asks for a certificate: show one that it trusts with --cert-file and --key-file",
            Distrust::OursExpired => "says that the certificate of --cert-file has expired: have it renewed",
            Distrust::OursRefused => {
                "refuses the certificate of --cert-file: show one that is signed by whom its 'client_ca' names"
            }
        })
    }
}

impl Distrust {
    /// What an error of a connection says of certificates; `None` where it is about something else.
    pub(super) fn of(error: &(dyn Error + 'static)) -> Option<Distrust> {
        use tokio_rustls::rustls::Error as Tls;
        let mut next = Some(error);
        while let Some(error) = next {
            match error.downcast_ref::<Tls>() {
                Some(Tls::InvalidCertificate(why)) => return Some(Distrust::theirs(why)),
                Some(Tls::AlertReceived(alert)) => return Distrust::ours(*alert),
                Some(_) => return None,
                None => {}
            }
            // An error of the system carries its cause beside the chain.
            let inside = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
            next = inside.map(|inside| inside as &(dyn Error + 'static)).or_else(|| error.source());
        }
        None
    }

    fn theirs(why: &CertificateError) -> Distrust {
        match why {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Distrust::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Distrust::NotYet,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Distrust::OtherName,
            CertificateError::UnknownIssuer => Distrust::Unknown,
            other => Distrust::Faulty(other.to_string()),
        }
    }

    fn ours(alert: AlertDescription) -> Option<Distrust> {
        match alert {
            // Before TLS 1.3 there was no word for it but that the handshake failed.
            AlertDescription::CertificateRequired
            | AlertDescription::NoCertificate
            | AlertDescription::HandshakeFailure => Some(Distrust::OursWanted),
            AlertDescription::CertificateExpired => Some(Distrust::OursExpired),
            AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateUnknown
            | AlertDescription::AccessDenied
            | AlertDescription::DecryptError => Some(Distrust::OursRefused),
            _ => None,
        }
    }
}

/// Who is trusted at this address and what is shown to it.
pub(super) fn config(address: &Address, credentials: &Credentials) -> Result<ClientConfig, ClientError> {
    let Some(path) = &credentials.authorities else { return Err(ClientError::NobodyTrusted(address.name())) };
    let refuse = |error: &dyn fmt::Display| ClientError::Authorities(path.display().to_string(), error.to_string());
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path).map_err(|error| refuse(&error))? {
        roots.add(certificate).map_err(|error| refuse(&error))?;
    }
    if roots.is_empty() {
        return Err(refuse(&"none is in it"));
    }
    let config = ClientConfig::builder().with_root_certificates(roots);
    let Some(own) = &credentials.own else { return Ok(config.with_no_client_auth()) };
    let OwnCertificate { certificate, key } = own;
    let refuse = |error: &dyn fmt::Display| {
        ClientError::Own(certificate.display().to_string(), key.display().to_string(), error.to_string())
    };
    let chain = certificates(certificate).map_err(|error| refuse(&error))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| refuse(&error))?;
    config.with_client_auth_cert(chain, key).map_err(|error| refuse(&error))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, tokio_rustls::rustls::pki_types::pem::Error> {
    CertificateDer::pem_file_iter(path)?.collect()
}
