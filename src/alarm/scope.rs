//! Which charges a match means: globs by dimension enter, yes or no for a profile leaves.

use globset::{Glob, GlobMatcher};

use crate::engine::names::{NameId, Names, ProfileId};
use crate::usage::Dimension;

/// A glob that does not compile. A checked configuration has none.
#[derive(Clone, Debug, thiserror::Error)]
#[error("'{glob}' is no glob: {source}")]
pub struct ScopeError {
    /// As configured.
    pub glob: String,
    /// Why.
    pub source: globset::Error,
}

/// Globs that must all match. A dimension the log left out matches nothing.
pub(super) struct Scope(Vec<(Dimension, GlobMatcher)>);

impl Scope {
    pub(super) fn new(globs: &[(Dimension, String)]) -> Result<Scope, ScopeError> {
        let compile = |(dimension, glob): &(Dimension, String)| {
            let compiled = Glob::new(glob).map_err(|source| ScopeError { glob: glob.clone(), source })?;
            Ok((*dimension, compiled.compile_matcher()))
        };
        Ok(Scope(globs.iter().map(compile).collect::<Result<_, _>>()?))
    }

    pub(super) fn matches(&self, profile: ProfileId, names: &Names) -> bool {
        self.0.iter().all(|(dimension, glob)| {
            names.named(names.of(profile, *dimension)).is_some_and(|label| glob.is_match(label.as_str()))
        })
    }

    /// Whether every glob matches one of the dimensions that are known.
    pub(super) fn matches_parts(&self, parts: &Parts, names: &Names) -> bool {
        self.0.iter().all(|(dimension, glob)| {
            parts.of(*dimension).and_then(|id| names.named(id)).is_some_and(|label| glob.is_match(label.as_str()))
        })
    }
}

/// Some dimensions of somebody, where no whole profile is known.
pub(super) struct Parts(pub(super) Vec<(Dimension, NameId)>);

impl Parts {
    /// What is known of a dimension.
    pub(super) fn of(&self, dimension: Dimension) -> Option<NameId> {
        self.0.iter().find(|(known, _)| *known == dimension).map(|(_, id)| *id)
    }
}

/// The answers of a [`Scope`], kept by profile.
#[derive(Default)]
pub(super) struct Remembered(Vec<Option<bool>>);

impl Remembered {
    pub(super) fn matches(&mut self, scope: &Scope, profile: ProfileId, names: &Names) -> bool {
        if scope.0.is_empty() {
            return true;
        }
        let at = profile as usize;
        if at >= self.0.len() {
            self.0.resize(names.profiles().max(at + 1), None);
        }
        *self.0[at].get_or_insert_with(|| scope.matches(profile, names))
    }
}
