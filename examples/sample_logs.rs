//! Writes the repository's sample logs: `cargo run --example sample_logs -- OUT [--seed N]`.
//!
//! The same seed gives the same bytes on every machine. The committed tree is `sample-logs`, with the seed left out.

use std::path::PathBuf;
use std::process::ExitCode;

use costtop::cli::demo::samples::{DEFAULT_SEED, write};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (out, seed) = match words.as_slice() {
        [out] if !out.starts_with('-') => (PathBuf::from(out), Ok(DEFAULT_SEED)),
        [out, "--seed", seed] => (PathBuf::from(out), seed.parse()),
        _ => {
            eprintln!("usage: sample_logs OUT [--seed N]");
            return ExitCode::from(2);
        }
    };
    let Ok(seed) = seed else {
        eprintln!("--seed: not a whole number: use 0 or more");
        return ExitCode::from(2);
    };
    match write(&out, seed) {
        Ok(truth) => {
            println!("{} requests, ${}", truth.total.requests, truth.total.cost);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("'{}': {error}: name a folder that can be written", out.display());
            ExitCode::FAILURE
        }
    }
}
