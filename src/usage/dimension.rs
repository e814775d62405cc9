//! The ways to group charges: costtop's own and up to four of the operator's.

use std::borrow::Cow;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::name::Names;

/// One way to group charges. [`Dimension::place`] is its place in a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// Who is billed; chosen from the names a log offers.
    User,
    /// The team that pays.
    Team,
    /// Project, repository or working directory.
    Project,
    /// What the request was for.
    Feature,
    /// The agent or tool that asked.
    Agent,
    /// The machine that asked.
    Host,
    /// The SOURCE the record came from.
    Source,
    /// The API key.
    Key,
    /// A label of the operator's own: a cost centre, a variant, a tag.
    Own(OwnLabel),
    /// The model.
    Model,
    /// The provider.
    Provider,
    /// The service tier.
    Tier,
}

/// One of the operator's own labels: its slot among them, and what it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnLabel {
    slot: u8,
    /// Its place in [`NAMES`].
    name: u8,
}

/// The labels an operator has, in no particular order.
pub type OwnLabels = [Option<OwnLabel>; OwnLabel::MOST];

impl Dimension {
    /// How many there are in a profile.
    pub const COUNT: usize = 11 + OwnLabel::MOST;
    /// Every dimension that needs no configuration, in the order of profiles.
    pub const ALL: [Dimension; Dimension::COUNT - OwnLabel::MOST] = [
        Dimension::User,
        Dimension::Team,
        Dimension::Project,
        Dimension::Feature,
        Dimension::Agent,
        Dimension::Host,
        Dimension::Source,
        Dimension::Key,
        Dimension::Model,
        Dimension::Provider,
        Dimension::Tier,
    ];
    /// How many are chosen record by record (the rest follows the record whose tokens won).
    pub const CHOSEN: usize = OWN_FROM + OwnLabel::MOST;
    /// Those of them that need no configuration.
    pub const CHOSEN_ALWAYS: &'static [Dimension] = Dimension::ALL.split_at(OWN_FROM).0;

    /// Its place in a profile.
    #[must_use]
    pub const fn place(self) -> usize {
        match self {
            Dimension::User => 0,
            Dimension::Team => 1,
            Dimension::Project => 2,
            Dimension::Feature => 3,
            Dimension::Agent => 4,
            Dimension::Host => 5,
            Dimension::Source => 6,
            Dimension::Key => 7,
            Dimension::Own(label) => OWN_FROM + label.slot as usize,
            Dimension::Model => Dimension::CHOSEN,
            Dimension::Provider => Dimension::CHOSEN + 1,
            Dimension::Tier => Dimension::CHOSEN + 2,
        }
    }

    /// The word of the command line and of reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Dimension::User => "user",
            Dimension::Team => "team",
            Dimension::Project => "project",
            Dimension::Feature => "feature",
            Dimension::Agent => "agent",
            Dimension::Host => "host",
            Dimension::Source => "source",
            Dimension::Key => "key",
            Dimension::Own(label) => label.name(),
            Dimension::Model => "model",
            Dimension::Provider => "provider",
            Dimension::Tier => "tier",
        }
    }

    /// The dimension of that name, if it needs no configuration.
    #[must_use]
    pub fn named(name: &str) -> Option<Dimension> {
        Dimension::ALL.into_iter().find(|dimension| dimension.name() == name)
    }
}

/// Its name; one of the operator's own with its slot: `1:cost_centre`.
impl Serialize for Dimension {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Dimension::Own(label) => serializer.collect_str(&format_args!("{}:{}", label.slot, label.name())),
            dimension => serializer.serialize_str(dimension.name()),
        }
    }
}

impl<'de> Deserialize<'de> for Dimension {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Dimension, D::Error> {
        let name = <Cow<'_, str>>::deserialize(deserializer)?;
        let own = |(slot, name): (&str, &str)| OwnLabel::known(slot.parse().ok()?, name).map(Dimension::Own);
        Dimension::named(&name)
            .or_else(|| name.split_once(':').and_then(own))
            .ok_or_else(|| D::Error::custom("no dimension"))
    }
}

/// Names of labels: a configuration has at most four, a state as many more.
static NAMES: Names = Names::new();

/// Where the operator's own begin in a profile: behind the chosen ones, before those of the tokens.
const OWN_FROM: usize = 8;

impl OwnLabel {
    /// How many an operator may have.
    pub const MOST: usize = 4;
    /// Their places in a profile, by slot.
    pub const PLACES: std::ops::Range<usize> = OWN_FROM..OWN_FROM + OwnLabel::MOST;

    /// The label in `slot`, called `name`.
    ///
    /// # Panics
    /// For a slot that is none, and when a process has met more names than any configuration has.
    #[must_use]
    pub fn new(slot: usize, name: &str) -> OwnLabel {
        assert!(slot < OwnLabel::MOST, "one of {} slots", OwnLabel::MOST);
        OwnLabel { slot: slot as u8, name: NAMES.place(name) }
    }

    /// The label in `slot` of that name from another process; `None` for what no configuration can have, or has here.
    #[must_use]
    pub fn known(slot: usize, name: &str) -> Option<OwnLabel> {
        let is_name = |name: &str| name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_graphic());
        let known = || OwnLabel::known_name(name).is_some() || NAMES.has_room();
        (slot < OwnLabel::MOST && is_name(name) && known()).then(|| OwnLabel::new(slot, name))
    }

    /// The name itself, if some label of this process has it.
    #[must_use]
    pub fn known_name(name: &str) -> Option<&'static str> {
        NAMES.known(name)
    }

    /// The same label in another slot.
    ///
    /// # Panics
    /// For a slot that is none.
    #[must_use]
    pub fn moved(self, slot: usize) -> OwnLabel {
        assert!(slot < OwnLabel::MOST, "one of {} slots", OwnLabel::MOST);
        OwnLabel { slot: slot as u8, ..self }
    }

    /// Its slot.
    #[must_use]
    pub const fn slot(self) -> usize {
        self.slot as usize
    }

    /// What it is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.get(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_knows_its_name_in_any_slot() {
        let (one, other) = (OwnLabel::new(0, "one"), OwnLabel::new(1, "other"));
        assert_eq!((one.name(), other.name(), other.slot()), ("one", "other", 1));
        assert_eq!(one, OwnLabel::new(3, "one").moved(0));
        assert_eq!(OwnLabel::known_name("other"), Some("other"));
        assert_eq!(OwnLabel::known_name("never"), None);
    }

    #[test]
    fn every_dimension_has_a_place_of_its_own() {
        let own = (0..OwnLabel::MOST).map(|slot| Dimension::Own(OwnLabel::new(slot, "own")));
        let mut places: Vec<usize> = Dimension::ALL.into_iter().chain(own).map(Dimension::place).collect();
        places.sort_unstable();
        assert_eq!(places, (0..Dimension::COUNT).collect::<Vec<_>>());
        assert!(Dimension::CHOSEN_ALWAYS.iter().all(|dimension| dimension.place() < Dimension::CHOSEN));
    }
}
