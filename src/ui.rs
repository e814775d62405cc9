//! The screen: snapshots of the engine and keys enter, drawn cells and requests to the engine leave. Knows no log, no price, no rule.

pub mod action;
pub mod canvas;
pub mod event_loop;
pub mod keys;
pub mod layout;
pub mod screen;
pub mod sheet;
pub mod snapshot;
pub mod state;
pub mod terminal;
pub mod text;
pub mod theme;
pub mod widget;

pub use event_loop::{Exit, Options, UiError, run};
