//! One owner for a state: an exclusive advisory lock on a file beside the database. Held by the kernel, so a killed owner leaves none.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use super::StoreError;

/// Somebody who only looks who owns it holds the lock for some microseconds.
const TRIES: u32 = 4;
const BETWEEN_TRIES: Duration = Duration::from_millis(5);

/// Held while the value lives. The file stays, with the last owner's process id in it.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Drop for Lock {
    /// Closing alone would leave it locked as long as a child between fork and exec shares the descriptor.
    fn drop(&mut self) {
        // What refuses here is closed a moment later.
        let _ = flock(&self.file, libc::LOCK_UN);
    }
}

impl Lock {
    pub(super) fn take(folder: &Path) -> Result<Lock, StoreError> {
        let path = folder.join("lock");
        let failed = |what| {
            let path = path.clone();
            move |source| StoreError::Io { path, what, source }
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed("open the lock file"))?;
        if let Err(error) = lock(&file) {
            if error.kind() != io::ErrorKind::WouldBlock {
                return Err(failed("lock it")(error));
            }
            return Err(StoreError::InUse { folder: folder.to_path_buf(), pid: pid(file) });
        }
        let written =
            file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
        match written {
            // On a full disk the id is missing, the lock holds all the same.
            Err(error) if error.kind() != io::ErrorKind::StorageFull => Err(failed("write the lock file")(error)),
            _ => Ok(Lock { file }),
        }
    }

    /// The same on a disk that takes nothing: a file that can only be read can be locked, too. `None` where there is none that could be.
    pub(super) fn find(folder: &Path) -> Result<Option<Lock>, StoreError> {
        if !folder.is_dir() {
            return Ok(None);
        }
        match Lock::take(folder) {
            Ok(lock) => return Ok(Some(lock)),
            Err(error) if error.is_of_the_disk() => {}
            Err(error) => return Err(error),
        }
        let Ok(file) = File::open(folder.join("lock")) else { return Ok(None) };
        match lock(&file) {
            Ok(()) => Ok(Some(Lock { file })),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Err(StoreError::InUse { folder: folder.to_path_buf(), pid: pid(file) })
            }
            Err(_) => Ok(None),
        }
    }

    /// Whether it is still the one in `folder`, which may lie on another disk by now.
    pub(super) fn is_of(&self, folder: &Path) -> bool {
        let same = |other: Metadata| {
            self.file.metadata().is_ok_and(|own| (own.dev(), own.ino()) == (other.dev(), other.ino()))
        };
        fs::metadata(folder.join("lock")).is_ok_and(same)
    }

    /// Writes whose it is, where that could not be done when it was taken.
    pub(super) fn sign(folder: &Path) {
        // Who it is helps the operator, but nothing depends on it.
        let _ = fs::write(folder.join("lock"), format!("{}\n", std::process::id()));
    }
}

/// The process that owns a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Its process id, where it could be read.
    pub pid: Option<u32>,
}

/// The process id that an owner wrote. Who it is helps the operator, but nothing depends on it.
fn pid(file: File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// Who holds the lock; `None`: nobody. The lock is taken for the moment of looking: whoever wants to own it tries more than once.
pub fn owner(folder: &Path) -> Result<Option<Owner>, StoreError> {
    let path = folder.join("lock");
    let failed = |what| {
        let path = path.clone();
        move |source| StoreError::Io { path, what, source }
    };
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("open the lock file")(error)),
    };
    match flock(&file, libc::LOCK_SH) {
        Ok(()) => flock(&file, libc::LOCK_UN).map(|()| None).map_err(failed("look at the lock")),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Some(Owner { pid: pid(file) })),
        Err(error) => Err(failed("look at the lock")(error)),
    }
}

fn lock(file: &File) -> io::Result<()> {
    for _ in 1..TRIES {
        match flock(file, libc::LOCK_EX) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(BETWEEN_TRIES),
            done => return done,
        }
    }
    flock(file, libc::LOCK_EX)
}

fn flock(file: &File, how: libc::c_int) -> io::Result<()> {
    loop {
        // SAFETY: the descriptor belongs to `file`, which outlives the call.
        if unsafe { libc::flock(file.as_raw_fd(), how | libc::LOCK_NB) } == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_child_shares_does_not_keep_it_locked() {
        let folder = tempfile::tempdir().unwrap();
        let lock = Lock::take(folder.path()).unwrap();
        let shared = lock.file.try_clone().unwrap();
        assert!(matches!(Lock::take(folder.path()), Err(StoreError::InUse { .. })));
        drop(lock);
        assert_eq!(owner(folder.path()).unwrap(), None);
        Lock::take(folder.path()).unwrap();
        drop(shared);
    }
}
