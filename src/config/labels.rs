//! `[labels]`: names and paths enter, up to four dimensions of the operator's own leave, each in the slot where a state keeps it.

use super::document::{Table, Value};
use super::error::ConfigError;
use super::path::KeyPath;
use super::{Config, Each, Match, Origins};
use crate::usage::{Dimension, OwnLabel, OwnLabels};

/// Places a label is looked for in a line.
const MOST_PATHS: usize = 8;
/// Longest name, in letters.
const LONGEST_NAME: usize = 32;
/// Words that mean something else wherever a dimension can be named.
const TAKEN: [&str; 9] = ["session", "minute", "hour", "day", "week", "month", "all", "global", "kind"];

/// The operator's own labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    each: Vec<LabelConfig>,
    /// By slot, those of the state among them that no longer are configured.
    slots: LabelSlots,
}

/// One label and where a line may have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelConfig {
    /// Its slot and name.
    pub label: OwnLabel,
    /// Paths of keys; the first that is there counts.
    pub paths: Vec<KeyPath>,
}

/// Which label stands in which slot of a profile. A state keeps it for ever, so that no two labels ever mix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSlots([Option<String>; OwnLabel::MOST]);

/// A label has no slot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelsError {
    /// The state has given all slots away.
    #[error(
        "the state keeps the labels {kept} and has no room for '{name}': give it the name of one of them in [labels], or use another --state"
    )]
    Full {
        /// The label.
        name: &'static str,
        /// What the slots hold.
        kept: String,
    },
    /// Bytes that are no slots.
    #[error("the state's labels cannot be read: move the state away, or use another --state")]
    Unreadable,
}

impl Labels {
    /// None configured: nothing is looked for in any line.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.each.is_empty()
    }

    /// In the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &LabelConfig> {
        self.each.iter()
    }

    /// The dimension of that name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<Dimension> {
        self.each.iter().find(|config| config.label.name() == name).map(|config| Dimension::Own(config.label))
    }

    /// The labels themselves.
    #[must_use]
    pub fn own(&self) -> OwnLabels {
        let mut own = OwnLabels::default();
        own.iter_mut().zip(&self.each).for_each(|(place, config)| *place = Some(config.label));
        own
    }

    /// Which label stands in which slot.
    #[must_use]
    pub fn slots(&self) -> &LabelSlots {
        &self.slots
    }
}

impl LabelSlots {
    /// As text: a line `SLOT=NAME` for each.
    #[must_use]
    pub fn save(&self) -> String {
        let named = self.0.iter().enumerate().filter_map(|(slot, name)| Some((slot, name.as_ref()?)));
        named.map(|(slot, name)| format!("{slot}={name}\n")).collect::<Vec<_>>().concat()
    }

    /// Takes what [`LabelSlots::save`] wrote.
    ///
    /// # Errors
    /// [`LabelsError::Unreadable`].
    pub fn load(bytes: &[u8]) -> Result<LabelSlots, LabelsError> {
        let mut slots = LabelSlots::default();
        for line in std::str::from_utf8(bytes).map_err(|_| LabelsError::Unreadable)?.lines() {
            let (slot, name) = line.split_once('=').ok_or(LabelsError::Unreadable)?;
            let slot =
                slot.parse::<usize>().ok().and_then(|slot| slots.0.get_mut(slot)).ok_or(LabelsError::Unreadable)?;
            if refusal(name).is_some() || slot.is_some() {
                return Err(LabelsError::Unreadable);
            }
            *slot = Some(name.to_owned());
        }
        Ok(slots)
    }

    /// Whether no slot means one label here and another there.
    #[must_use]
    pub fn agrees_with(&self, other: &LabelSlots) -> bool {
        self.0.iter().zip(&other.0).all(|(a, b)| a.is_none() || b.is_none() || a == b)
    }

    fn of(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|other| other.as_deref() == Some(name))
    }

    fn names(&self) -> String {
        let names: Vec<String> = self.0.iter().flatten().map(|name| format!("'{name}'")).collect();
        names.join(", ")
    }
}

impl Config {
    /// Every dimension that can be named: costtop's own, then the operator's.
    #[must_use]
    pub fn dimensions(&self) -> Vec<Dimension> {
        let own = self.labels.iter().map(|config| Dimension::Own(config.label));
        Dimension::ALL.into_iter().chain(own).collect()
    }

