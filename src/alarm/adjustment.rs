//! Corrections of budgets by a person: an amount, for whom and why enters once; the sums of the budgets it means move by it.
//!
//! An adjustment moves budgets and nothing else: what was spent stays what was spent. It is kept for as long as a budget can count it.

use serde::{Deserialize, Serialize};

use super::budget::Budgets;
use super::scope::Parts;
use super::state::Alarms;
use crate::engine::names::{NONE, NameId, Names};
use crate::label::Label;
use crate::money::Money;
use crate::time::{MINUTE_MS, Timestamp};
use crate::usage::Dimension;

/// Two months: the longest period and the one before it.
const KEPT_MS: i64 = 62 * 1440 * MINUTE_MS;
/// At most so many are kept; more in two months is a script gone wrong, and is refused.
const MOST: usize = 4096;

/// One correction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adjustment {
    /// Chosen by who sends it: the same one again is the same correction.
    pub id: Label,
    /// In whose period it counts.
    pub time: Timestamp,
    /// The budget; `None`: every budget that counts for whom it is.
    pub budget: Option<Label>,
    /// For whom: what a charge of theirs would say.
    pub of: Vec<(Dimension, Label)>,
    /// For which session.
    pub session: Option<Label>,
    /// Added to what was spent; less than nothing gives money back.
    pub amount: Money,
    /// Why.
    pub reason: Option<Label>,
    /// Who did it.
    pub by: Label,
}

/// Why an adjustment is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdjustError {
    /// No budget of that name.
    #[error("no budget '{name}': use {known}")]
    NoBudget {
        /// As it was named.
        name: Label,
        /// Those that there are.
        known: String,
    },
    /// A budget for each user needs to know which user.
    #[error("budget '{0}' is kept for each {1}: say which {1}")]
    NoKey(Label, &'static str),
    /// It lies in no period that is kept.
    #[error("no budget counts this: its period is over, or no budget is kept for whom it names")]
    Nowhere,
    /// Too many.
    #[error("{MOST} adjustments in two months are enough: change the limit of the budget instead")]
    TooMany,
}

/// All corrections that still count somewhere, and the sum of all there ever were.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adjustments {
    total: Money,
    kept: Vec<Adjustment>,
}

impl Adjustments {
    /// What [`Adjustments::save`] wrote.
    ///
    /// # Errors
    /// No such JSON.
    pub fn load(text: &str) -> Result<Adjustments, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// As JSON.
    #[must_use]
    pub fn save(&self) -> String {
        serde_json::json!(self).to_string()
    }

    /// The sum of all there ever were.
    #[must_use]
    pub fn total(&self) -> Money {
        self.total
    }

    /// The sum of those in a span; of one without bounds, of all there ever were. What lies more than two months back is known as a part
    /// of that alone.
    #[must_use]
    pub fn within(&self, since: Option<Timestamp>, until: Option<Timestamp>) -> Money {
        if since.is_none() && until.is_none() {
            return self.total;
        }
        let meant = |time: Timestamp| since.is_none_or(|since| time >= since) && until.is_none_or(|until| time < until);
        self.kept.iter().filter(|one| meant(one.time)).map(|one| one.amount).sum()
    }

    /// Those that still count somewhere, the oldest first.
    #[must_use]
    pub fn kept(&self) -> &[Adjustment] {
        &self.kept
    }

    /// It was taken before.
    #[must_use]
    pub fn has(&self, id: &Label) -> bool {
        self.kept.iter().any(|adjustment| adjustment.id == *id)
    }

    /// Moves the budgets by `adjustment` and keeps it; returns how many sums it moved. One that was taken before moves none.
    ///
    /// # Errors
    /// [`AdjustError`]: nothing moved.
    pub fn take(
        &mut self,
        adjustment: Adjustment,
        (budgets, names): (&mut Budgets, &mut Names),
        now: Timestamp,
        alarms: &mut Alarms,
    ) -> Result<usize, AdjustError> {
        if self.has(&adjustment.id) {
            return Ok(0);
        }
        self.kept.retain(|old| old.time.plus_ms(KEPT_MS) > now);
        if self.kept.len() >= MOST {
            return Err(AdjustError::TooMany);
        }
        let moved = budgets.adjust(&adjustment, names, alarms)?;
        self.total += adjustment.amount;
        self.kept.push(adjustment);
        Ok(moved)
    }
}

impl Adjustment {
    /// Whom it names, by number, as a charge of theirs would.
    pub(super) fn parts(&self, names: &mut Names) -> (Parts, NameId) {
        let of = self.of.iter().map(|(dimension, label)| (*dimension, names.intern(label))).collect();
        let session = self.session.as_ref().map_or(NONE, |label| names.intern(label));
        (Parts(of), session)
    }
}
