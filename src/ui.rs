//! The screen: snapshots of the engine and keys enter, drawn cells and requests to the engine leave. Knows no log, no price, no rule.

pub mod action;
pub mod canvas;
pub mod keys;
pub mod layout;
pub mod screen;
pub mod snapshot;
pub mod state;
pub mod text;
pub mod theme;
pub mod widget;
