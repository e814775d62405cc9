//! Anomalies over a small company's made-up days: what is found and when, what stays quiet, and that nothing but the charges decides.

// What a test's own functions cannot have, the test cannot have: a panic is its failure.
#![allow(clippy::unwrap_used, reason = "a test may panic, also in the functions its cases share")]

#[path = "anomalies/bounds.rs"]
mod bounds;
#[path = "anomalies/company.rs"]
mod company;
#[path = "anomalies/found.rs"]
mod found;
#[path = "anomalies/sequence.rs"]
mod sequence;
