//! What comes over a network: real sockets and requests against the running sources, the running engine and the whole program.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in the functions its cases share")]

#[path = "intake/access.rs"]
mod access;
#[path = "intake/client.rs"]
mod client;
#[path = "intake/crawl.rs"]
mod crawl;
#[path = "intake/datagrams.rs"]
mod datagrams;
#[path = "intake/flood.rs"]
mod flood;
#[path = "intake/grpc.rs"]
mod grpc;
#[path = "intake/hostile.rs"]
mod hostile;
#[path = "intake/http.rs"]
mod http;
#[path = "intake/pressure.rs"]
mod pressure;
#[path = "intake/process.rs"]
mod process;
#[path = "intake/receipts.rs"]
mod receipts;
#[path = "../examples/kill_check/terminal.rs"]
#[allow(dead_code, reason = "the programs that measure need more of it")]
mod terminal;
#[path = "intake/twins.rs"]
mod twins;
