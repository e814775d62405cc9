//! What a log may hold must not leave its place: five hundred hostile strings in every field, and credentials in more than fifty shapes,
//! through every output that is no screen. The screens are in `pty`.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

#[path = "safety/core_dumps.rs"]
mod core_dumps;
#[path = "support/credentials.rs"]
mod credentials;
#[path = "support/hostile.rs"]
mod hostile;
#[path = "safety/operator.rs"]
mod operator;
#[path = "safety/outputs.rs"]
mod outputs;
#[path = "safety/parser.rs"]
mod parser;
#[path = "safety/place.rs"]
mod place;
#[path = "safety/secrets.rs"]
mod secrets;
