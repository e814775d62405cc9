//! Interned labels and profiles: the engine works on numbers, names come back at the door.

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;
use std::hash::BuildHasher;

use crate::label::Label;
use crate::usage::{Dimension, OwnLabel};

/// A label's number in this process. 0 is no name, 1 is `(other)`.
pub type NameId = u32;
/// A profile's number in this process.
pub type ProfileId = u32;

/// No name: the log said nothing.
pub const NONE: NameId = 0;
/// What a bound folded away.
pub const OTHER: NameId = 1;

/// All dimensions of a charge but its session.
pub type Profile = [NameId; Dimension::COUNT];

/// How many profiles are told apart before dimensions fold into `(other)`.
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// Profiles before agent, host and key fold. All folded, there are half as many more at most.
    pub profiles: usize,
    /// Labels before new ones become `(other)`.
    pub names: usize,
}

impl Default for Caps {
    fn default() -> Caps {
        Caps { profiles: 1 << 18, names: 1 << 21 }
    }
}

/// Labels and profiles by number and back.
pub struct Names {
    caps: Caps,
    labels: Vec<Label>,
    label_index: HashTable<NameId>,
    profiles: Vec<Profile>,
    profile_index: HashTable<ProfileId>,
}

impl Default for Names {
    fn default() -> Names {
        Names::new(Caps::default())
    }
}

impl Names {
    /// Empty, but for the two reserved names.
    #[must_use]
    pub fn new(caps: Caps) -> Names {
        let mut names = Names {
            caps,
            labels: Vec::new(),
            label_index: HashTable::new(),
            profiles: Vec::new(),
            profile_index: HashTable::new(),
        };
        names.labels.push(Label::new(""));
        names.labels.push(Label::new("(other)"));
        names
    }

    /// The number of a label; the empty label is [`NONE`]; past the cap, [`OTHER`].
    pub fn intern(&mut self, label: &Label) -> NameId {
        if label.as_str().is_empty() {
            return NONE;
        }
        // A log that says so means the same: two groups of one name would be told apart by nobody.
        if *label == self.labels[OTHER as usize] {
            return OTHER;
        }
        let hash = FxBuildHasher.hash_one(label.as_str());
        if let Some(id) = self.label_index.find(hash, |id| self.labels[*id as usize] == *label) {
            return *id;
        }
        if self.labels.len() >= self.caps.names {
            return OTHER;
        }
        let Ok(id) = NameId::try_from(self.labels.len()) else { return OTHER };
        self.labels.push(label.clone());
        let labels = &self.labels;
        self.label_index.insert_unique(hash, id, |id| FxBuildHasher.hash_one(labels[*id as usize].as_str()));
        id
    }

    /// The label of a number.
    #[must_use]
    pub fn label(&self, id: NameId) -> &Label {
        self.labels.get(id as usize).unwrap_or(&self.labels[0])
    }

    /// The label, or `None` for no name.
    #[must_use]
    pub fn named(&self, id: NameId) -> Option<&Label> {
        (id != NONE).then(|| self.label(id))
    }

    /// The number of a label that is known already.
    #[must_use]
    pub fn find(&self, label: &str) -> Option<NameId> {
        if label.is_empty() {
            return Some(NONE);
        }
        self.label_index.find(FxBuildHasher.hash_one(label), |id| self.labels[*id as usize].as_str() == label).copied()
    }

    /// The number of a profile. Past the cap agent, host and key fold first, then feature, project and the operator's own labels,
    /// then user, and in the end all.
    pub fn profile(&mut self, mut profile: Profile) -> ProfileId {
        const FOLDS: [&[Dimension]; 5] = [
            &[Dimension::Agent, Dimension::Host, Dimension::Key],
            &[Dimension::Feature, Dimension::Project],
            &[Dimension::User],
            &[Dimension::Team, Dimension::Source],
            &[Dimension::Model, Dimension::Provider, Dimension::Tier],
        ];
        let mut hash = FxBuildHasher.hash_one(profile);
        let mut cap = self.caps.profiles;
        for fold in FOLDS {
            if let Some(id) = self.profile_index.find(hash, |id| self.profiles[*id as usize] == profile) {
                return *id;
            }
            if self.profiles.len() < cap {
                break;
            }
            for dimension in fold {
                profile[dimension.place()] = OTHER;
            }
            if fold.contains(&Dimension::Feature) {
                profile[OwnLabel::PLACES].fill(OTHER);
            }
            hash = FxBuildHasher.hash_one(profile);
            cap += self.caps.profiles / 8;
        }
        if let Some(id) = self.profile_index.find(hash, |id| self.profiles[*id as usize] == profile) {
            return *id;
        }
        let id = ProfileId::try_from(self.profiles.len()).unwrap_or(ProfileId::MAX);
        self.profiles.push(profile);
        let profiles = &self.profiles;
        self.profile_index.insert_unique(hash, id, |id| FxBuildHasher.hash_one(profiles[*id as usize]));
        id
    }

    /// The dimensions of a profile.
    #[must_use]
    pub fn dimensions(&self, id: ProfileId) -> &Profile {
        &self.profiles[id as usize]
    }

    /// One dimension of a profile.
    #[must_use]
    pub fn of(&self, id: ProfileId, dimension: Dimension) -> NameId {
        self.profiles[id as usize][dimension.place()]
    }

    /// Labels known.
    #[must_use]
    pub fn labels(&self) -> usize {
        self.labels.len()
    }

    /// Profiles known.
    #[must_use]
    pub fn profiles(&self) -> usize {
        self.profiles.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_log_invents_profiles_stay_bounded() {
        let mut names = Names::new(Caps { profiles: 64, names: 1 << 20 });
        let own = (0..OwnLabel::MOST).map(|slot| Dimension::Own(OwnLabel::new(slot, "own")));
        for dimension in Dimension::ALL.into_iter().chain(own) {
            for number in 0..200 {
                let mut profile: Profile = [NONE; Dimension::COUNT];
                profile[dimension.place()] = names.intern(&Label::new(&format!("{}{number}", dimension.name())));
                let id = names.profile(profile);
                assert_eq!(names.profile(profile), id, "the same for ever");
                assert_eq!(names.profile(*names.dimensions(id)), id, "also after it was folded");
            }
        }
        assert!(names.profiles() <= 64 + 32 + 1, "{}", names.profiles());
    }

    #[test]
    fn a_log_that_says_other_means_other() {
        let mut names = Names::default();
        assert_eq!(names.intern(&Label::new("(other)")), OTHER);
        assert_eq!(names.intern(&Label::new("")), NONE);
    }
}
