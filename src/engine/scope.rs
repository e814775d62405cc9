//! Which charges a scope means: its parts enter, yes or no for a profile or a charge leaves.

use super::names::{NameId, Names, ProfileId};
use super::view::{By, Scope};
use crate::usage::Dimension;

/// A scope, ready to be asked about millions of charges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Matcher {
    dimensions: Vec<(Dimension, NameId)>,
    session: Option<NameId>,
}

impl Matcher {
    pub(super) fn new(scope: &Scope) -> Matcher {
        let mut matcher = Matcher::default();
        for (by, id) in scope.parts() {
            match by {
                By::Dimension(dimension) => matcher.dimensions.push((*dimension, *id)),
                By::Session => matcher.session = Some(*id),
            }
        }
        matcher
    }

    /// Every charge matches.
    pub(super) fn is_all(&self) -> bool {
        self.dimensions.is_empty() && self.session.is_none()
    }

    /// The session, where it is one.
    pub(super) fn session(&self) -> Option<NameId> {
        self.session
    }

    /// The model, where the scope is one model whatever else.
    pub(super) fn model(&self) -> Option<NameId> {
        self.dimensions.iter().find(|(dimension, _)| *dimension == Dimension::Model).map(|(_, id)| *id)
    }

    /// All charges of that model match, and no others.
    pub(super) fn is_only_model(&self) -> bool {
        self.session.is_none() && matches!(self.dimensions.as_slice(), [(Dimension::Model, _)])
    }

    /// Whether charges of a profile match; of the session nothing is asked.
    pub(super) fn takes_profile(&self, profile: ProfileId, names: &Names) -> bool {
        self.dimensions.iter().all(|(dimension, id)| names.of(profile, *dimension) == *id)
    }

    /// Whether a charge matches.
    pub(super) fn takes(&self, profile: ProfileId, session: NameId, names: &Names) -> bool {
        self.session.is_none_or(|wanted| wanted == session) && self.takes_profile(profile, names)
    }
}
