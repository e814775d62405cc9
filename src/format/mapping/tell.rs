//! What a mapping did with a record, field by field, for `costtop explain`. Values leave as labels; prompts go nowhere, since no path is
//! one unless the operator says so, and then it is cut as every label is.

use crate::config::{KeyPath, MappedField, Test, spell_path};
use crate::label::Label;

use super::{Compiled, Found, Mapping, is_nothing};

/// One fact that a mapping found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Which.
    pub field: MappedField,
    /// Where.
    pub path: String,
    /// What stood there.
    pub value: Label,
}

/// What a mapping did with a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// It describes the record.
    Means {
        /// The mapping.
        mapping: String,
        /// What was found.
        facts: Vec<Fact>,
        /// What was looked for and not there.
        absent: Vec<MappedField>,
        /// The test of `unless` that makes it no usage.
        unless: Option<String>,
        /// It has not been compared with the figures of the log's own maker.
        unverified: bool,
    },
    /// It does not.
    Passes {
        /// The mapping.
        mapping: String,
        /// The first condition that does not hold.
        why: String,
    },
}

impl Mapping {
    pub(super) fn tell(&self, found: &Found<'_>) -> Told {
        let mapping = self.config.name.clone();
        if let Some(why) = self.refusal(found) {
            return Told::Passes { mapping, why };
        }
        let (mut facts, mut absent) = (Vec::new(), Vec::new());
        for (field, places) in &self.config.fields {
            match self.slot(found, *field) {
                Some(slot) => {
                    let place = self.fields[*field as usize].iter().position(|other| *other == slot).unwrap_or(0);
                    let path = places.get(place).map(spelled).unwrap_or_default();
                    let text = found[slot].plain();
                    let value = if text.is_empty() { Label::new("no text, no number") } else { text.label() };
                    facts.push(Fact { field: *field, path, value });
                }
                None => absent.push(*field),
            }
        }
        let mut tests = self.unless.iter().zip(&self.config.unless);
        let unless = tests.find(|(test, _)| test.holds(found)).map(|(test, config)| said(test, config, found));
        Told::Means { mapping, facts, absent, unless, unverified: self.config.unverified }
    }

    /// The first condition that does not hold.
    fn refusal(&self, found: &Found<'_>) -> Option<String> {
        let absent = self.has.iter().zip(&self.config.has).find(|(slot, _)| found[**slot].is_null());
        if let Some((_, path)) = absent {
            return Some(format!("'{}' is not there", spelled(path)));
        }
        let mut tests = self.when.iter().zip(&self.config.when);
        let (test, config) = tests.find(|(test, _)| !test.holds(found))?;
        Some(said(test, config, found))
    }
}

fn said(test: &Compiled, config: &Test, found: &Found<'_>) -> String {
    let (path, value) = (spelled(&config.path), found[test.slot]);
    if is_nothing(value) {
        return format!("'{path}' is not there");
    }
    format!("'{path}' is '{}'", value.plain().label())
}

fn spelled(path: &KeyPath) -> String {
    crate::label::clean(&spell_path(path)).into_owned()
}
