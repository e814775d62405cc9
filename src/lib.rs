//! costtop: what LLMs cost, live. Modules stand in the order in which data flows; each uses only those above it.

pub mod money;

pub mod label;

pub mod time;

pub mod usage;

pub mod config;

pub mod source;

pub mod price;

pub mod engine;

pub mod alarm;

pub mod ui;
