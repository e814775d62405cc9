//! Following real files. Histories of growth, rotation, truncation, copying and restarts, played step by step against what was written;
//! and the running threads against files that a second process changes.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in the functions its cases share")]

#[path = "follow/histories.rs"]
mod histories;
#[path = "follow/live.rs"]
mod live;
#[path = "follow/streams.rs"]
mod streams;
