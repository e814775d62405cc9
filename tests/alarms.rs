//! Budgets, alarms and what they ring: sums against a naive model, latching, restarts, bells counted, hooks as real processes.

// What a test's own functions cannot have, the test cannot have: a panic is its failure.
#![allow(clippy::unwrap_used, reason = "a test may panic, also in the functions its cases share")]

#[path = "alarms/bell.rs"]
mod bell;
#[path = "alarms/budgets.rs"]
mod budgets;
#[path = "alarms/clock.rs"]
mod clock;
#[path = "alarms/hooks.rs"]
mod hooks;
#[path = "alarms/life.rs"]
mod life;
#[path = "alarms/sums.rs"]
mod sums;
#[path = "alarms/world.rs"]
mod world;
