//! `costtop serve` as a process, and everything that talks to one: HTTP, orders from a shell, the status line, a screen elsewhere.
//!
//! Linux only, as the terminals of `pty` are.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may panic, also in the functions its cases share")]

#[path = "serve/hostile.rs"]
mod answers;
#[path = "serve/attach.rs"]
mod attach;
#[path = "intake/client.rs"]
#[allow(dead_code, reason = "shared with the tests of intake, which need more of it")]
mod client;
#[path = "pty/console.rs"]
#[allow(dead_code, reason = "shared with the tests of terminals, which need more of it")]
mod console;
#[path = "serve/disk.rs"]
mod disk;
#[path = "support/hostile.rs"]
#[allow(dead_code, reason = "shared with the tests of safety, which need more of it")]
mod hostile;
#[path = "serve/http.rs"]
mod http;
#[path = "support/injection.rs"]
mod injection;
#[path = "serve/orders.rs"]
mod orders;
#[path = "pty/place.rs"]
#[allow(dead_code, reason = "shared with the tests of terminals, which need more of it")]
mod place;
#[path = "serve/secure.rs"]
mod secure;
#[path = "serve/served.rs"]
mod served;
#[path = "serve/status.rs"]
mod status;
