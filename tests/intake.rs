//! What comes over a network: real sockets and requests against the running sources, the running engine and the whole program.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in the functions its cases share")]

#[path = "intake/client.rs"]
mod client;
#[path = "intake/http.rs"]
mod http;
#[path = "intake/receipts.rs"]
mod receipts;
