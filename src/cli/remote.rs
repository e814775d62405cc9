//! Whom a command asks: the process that owns a state on this machine, or one at a URL. Flags enter, a client's address leaves.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use hyper::Method;
use serde::de::DeserializeOwned;

use super::Failure;
use super::flags::Global;
use crate::client::{self, ANSWERED_WITHIN, Address, ClientError, Credentials, OwnCertificate};
use crate::run::attach::Elsewhere;
use crate::store::location;

/// The environment variable that holds a token.
const TOKEN_VARIABLE: &str = "COSTTOP_TOKEN";

/// Whom to ask.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct Remote {
    /// Ask the costtop at this URL instead of the one that owns the state here
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would replace the command's own help")]
    pub trust: Trust,
}

/// What is shown to a costtop at a URL, and whom to trust.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// The file that holds the token to show [default: the variable `COSTTOP_TOKEN`]
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Certificates to trust for https, in PEM
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// The certificate to show where one is asked for, in PEM
    #[arg(long, value_name = "FILE", requires = "key_file")]
    pub cert_file: Option<PathBuf>,
    /// The key of that certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "cert_file")]
    pub key_file: Option<PathBuf>,
}

impl Trust {
    /// Reads the token.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn credentials(&self) -> Result<Credentials, Failure> {
        let token = match &self.token_file {
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|error| {
                    Failure::usage(format!(
                        "cannot read the token in '{}' ({error}): name a file with one line",
                        path.display()
                    ))
                })?;
                Some(text.trim().to_owned())
            }
            None => std::env::var(TOKEN_VARIABLE).ok(),
        };
        let token = token.filter(|token| !token.is_empty());
        let own = self.cert_file.clone().zip(self.key_file.clone());
        let own = own.map(|(certificate, key)| OwnCertificate { certificate, key });
        Ok(Credentials { token, authorities: self.ca_file.clone(), own })
    }
}

/// A running costtop that can be asked.
pub struct Asked {
    address: Address,
    credentials: Credentials,
    /// The state it owns, where it is the one of this machine.
    state: Option<String>,
}

impl Remote {
    /// Whom to ask; nothing is opened yet.
    ///
    /// # Errors
    /// Wrong usage.
    pub fn asked(&self, global: &Global) -> Result<Asked, Failure> {
        let credentials = self.trust.credentials()?;
        if let Some(url) = &self.url {
            let address = Address::parse(url).map_err(|error| Failure::usage(error.to_string()))?;
            return Ok(Asked { address, credentials, state: None });
        }
        if global.no_state {
            return Err(Failure::usage("--no-state: nothing is known without a state: name a --url"));
        }
        let name = global.state.as_deref().unwrap_or(location::DEFAULT_NAME);
        let folder = location::folder(name).map_err(|error| Failure::usage(error.to_string()))?;
        Ok(Asked {
            address: Address::Socket(location::control(&folder)),
            credentials: Credentials::default(),
            state: Some(name.to_owned()),
        })
    }
}

impl Asked {
    /// The state's folder, where it is the one of this machine.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        match &self.address {
            Address::Socket(path) => path.parent(),
            Address::Url { .. } => None,
        }
    }

    /// The same for a screen.
    #[must_use]
    pub fn elsewhere(&self) -> Elsewhere {
        Elsewhere { address: self.address.clone(), credentials: self.credentials.clone(), owner: None }
    }

    /// Asks, waits at most this long, and reads the answer as JSON.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn get<T: DeserializeOwned>(&self, path: &str, within: Duration) -> Result<T, ClientError> {
        self.read(&client::ask(&self.address, &self.credentials, Method::GET, path, Vec::new(), within)?)
    }

    /// Orders, and reads the answer as JSON; nobody there is a failure that says what to do.
    ///
    /// # Errors
    /// A [`Failure`] to be printed.
    pub fn order<T: DeserializeOwned>(&self, path: &str, body: &serde_json::Value) -> Result<T, Failure> {
        let body = body.to_string().into_bytes();
        client::ask(&self.address, &self.credentials, Method::POST, path, body, ANSWERED_WITHIN)
            .and_then(|body| self.read(&body))
            .map_err(|error| self.failure(error))
    }

    /// In the words of the command line.
    #[must_use]
    pub fn failure(&self, error: ClientError) -> Failure {
        match (&self.state, error) {
            (Some(state), ClientError::Unreachable(..)) => anyhow!(
                "no costtop runs on the state '{state}': start 'costtop serve' or the dashboard, or name another with --state or --url"
            )
            .into(),
            (_, ClientError::Refused { why, .. }) => anyhow!("{why}").into(),
            (
                _,
                error @ (ClientError::Authorities(..)
                | ClientError::NobodyTrusted(_)
                | ClientError::Own(..)
                | ClientError::Token),
            ) => Failure::usage(error.to_string()),
            (_, error) => anyhow!("{error}").into(),
        }
    }

    fn read<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, ClientError> {
        serde_json::from_slice(body).map_err(|error| ClientError::Foreign(self.address.name(), error.to_string()))
    }
}
