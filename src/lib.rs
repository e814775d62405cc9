//! costtop: what LLMs cost, live.
//!
//! Modules stand in the order in which data flows; each uses only those above it.
//!
//! ```text
//! bytes ──► lines ──► Usage ──► Priced ──► ledger ──► cells ──► views ──► screen, reports
//! source    source    format    price      engine     engine    engine    ui, output
//!                                                       └─────► alarm ──► notifier
//!                               store: one transaction keeps positions + ledger + cells + alarms
//! ```
//!
//! | to add | write | and name it in |
//! |---|---|---|
//! | a log format | `format/NAME.rs`: a line becomes a `Usage` | `format.rs`: `Format` and the keys it is known by |
//! | a detector | `alarm/anomaly/NAME.rs`: a `Detector` | `alarm/anomaly.rs`, `config.rs`: its key, `alarm/saved.rs`: its cause |
//! | a panel | `ui/screen/NAME.rs`: draws from a `Snapshot` | `ui/screen.rs` and `ui/layout.rs` |
//! | an output | `output/NAME.rs`: an `Exporter` | `output.rs`: `Format` |
//! | a source | `source/NAME.rs`: sends `Chunk`s | `source/spec.rs` and `source/start.rs` |
//! | a command | `cli/NAME.rs` | `cli.rs`: `Command` |
//! | a way to be told | `notifier/NAME.rs`: transitions enter | `run/core.rs` |
//! | an answer over HTTP | `server/NAME.rs`: values enter, a `Reply` leaves | `server.rs`: `Question`, `run/desk.rs` |

// What is printed goes through the functions that make it harmless.
#![warn(clippy::print_stdout, clippy::print_stderr)]

// Exact money, text that is safe to draw, periods in a time zone.
pub mod label;
pub mod money;
pub mod time;

// What a log line says of one request.
pub mod usage;

// What the operator decided.
pub mod config;

// Bytes and lines: files, sockets, standard input.
pub mod source;

// From a line to a usage; from a usage to money.
pub mod format;
pub mod price;

// Ledger, cells, windows, reports: a plain value.
pub mod engine;

// Budgets and alarms, and how they are heard.
pub mod alarm;
pub mod notifier;

// State on disk.
pub mod store;

// What leaves: text, answers and screen.
pub mod client;
pub mod output;
pub mod server;
pub mod ui;

// Threads, and the command line above all.
pub mod run;

pub mod cli;
