//! What the allocator is told. How many bytes came in and when enters, and what reading a backlog needed goes back to the system at the
//! right moment; a command that reads, answers and ends gets its memory in one piece and keeps it.

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

/// Address space of a command's heap, on large pages where the system has them. It costs nothing until it is used.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const HEAP: libc::c_int = 64 << 20;
/// Larger pieces are asked of the system one by one: more than a chunk or its records ever take.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const ALONE: libc::c_int = 4 << 20;
/// What x86-64 and, mostly, 64-bit ARM map at once.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE_PAGE: usize = 2 << 20;

/// For a command that reads, answers and ends; before it has threads. Each thread's heap would else give freed memory back and ask for it
/// again, and the kernel would clear each page each time it is touched first. So there is one heap for all (what they ask for in a second
/// is far less than one lock lets through), it lies on large pages, and what is freed stays.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn keep() {
    // SAFETY: the numbers are the allocator's own, and asking where the heap ends moves nothing.
    let begin = unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_TRIM_THRESHOLD, HEAP);
        libc::mallopt(libc::M_TOP_PAD, HEAP);
        libc::mallopt(libc::M_MMAP_THRESHOLD, ALONE);
        libc::sbrk(0)
    };
    // More than the heap has left, so that it grows, once.
    drop(std::hint::black_box(Vec::<u8>::with_capacity(ALONE as usize / 2)));
    // SAFETY: the heap lies there, whatever of it is used, and the advice changes no byte. Where it is not taken all pages are small.
    unsafe {
        let (end, skipped) = (libc::sbrk(0), begin.align_offset(LARGE_PAGE));
        let length = end.addr().saturating_sub(begin.addr()).saturating_sub(skipped);
        if length > 0 {
            libc::madvise(begin.byte_add(skipped), length, libc::MADV_HUGEPAGE);
        }
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn keep() {}
