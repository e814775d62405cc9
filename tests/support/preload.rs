//! A library that a process loads before the C library, so that disk, watcher and file system fail as they are told to.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// The library of `faults.c`, built once for this process.
pub fn faults() -> &'static PathBuf {
    static BUILT: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    &BUILT
        .get_or_init(|| {
            let folder = tempfile::tempdir().unwrap();
            let library = folder.path().join("faults.so");
            let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/faults.c");
            let done =
                Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source).arg("-ldl").status();
            assert!(done.unwrap().success(), "the C compiler");
            (folder, library)
        })
        .1
}
