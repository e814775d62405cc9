//! The costtop program: one error printed, one exit code.

fn main() {}
