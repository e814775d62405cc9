//! Who could change a file that names commands, and the commands themselves. Paths enter, a reason to refuse them may leave; nothing is
//! changed, and nothing is opened.
//!
//! The rule of ssh: whoever can write a file, or a folder on the way to it, decides what it says. A folder in which everybody may make
//! files but nobody may replace another's (the sticky bit of /tmp) is no danger.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::error::{ConfigError, Origin};
use crate::label::harmless;

/// Somebody else than its user and root could change what a path means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposed {
    /// The path itself, or a folder on the way to it.
    pub at: PathBuf,
    why: Why,
    /// The user that must own it.
    user: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// It belongs to another user.
    Owner(u32),
    /// Others can write it.
    Mode,
}

/// `'/etc/x' can be written by others: shut them out with 'chmod go-w /etc/x'`
impl fmt::Display for Exposed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, user) = (harmless(&self.at.to_string_lossy()), self.user);
        match self.why {
            Why::Owner(owner) => {
                write!(f, "'{path}' belongs to user {owner}: make it yours with 'chown {user} {path}'")
            }
            Why::Mode => write!(f, "'{path}' can be written by others: shut them out with 'chmod go-w {path}'"),
        }
    }
}

/// Refuses a file that others could have written. `names` is what they would decide by it: `hooks`, `tokens`.
pub(super) fn check(path: &Path, names: &str) -> Result<(), ConfigError> {
    let refuse = |what: String| ConfigError::new(Origin::File(path.to_owned(), 0), what);
    match exposed(path) {
        Ok(None) => Ok(()),
        Ok(Some(exposed)) => Err(refuse(format!("it names {names}, and {exposed}"))),
        Err(error) => {
            Err(refuse(format!("it names {names}, and who can write it cannot be told ({error}): let this user look")))
        }
    }
}

/// Looks at `path` and every folder on the way to it, and behind links at the same of what they mean. `None`: nobody else can change it.
///
/// # Errors
/// It is not there, or may not be looked at.
#[cfg(unix)]
pub fn exposed(path: &Path) -> io::Result<Option<Exposed>> {
    use std::os::unix::fs::MetadataExt;
    // SAFETY: geteuid has no arguments, cannot fail and touches no memory of ours.
    let user = unsafe { libc::geteuid() };
    let (named, meant) = (std::path::absolute(path)?, std::fs::canonicalize(path)?);
    let behind_link = (named != meant).then(|| meant.ancestors()).into_iter().flatten();
    for at in named.ancestors().chain(behind_link) {
        let metadata = std::fs::symlink_metadata(at)?;
        if let Some(why) = judge(metadata.mode(), metadata.uid(), user) {
            return Ok(Some(Exposed { at: at.to_owned(), why, user }));
        }
    }
    Ok(None)
}

/// Elsewhere the file system's own rules decide.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn exposed(_path: &Path) -> io::Result<Option<Exposed>> {
    Ok(None)
}

#[cfg(unix)]
fn judge(mode: u32, owner: u32, user: u32) -> Option<Why> {
    const KIND: u32 = 0o170_000;
    const FOLDER: u32 = 0o040_000;
    const LINK: u32 = 0o120_000;
    const STICKY: u32 = 0o001_000;
    // A link has no mode of its own; of a sticky folder only its owner and root can replace what is in it.
    let guarded = mode & KIND == LINK || mode & KIND == FOLDER && mode & STICKY != 0;
    if owner != 0 && owner != user {
        return Some(Why::Owner(owner));
    }
    (mode & 0o022 != 0 && !guarded).then_some(Why::Mode)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn only_root_and_oneself_may_write() {
        assert_eq!(judge(0o100_644, 1000, 1000), None);
        assert_eq!(judge(0o100_600, 0, 1000), None);
        assert_eq!(judge(0o041_777, 0, 1000), None, "/tmp");
        assert_eq!(judge(0o120_777, 1000, 1000), None, "a link");
        for mode in [0o100_664, 0o100_646, 0o100_666, 0o101_666, 0o040_775] {
            assert_eq!(judge(mode, 1000, 1000), Some(Why::Mode), "{mode:o}");
        }
        assert_eq!(judge(0o100_600, 1001, 1000), Some(Why::Owner(1001)));
        assert_eq!(judge(0o041_777, 1001, 1000), Some(Why::Owner(1001)), "its owner can replace what is in it");
        assert_eq!(judge(0o100_600, 1000, 0), Some(Why::Owner(1000)), "root does not run what a user wrote");
    }
}
