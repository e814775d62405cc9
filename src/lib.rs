//! costtop: what LLMs cost, live. Modules stand in the order in which data flows; each uses only those above it.

pub mod money;

pub mod label;

pub mod time;

pub mod usage;

pub mod config;

pub mod source;

pub mod format;

pub mod price;

pub mod engine;

pub mod alarm;

pub mod notifier;

pub mod store;

pub mod output;

pub mod ui;

pub mod run;

pub mod cli;
