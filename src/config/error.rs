//! Why a configuration is refused: where it stands, what is wrong, what to write instead.

use std::fmt;
use std::path::PathBuf;

/// Where a configured value came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    #[default]
    Default,
    /// A line of a file.
    File(PathBuf, usize),
    /// A variable of the environment.
    Environment(&'static str),
    /// A flag of the command line.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File(path, 0) => write!(f, "{}", path.display()),
            Origin::File(path, line) => write!(f, "{}:{line}", path.display()),
            Origin::Environment(name) | Origin::Flag(name) => f.write_str(name),
        }
    }
}

/// A refused configuration: `config.toml:12: unknown budget period 'fortnight': use hour, day, week or month`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{origin}: {what}")]
pub struct ConfigError {
    /// Where it stands.
    pub origin: Origin,
    /// What is wrong, and the remedy.
    pub what: String,
}

impl ConfigError {
    /// The exit code of a refused configuration: `EX_CONFIG` of sysexits.h.
    pub const EXIT_CODE: u8 = 78;

    pub(super) fn new(origin: Origin, what: impl Into<String>) -> ConfigError {
        ConfigError { origin, what: what.into() }
    }
}

/// What to write instead of `word`: the nearest known word, or all of them where none is near.
#[must_use]
pub fn remedy(word: &str, known: &[&str]) -> String {
    if let Some(longer) = known.iter().find(|other| word.len() >= 3 && other.starts_with(word)) {
        return format!("did you mean '{longer}'?");
    }
    // More than half of the letters in place: `limmit` finds `limit`, `hard` does not find `warn`.
    let nearest = known
        .iter()
        .map(|other| (strsim::normalized_damerau_levenshtein(word, other), other))
        .max_by(|left, right| left.0.total_cmp(&right.0));
    match nearest {
        Some((likeness, other)) if likeness > 0.5 => format!("did you mean '{other}'?"),
        _ => format!("use {}", any_of(known)),
    }
}

/// `a, b or c`.
pub(super) fn any_of(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}
