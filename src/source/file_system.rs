//! What kind of file system a path lies on. A path enters, an answer leaves; where nothing can be known the careful one is given.

use std::path::Path;

/// Whether the path lies on a network file system: others write there without the watcher's knowledge, and a write-ahead
/// log's shared memory does not work.
#[cfg(target_os = "linux")]
#[must_use]
pub fn is_network(path: &Path) -> bool {
    /// statfs(2) and linux/magic.h: NFS, SMB, CIFS, SMB2, FUSE, 9p, Ceph, AFS, Coda, Lustre, GPFS. FUSE is often local;
    /// what is done instead then costs speed only.
    const MAGIC: [u32; 11] = [
        0x6969,
        0x517B,
        0xFF53_4D42,
        0xFE53_4D42,
        0x6573_5546,
        0x0102_1997,
        0x00C3_6400,
        0x5346_414F,
        0x7375_7245,
        0x0BD0_0BD0,
        0x4750_4653,
    ];
    statfs(path).is_some_and(|found| MAGIC.contains(&(found.f_type as u32)))
}

/// Whether the path lies on a file system that is not local.
#[cfg(target_os = "macos")]
#[must_use]
pub fn is_network(path: &Path) -> bool {
    statfs(path).is_some_and(|found| found.f_flags & libc::MNT_LOCAL as u32 == 0)
}

/// Elsewhere nothing is known.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
#[must_use]
pub fn is_network(_path: &Path) -> bool {
    false
}

/// Whether a folder's time stamp changes with its names at once: so on local file systems, not on a network's.
#[cfg(target_os = "linux")]
pub(super) fn stamps_are_true(path: &Path) -> bool {
    // Magic numbers of statfs(2): ext2-4, XFS, Btrfs, tmpfs, F2FS.
    const LOCAL: [u32; 5] = [0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994, 0xf2f5_2010];
    statfs(path).is_some_and(|found| LOCAL.contains(&(found.f_type as u32)))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn stamps_are_true(_path: &Path) -> bool {
    false
}

#[cfg(any(target_os = "linux", target_os = "macos"))]
fn statfs(path: &Path) -> Option<libc::statfs> {
    use std::os::unix::ffi::OsStrExt;
    let path = std::ffi::CString::new(path.as_os_str().as_bytes()).ok()?;
    let mut found = std::mem::MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: `path` ends with NUL, `found` has the size the call fills; it is read only after success.
    unsafe { (libc::statfs(path.as_ptr(), found.as_mut_ptr()) == 0).then(|| found.assume_init()) }
}
