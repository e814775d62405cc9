//! Who may write a file that names commands or tokens: its metadata enters, a refusal may leave.

use std::path::Path;

use super::error::{ConfigError, Origin};

/// Refuses a file that others could have written, as it would let them run commands or let themselves in; `names` says what it names.
#[cfg(unix)]
pub(super) fn check(path: &Path, names: &str) -> Result<(), ConfigError> {
    use std::os::unix::fs::MetadataExt;
    let refuse = |what: String| ConfigError::new(Origin::File(path.to_owned(), 0), what);
    let metadata = std::fs::metadata(path).map_err(|error| refuse(format!("cannot read its owner: {error}")))?;
    // SAFETY: geteuid has no arguments, cannot fail and touches no memory of ours.
    let user = unsafe { libc::geteuid() };
    judge(metadata.mode(), metadata.uid(), user, &path.display().to_string(), names).map_err(refuse)
}

/// Elsewhere the file system's own rules decide.
#[cfg(not(unix))]
pub(super) fn check(_path: &Path, _names: &str) -> Result<(), ConfigError> {
    Ok(())
}

#[cfg(unix)]
fn judge(mode: u32, owner: u32, user: u32, path: &str, names: &str) -> Result<(), String> {
    if owner != 0 && owner != user {
        return Err(format!("names {names} and belongs to user {owner}: make it yours with 'chown {user} {path}'"));
    }
    if mode & 0o022 != 0 {
        return Err(format!("names {names} and others can write it: shut them out with 'chmod go-w {path}'"));
    }
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::judge;

    #[test]
    fn only_root_and_oneself_may_write() {
        assert_eq!(judge(0o100_644, 1000, 1000, "c", "hooks"), Ok(()));
        assert_eq!(judge(0o100_600, 0, 1000, "c", "hooks"), Ok(()));
        for (mode, owner) in [(0o100_664, 1000), (0o100_646, 1000), (0o100_666, 0), (0o100_600, 1001)] {
            assert!(judge(mode, owner, 1000, "c", "hooks").is_err(), "{mode:o} {owner}");
        }
        assert!(judge(0o100_600, 1000, 0, "c", "hooks").is_err(), "root does not run what a user wrote");
    }
}
