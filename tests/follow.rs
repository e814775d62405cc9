//! Following real files. Histories of growth, rotation, truncation, copying and restarts, played step by step against what was written;
//! and the running threads against files that a second process changes.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in the functions its cases share")]

#[path = "support/slow_reader/codex.rs"]
mod codex;
#[path = "follow/contexts.rs"]
mod contexts;
#[path = "follow/documents.rs"]
mod documents;
#[path = "follow/faults.rs"]
mod faults;
#[path = "follow/histories.rs"]
mod histories;
#[cfg(target_os = "linux")]
#[path = "follow/injected.rs"]
mod injected;
#[cfg(target_os = "linux")]
#[path = "support/injection.rs"]
mod injection;
#[path = "follow/live.rs"]
mod live;
#[path = "follow/matrix.rs"]
mod matrix;
#[path = "follow/packed.rs"]
mod packed;
#[cfg(target_os = "linux")]
#[path = "follow/process.rs"]
mod process;
#[path = "follow/schemes.rs"]
mod schemes;
#[path = "follow/streams.rs"]
mod streams;
#[path = "follow/world.rs"]
mod world;

/// The sizes of the test matrix instead of short ones (`.ci/long follow`).
fn is_full() -> bool {
    std::env::var("COSTTOP_FOLLOW").is_ok_and(|size| size == "full")
}
