//! One owner for a state: an exclusive advisory lock on a file beside the database. Held by the kernel, so a killed owner leaves none.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::StoreError;

/// Held while the value lives. The file stays, with the last owner's process id in it.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
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
            let mut text = String::new();
            // Who it is helps the operator, but the refusal does not depend on it.
            let _ = file.take(32).read_to_string(&mut text);
            return Err(StoreError::InUse { folder: folder.to_path_buf(), pid: text.trim().parse().ok() });
        }
        let written =
            file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
        match written {
            // On a full disk the id is missing, the lock holds all the same.
            Err(error) if error.kind() != io::ErrorKind::StorageFull => Err(failed("write the lock file")(error)),
            _ => Ok(Lock { _file: file }),
        }
    }
}

fn lock(file: &File) -> io::Result<()> {
    loop {
        // SAFETY: the descriptor belongs to `file`, which outlives the call.
        if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}