    /// Moves each label to the slot in which a state keeps it; new ones take free slots.
    ///
    /// # Errors
    /// [`LabelsError::Full`]; the configuration is then as before.
    pub fn keep_slots(&mut self, kept: &LabelSlots) -> Result<(), LabelsError> {
        let mut slots = kept.clone();
        for config in &self.labels.each {
            let name = config.label.name();
            if slots.of(name).is_none() {
                let free = slots.0.iter_mut().find(|slot| slot.is_none());
                let Some(free) = free else { return Err(LabelsError::Full { name, kept: kept.names() }) };
                *free = Some(name.to_owned());
            }
        }
        let moved = |label: OwnLabel| slots.of(label.name()).map_or(label, |slot| label.moved(slot));
        let dimension = |dimension: &mut Dimension| {
            if let Dimension::Own(label) = dimension {
                *label = moved(*label);
            }
        };
        let globs = |globs: &mut Match| {
            for (of, _) in globs.iter_mut() {
                dimension(of);
            }
            globs.sort();
        };
        self.labels.each.iter_mut().for_each(|config| config.label = moved(config.label));
        for source in &mut self.sources {
            source.labels.iter_mut().for_each(|(of, _)| dimension(of));
            source.labels.sort();
        }
        for budget in &mut self.budgets {
            globs(&mut budget.matches);
            budget.overrides.iter_mut().for_each(|(matches, _)| globs(matches));
            if let Each::Dimension(of) = &mut budget.each {
                dimension(of);
            }
        }
        self.labels.slots = slots;
        Ok(())
    }
}

pub(super) fn read_labels(table: &Table, origins: &mut Origins) -> Result<Labels, ConfigError> {
    let mut labels = Labels::default();
    for value in table.each() {
        if let Some(what) = refusal(&value.key) {
            return Err(value.refuse(what));
        }
        let slot = labels.each.len();
        let Some(place) = labels.slots.0.get_mut(slot) else {
            return Err(value.refuse(format!("a fifth label '{}': at most {} are kept", value.key, OwnLabel::MOST)));
        };
        *place = Some(value.key.clone());
        origins.set(format!("labels.{}", value.key), value.origin());
        labels.each.push(LabelConfig { label: OwnLabel::new(slot, &value.key), paths: read_paths(&value)? });
    }
    Ok(labels)
}

/// Why a label cannot have that name.
fn refusal(name: &str) -> Option<String> {
    let shown = crate::label::clean(name);
    let letters = name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    if !letters || name.len() > LONGEST_NAME || !name.starts_with(|first: char| first.is_ascii_lowercase()) {
        return Some(format!(
            "a label cannot be called '{shown}': use a lower-case letter, then letters, digits and '_', {LONGEST_NAME} at most"
        ));
    }
    if Dimension::named(name).is_some() {
        return Some(format!("'{shown}' is a dimension already: leave it out, or call the label otherwise"));
    }
    TAKEN.contains(&name).then(|| format!("'{shown}' means something else in costtop: call the label otherwise"))
}

fn read_paths(value: &Value) -> Result<Vec<KeyPath>, ConfigError> {
    super::path::read_paths(value, "\"metadata.cost_center\", or a list of such paths", MOST_PATHS)
}

#[cfg(test)]
mod tests {
    use super::*;
    fn slots(names: [&str; OwnLabel::MOST]) -> LabelSlots {
        LabelSlots(names.map(|name| (!name.is_empty()).then(|| name.to_owned())))
    }

    fn config(names: &[&str]) -> Config {
        let each = names
            .iter()
            .enumerate()
            .map(|(slot, name)| LabelConfig { label: OwnLabel::new(slot, name), paths: Vec::new() });
        Config { labels: Labels { each: each.collect(), slots: LabelSlots::default() }, ..Config::default() }
    }

    #[test]
    fn slots_stay_with_their_names_whatever_the_order_of_the_configuration() {
        let kept = slots(["variant", "", "tag", ""]);
        let mut config = config(&["tag", "cost_center", "variant"]);
        config.keep_slots(&kept).expect("room");
        let of = |name: &str| config.labels.named(name).expect("configured").place() - OwnLabel::PLACES.start;
        assert_eq!((of("tag"), of("cost_center"), of("variant")), (2, 1, 0));
        assert_eq!(*config.labels.slots(), slots(["variant", "cost_center", "tag", ""]));
        assert!(kept.agrees_with(config.labels.slots()));
        assert!(!slots(["tag", "", "", ""]).agrees_with(&kept));
        assert_eq!(LabelSlots::load(config.labels.slots().save().as_bytes()), Ok(config.labels.slots().clone()));
    }

    #[test]
    fn a_state_whose_slots_are_all_taken_says_what_to_do() {
        let mut config = config(&["tag"]);
        let before = config.clone();
        let error = config.keep_slots(&slots(["a", "b", "c", "d"])).expect_err("no room");
        assert_eq!(config, before);
        insta::assert_snapshot!(error, @"the state keeps the labels 'a', 'b', 'c', 'd' and has no room for 'tag': give it the name of one of them in [labels], or use another --state");
    }

    #[test]
    fn what_no_state_wrote_is_refused() {
        for text in ["0", "4=a", "x=a", "0=a\n0=b", "0=User", "0=model"] {
            assert_eq!(LabelSlots::load(text.as_bytes()), Err(LabelsError::Unreadable), "{text}");
        }
    }
}
