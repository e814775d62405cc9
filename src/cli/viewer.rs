//! A dashboard over a state that another process owns: it looks, counts nothing, and takes over when the owner has ended for good.

use std::path::Path;

use anyhow::anyhow;

use super::Failure;
use super::attach::{Over, look};
use super::flags::Global;
use super::setup::Setup;
use crate::client::{Address, ClientError, Credentials};
use crate::run::attach::{Elsewhere, StateOwner};
use crate::store::{self, StoreError, location};

/// Who owns the state, as far as its disk lets that be known.
fn owner_of(folder: &Path) -> Result<Option<store::Owner>, Failure> {
    match store::owner(folder) {
        Err(error) if error.is_of_the_disk() => Ok(None),
        owner => Ok(owner.map_err(anyhow::Error::from)?),
    }
}

/// Looks at the state in `folder` for as long as another process owns it; `true`: a person quit.
///
/// # Errors
/// The owner does not answer, or the terminal refuses.
pub fn look_while_owned(folder: &Path, setup: &Setup, global: &Global) -> Result<bool, Failure> {
    // One owner may follow another.
    while let Some(owner) = owner_of(folder)? {
        let elsewhere = Elsewhere {
            address: Address::Socket(location::control(folder)),
            credentials: Credentials::default(),
            owner: Some(StateOwner { folder: folder.to_owned(), pid: owner.pid }),
        };
        let in_use = || StoreError::InUse { folder: folder.to_owned(), pid: owner.pid };
        // One that answers nothing, because it is older or has no room for a socket, cannot be looked at.
        let failure = |error: ClientError| match error {
            ClientError::Unreachable(..) => anyhow::Error::from(in_use()).into(),
            error => anyhow!("{error}; {}", in_use()).into(),
        };
        if look(&elsewhere, setup, global, failure)? == Over::Quit {
            return Ok(true);
        }
    }
    Ok(false)
}
