//! What reading a backlog needed goes back to the system. How many bytes came in and when enters; at the right moment the allocator is told.

use std::time::{Duration, Instant};

/// After so many bytes it is worth the walk through the allocator's lists: some milliseconds.
const WORTH_BYTES: u64 = 16 << 20;
/// Nothing came for so long: it will not all be needed again at once.
const CALM: Duration = Duration::from_secs(1);

/// Bytes applied since memory was given back last.
#[derive(Debug)]
pub struct Leftover {
    bytes: u64,
    newest: Instant,
}

impl Leftover {
    /// Nothing applied yet.
    #[must_use]
    pub fn new() -> Leftover {
        Leftover { bytes: 0, newest: Instant::now() }
    }

    /// So many bytes of lines were applied.
    pub fn applied(&mut self, bytes: u64) {
        self.bytes += bytes;
        self.newest = Instant::now();
    }

    /// Gives memory back if it is worth it and nothing more comes just now.
    pub fn release_when_calm(&mut self) {
        if self.bytes >= WORTH_BYTES && self.newest.elapsed() >= CALM {
            self.release();
        }
    }

    /// Gives memory back now.
    pub fn release(&mut self) {
        self.bytes = 0;
        give_back();
    }
}

/// glibc keeps freed memory between blocks that are still used; other allocators give it back by themselves.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn give_back() {
    // SAFETY: it asks for nothing and takes the allocator's own locks.
    unsafe { libc::malloc_trim(0) };
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn give_back() {}
