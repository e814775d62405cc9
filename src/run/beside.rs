//! Records of costtop's own that stand beside usage: what a decoder kept of one enters, an adjustment of budgets leaves, or why it is none.
//! Moves no budget.

use serde_json::{Map, Value};

use crate::alarm::{Adjustment, Stated, StatedNames};
use crate::engine::record::Surroundings;
use crate::format::Beside;
use crate::format::labels::LabelPaths;
use crate::label::Label;
use crate::output::figures::difference;
use crate::time::{Timestamp, Zone};
use crate::usage::{Dimension, Rejection};

/// What such a record is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meant {
    /// It corrects budgets. Without an id of its own, its id is empty.
    Adjustment(Box<Adjustment>),
    /// A transfer or an outcome: it is passed on.
    Other,
    /// It would correct budgets, and cannot be read.
    Refused(Rejection, String),
}

/// Reads `beside`, which has the source's own labels where it has none, as a charge would. `now` is its time where it has none.
#[must_use]
pub fn read(beside: &Beside, around: &Surroundings, labels: Option<&LabelPaths>, zone: Zone, now: Timestamp) -> Meant {
    if beside.record.is_empty() {
        return Meant::Refused(Rejection::TooLong, format!("longer than {} KiB", Beside::LONGEST >> 10));
    }
    let record: Map<String, Value> = match serde_json::from_slice(&beside.record) {
        Ok(record) => record,
        // Invalid UTF-8 refuses no usage, but an amount for somebody unnamed moves no money.
        Err(error) => return Meant::Refused(Rejection::Json, crate::label::clean(&error.to_string()).into_owned()),
    };
    if record.get("type").and_then(Value::as_str) != Some("adjustment") {
        return Meant::Other;
    }
    let names = StatedNames { known: &Dimension::ALL, user_order: &around.user_order, zone };
    let mut adjustment = match Stated::read(&record, names, beside.time.unwrap_or(now)) {
        Ok(stated) => stated.adjustment,
        Err(error) => return Meant::Refused(Rejection::Number, error),
    };
    adjustment.time = beside.time.unwrap_or(now);
    if let Some(labels) = labels {
        let mut room = Vec::new();
        let found = labels.find(&beside.record, &mut room);
        let stated = labels.own().iter().filter(|label| !found[label.slot()].is_empty());
        adjustment.of.extend(stated.map(|label| (Dimension::Own(*label), found[label.slot()].label())));
    }
    for (dimension, label) in &around.defaults {
        if adjustment.of.iter().all(|(of, _)| of != dimension) {
            adjustment.of.push((*dimension, label.clone()));
        }
    }
    if let Some(source) = &around.source {
        adjustment.of.retain(|(of, _)| *of != Dimension::Source);
        adjustment.of.push((Dimension::Source, source.clone()));
    }
    adjustment.by = around.source.clone().unwrap_or_else(|| Label::new("a log"));
    Meant::Adjustment(Box::new(adjustment))
}

/// `adjusted by mara: -$10.00 of 'everything' (refund)`.
#[must_use]
pub fn said(adjustment: &Adjustment) -> String {
    let Adjustment { budget, of, session, amount, reason, by, .. } = adjustment;
    let whose = budget.as_ref().map_or_else(String::new, |name| format!(" of '{name}'"));
    // Of a source it is told by whom it was adjusted.
    let of = of.iter().filter(|(dimension, _)| *dimension != Dimension::Source);
    let of = of.map(|(dimension, label)| format!(" {} {label}", dimension.name())).collect::<Vec<_>>().concat();
    let session = session.as_ref().map_or_else(String::new, |session| format!(" session {session}"));
    let reason = reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
    format!("adjusted by {by}: {}{whose}{of}{session}{reason}", difference(*amount))
}
