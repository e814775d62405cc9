//! The real program in a real pseudo-terminal, with a terminal emulator behind it: what only a terminal can show.
//!
//! Linux only: whether a process has stopped, and its memory, are read from `/proc`.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may panic, also in the functions its cases share")]

#[path = "pty/alarms.rs"]
mod alarms;
#[path = "pty/console.rs"]
mod console;
#[path = "pty/corpus.rs"]
mod corpus;
#[allow(dead_code, reason = "what must stay is looked for where programs print")]
#[path = "support/credentials.rs"]
mod credentials;
#[path = "pty/demo.rs"]
mod demo;
#[path = "pty/disk.rs"]
mod disk;
#[path = "pty/first.rs"]
mod first;
#[path = "pty/garbage.rs"]
mod garbage;
#[path = "support/hostile.rs"]
mod hostile;
#[path = "pty/keys.rs"]
mod keys;
#[path = "pty/latency.rs"]
mod latency;
#[path = "pty/life.rs"]
mod life;
#[path = "pty/looks.rs"]
mod looks;
#[path = "pty/mouse.rs"]
mod mouse;
#[path = "pty/panics.rs"]
mod panics;
#[path = "pty/place.rs"]
#[allow(dead_code, reason = "shared with the tests of serve, which need more of it")]
mod place;
#[path = "pty/states.rs"]
mod states;
#[path = "pty/streams.rs"]
mod streams;
#[path = "pty/travel.rs"]
mod travel;
#[path = "pty/viewers.rs"]
mod viewers;
