//! Where a state lies: a name enters, a private folder leaves. Never follows what a name must not say (separators, dots).

use std::ffi::OsString;
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use etcetera::base_strategy::{BaseStrategy, choose_base_strategy};

use super::StoreError;
use crate::time::Timestamp;

/// The state used when no `--state` is given.
pub const DEFAULT_NAME: &str = "default";

/// Longest path of a unix socket, in bytes, on every system that has them.
pub const LONGEST_SOCKET: usize = 103;

/// Where the process that owns the state in `folder` takes questions and orders.
#[must_use]
pub fn control(folder: &Path) -> PathBuf {
    folder.join("control.sock")
}

/// The folder of the state `name`: `$XDG_STATE_HOME/costtop/NAME`. Makes nothing.
pub fn folder(name: &str) -> Result<PathBuf, StoreError> {
    if !is_valid(name) {
        return Err(StoreError::Name(name.chars().take(80).collect()));
    }
    let base = choose_base_strategy().map_err(|_| StoreError::NoHome)?;
    let state = base.state_dir().ok_or(StoreError::NoHome)?;
    Ok(state.join("costtop").join(name))
}

/// A leading dot would hide the folder, a leading hyphen reads as a flag in a shell.
fn is_valid(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
        && !name.starts_with(['.', '-'])
}

/// Makes `folder` and what leads to it, for its owner only.
pub(super) fn make_folder(folder: &Path) -> Result<(), StoreError> {
    let failed = |what| move |source| StoreError::Io { path: folder.to_path_buf(), what, source };
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed("make the folder"))?;
    tighten(folder, 0o700).map_err(failed("make the folder private"))
}

/// Makes the database's file, or its mode, before `SQLite` opens it: its `-wal` and `-shm` take their mode from it.
pub(super) fn make_private(path: &Path) -> Result<(), StoreError> {
    let failed = |what| move |source| StoreError::Io { path: path.to_path_buf(), what, source };
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(failed("open the file for writing"))?;
    for path in with_companions(path) {
        match tighten(&path, 0o600) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("make the file private")(error));
            }
            _ => {}
        }
    }
    Ok(())
}

fn tighten(path: &Path, mode: u32) -> io::Result<()> {
    let found = fs::metadata(path)?.permissions().mode() & 0o777;
    if found == mode { Ok(()) } else { fs::set_permissions(path, Permissions::from_mode(mode)) }
}

/// Renames a damaged database with its journals, so that it can be looked at; returns its new name.
pub(super) fn set_aside(path: &Path, now: Timestamp) -> Result<PathBuf, StoreError> {
    let mut number = 0;
    let mut target = suffixed(path, &format!(".damaged-{}", now.ms()));
    while target.exists() {
        number += 1;
        target = suffixed(path, &format!(".damaged-{}-{number}", now.ms()));
    }
    for (from, to) in with_companions(path).into_iter().zip(with_companions(&target)) {
        match fs::rename(&from, to) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(StoreError::Io { path: from, what: "set the damaged file aside", source });
            }
            _ => {}
        }
    }
    Ok(target)
}

/// Undoes [`set_aside`]; what was begun in its place goes.
pub(super) fn put_back(set_aside: &Path, path: &Path) -> Result<(), StoreError> {
    for (from, to) in with_companions(set_aside).into_iter().zip(with_companions(path)) {
        let moved = match fs::rename(&from, &to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => fs::remove_file(&to),
            moved => moved,
        };
        match moved {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(StoreError::Io { path: from, what: "put the damaged file back", source });
            }
            _ => {}
        }
    }
    Ok(())
}

/// Everything that was committed stands in the database itself: no log or journal of a killed process has more to say.
pub(super) fn is_whole(path: &Path) -> bool {
    let [_, log, _, journal] = with_companions(path);
    [log, journal].iter().all(|path| match fs::metadata(path) {
        Ok(facts) => facts.len() == 0,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    })
}

/// The database, its write-ahead log, that log's index, the rollback journal.
fn with_companions(path: &Path) -> [PathBuf; 4] {
    ["", "-wal", "-shm", "-journal"].map(|suffix| suffixed(path, suffix))
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path.as_os_str());
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_folder() {
        for good in ["default", "a", "prod-2", "_x", "team.search", "9"] {
            assert!(is_valid(good), "{good}");
        }
        let long = "x".repeat(65);
        for bad in ["", ".", "..", "../x", "a/b", ".hidden", "-x", "a b", "ü", "a\0", "a\n", &long] {
            assert!(!is_valid(bad), "{bad:?}");
            assert!(matches!(folder(bad), Err(StoreError::Name(_))));
        }
    }

    #[test]
    fn a_second_damaged_state_does_not_replace_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let now = Timestamp::from_ms(7);
        fs::write(&path, "one").unwrap();
        fs::write(suffixed(&path, "-wal"), "log").unwrap();
        let first = set_aside(&path, now).unwrap();
        fs::write(&path, "two").unwrap();
        let second = set_aside(&path, now).unwrap();
        assert_eq!(fs::read(first.clone()).unwrap(), b"one");
        assert_eq!(fs::read(suffixed(&first, "-wal")).unwrap(), b"log");
        assert_eq!(fs::read(second).unwrap(), b"two");
    }
}
