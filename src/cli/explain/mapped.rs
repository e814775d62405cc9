//! What mappings did with a record, in words: facts enter, rows leave.

use crate::format::mapping::{Fact, Told};

/// Facts on one row.
const PER_ROW: usize = 4;

/// What the mapping that describes a record found, field by field.
pub(super) fn rows(told: &[Told]) -> Vec<String> {
    let mut rows = Vec::new();
    for told in told {
        let Told::Means { mapping, facts, absent, unverified, .. } = told else { continue };
        let doubt =
            if *unverified { " (built in, unverified: compare a line with its maker's own figures)" } else { "" };
        rows.push(format!("by {mapping}{doubt}"));
        let said = |fact: &Fact| format!("{} = {} ({})", fact.field.name(), fact.path, fact.value);
        rows.extend(
            facts.chunks(PER_ROW).map(|facts| facts.iter().map(said).collect::<Vec<_>>().join(super::line::DOT)),
        );
        if !absent.is_empty() {
            let names: Vec<&str> = absent.iter().map(|field| field.name()).collect();
            rows.push(format!("nothing for {}", names.join(", ")));
        }
    }
    rows
}

/// Why no mapping makes a record a usage.
pub(super) fn refusals(told: &[Told]) -> String {
    let said = told.iter().filter_map(|told| match told {
        Told::Passes { mapping, why } => Some(format!("; {mapping} is for others: {why}")),
        Told::Means { unless: Some(test), .. } => Some(format!(": {test}")),
        Told::Means { .. } => None,
    });
    said.collect()
}
