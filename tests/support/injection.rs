//! Faults that no test can wait for: a library to preload into a process, where it answers for disk, watcher, file system and clock
//! (support/faults.c, built with the C compiler that costtop's own build needs).

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// The library, built once for this process.
pub fn library() -> &'static PathBuf {
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
