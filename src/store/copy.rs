//! Copies of a state: one commit, whole, in a file of its own, read back before it counts as one. A damaged state goes on from the newest.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::{CellBlob, DATABASE, StoreError, checksum, load, schema};
use crate::time::Timestamp;

/// Copies kept: the newest, and the one before it in case the newest is damaged, too.
const KEPT: usize = 2;
/// What a copy's name begins with; its time in milliseconds follows.
const PREFIX: &str = "state.db.copy-";
/// A copy that is not whole yet.
const UNFINISHED: &str = "state.db.copying";

/// A copy of a state.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Copy {
    /// When it was made.
    pub made: Timestamp,
    /// Where it lies.
    pub path: PathBuf,
}

/// The copies in `folder`, the newest first.
#[must_use]
pub fn copies(folder: &Path) -> Vec<Copy> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let named = |name: &OsStr| name.to_str()?.strip_prefix(PREFIX)?.parse().ok().map(Timestamp::from_ms);
    let mut copies: Vec<Copy> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| Some(Copy { made: named(&entry.file_name())?, path: entry.path() }))
        .collect();
    copies.sort_by(|a, b| b.cmp(a));
    copies
}

/// A state without a byte that was copied once was not empty: it, or what was to take its place, got lost.
pub(super) fn what_is_missing(folder: &Path) -> Option<String> {
    let length = fs::metadata(folder.join(DATABASE)).map(|facts| facts.len());
    let what = match length {
        Ok(0) => "it is empty",
        Err(error) if error.kind() == io::ErrorKind::NotFound => "it is gone",
        _ => return None,
    };
    (!copies(folder).is_empty()).then(|| format!("{what}, beside copies of it"))
}

/// Copies the state in `folder` as of its last commit and removes all copies but the newest two. Its owner may go on writing.
///
/// Needs as much free space as the state takes; where that is not there, nothing is written.
pub fn copy(folder: &Path, now: Timestamp) -> Result<Copy, StoreError> {
    let (path, unfinished) = (folder.join(DATABASE), folder.join(UNFINISHED));
    let failed = |what| move |source| StoreError::Io { path: folder.join(UNFINISHED), what, source };
    let size = fs::metadata(&path).map_err(failed("copy the state"))?.len();
    if free_bytes(folder).is_some_and(|free| free < size.saturating_mul(2)) {
        let full = io::Error::new(io::ErrorKind::StorageFull, "less than twice the state's size is free");
        return Err(failed("copy the state")(full));
    }
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("begin anew")(error)),
        _ => {}
    }
    // SQLite takes an empty file as it finds it: its mode stays.
    let begun = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished);
    let file = begun.map_err(failed("make the copy"))?;
    let connection = schema::open_for_reading(&path)?;
    let target = unfinished.to_str().ok_or_else(|| {
        failed("name the copy")(io::Error::new(io::ErrorKind::InvalidInput, "the folder's name is no UTF-8"))
    })?;
    connection.execute("VACUUM INTO ?", [target]).map_err(|source| StoreError::sqlite(&path, source))?;
    drop(connection);
    file.sync_all().map_err(failed("write the copy"))?;
    verify(&unfinished)?;
    let copy = Copy { made: now, path: folder.join(format!("{PREFIX}{}", now.ms())) };
    fs::rename(&unfinished, &copy.path).map_err(failed("name the copy"))?;
    sync_folder(folder).map_err(failed("write the folder"))?;
    for old in copies(folder).split_off(KEPT.min(copies(folder).len())) {
        fs::remove_file(&old.path).map_err(failed("remove an old copy"))?;
    }
    Ok(copy)
}

/// Reads a copy as a restart would.
fn verify(path: &Path) -> Result<(), StoreError> {
    let connection = schema::open_for_reading(path)?;
    schema::check_version(&connection, path)?;
    let (head, _) = load::everything(&connection, path)?;
    load::rows(&connection, path, &head, |_, _, _| ())
}

/// Puts a copy where the state was; the copy stays. `false`: it is damaged, too.
pub(super) fn restore(copy: &Copy, path: &Path) -> Result<bool, StoreError> {
    match verify(&copy.path) {
        Ok(()) => {}
        Err(StoreError::Damaged { .. }) => return Ok(false),
        Err(error) => return Err(error),
    }
    let unfinished = path.with_file_name(UNFINISHED);
    let failed = |what| {
        let path = unfinished.clone();
        move |source| StoreError::Io { path, what, source }
    };
    fs::copy(&copy.path, &unfinished).map_err(failed("bring the copy back"))?;
    File::open(&unfinished).and_then(|file| file.sync_all()).map_err(failed("bring the copy back"))?;
    fs::rename(&unfinished, path).map_err(failed("bring the copy back"))?;
    path.parent().map_or(Ok(()), sync_folder).map_err(failed("write the folder"))?;
    Ok(true)
}

/// What can still be read of a damaged state's cells, each checked; whether these are all.
pub(super) fn salvage(path: &Path) -> (Vec<CellBlob>, bool) {
    let mut cells = Vec::new();
    let is_whole = (|| {
        let connection = schema::open_for_reading(path).ok()?;
        let head = checksum::Head::read(&connection).ok()??;
        load::readable_cells(&connection, &head, &mut cells).ok()
    })();
    (cells, is_whole == Some(true))
}

/// A rename is durable once its folder is.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn free_bytes(folder: &Path) -> Option<u64> {
    use std::os::unix::ffi::OsStrExt as _;
    let folder = std::ffi::CString::new(folder.as_os_str().as_bytes()).ok()?;
    let mut facts = std::mem::MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: the path ends with NUL, and the structure is only read where the call says that it was filled.
    let facts = unsafe {
        if libc::statvfs(folder.as_ptr(), facts.as_mut_ptr()) != 0 {
            return None;
        }
        facts.assume_init()
    };
    // Their width is the system's: 64 bits where this is built and checked.
    #[allow(clippy::useless_conversion, reason = "on other systems they are narrower")]
    u64::from(facts.f_bavail).checked_mul(u64::from(facts.f_frsize))
}
