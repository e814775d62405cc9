//! Flags and commands, one file each. It comes last, so it may use all.

pub mod demo;
